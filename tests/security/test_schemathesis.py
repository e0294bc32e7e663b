"""schemathesis over the OpenAPI document, once with each role: whatever is sent, no 5xx, no answer that the document
does not tell, none that the role may not have. The same requests in every run."""

import os
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from counter import staff
from door.api import BASE, ROUTES
from tests.cast import CODE
from tests.door.answers import hold, told_path

PERSON = {"desk": "gina", "agent": "alice", "manager": "max", "admin": "root"}
ROLES = ("nobody", "kiosk", "board", "counter", "desk", "agent", "manager", "admin", "integration")
EXAMPLES = int(os.environ.get("SECURITY_EXAMPLES", "2"))  # for each operation, role and kind of data
# What a request must name to come past the 404: rows of the cast, and what is like them.
NAMES = {
    "hall": st.sampled_from([CODE, CODE, CODE, "HALL", "hall ", "h\u00e4ll", "%00", "..", "hall'--", "{{7*7}}"]),
    "counter": st.sampled_from(["1", "2", "9", "0", "-1", "01", "\u0661", "1e3", "99999999999", "one"]),
    "queue": st.sampled_from(["general", "tax", "pickup", "tax'", "*", "\u7a0e"]),
    "notice": st.sampled_from(["1", "2", "0", "2147483648", "99999999999999999999"]),
}


@pytest.fixture
def schema(app):
    return schemathesis.openapi.from_wsgi(f"{BASE}/openapi.json", app)


@pytest.fixture
def hall(cast):
    """Tickets in every state, so that verbs have something to act on."""
    cast.rules(no_show_calls=1, no_show_seconds=0)
    tickets = [cast.issue("general") for _ in range(3)] + [cast.issue("tax"), cast.issue("pickup")]
    cast.open(1)
    cast.open(2, "alice")
    tickets.append(cast.call(1))
    return st.sampled_from([ticket.id for ticket in tickets] + ["x" * 22, "..", "%00", "' OR 1=1 --"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_sent(app, door, hall, schema, role, mode, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)  # argon2 has no part in this
    routes = {(route.method, BASE + told_path(route.path)): route for route in ROUTES.items}
    asked = 0
    for operation in (result.ok() for result in schema.get_all_operations()):
        asked += ask(app, door, hall, operation, routes[operation.method.upper(), operation.path], role, mode)
    assert asked > len(routes) * EXAMPLES / 3


def ask(app, door, hall, operation, route, role, mode) -> int:
    """Up to EXAMPLES requests to one operation; how many were sent."""
    sent = []

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)), data=st.data())
    def each(case, data):
        case.path_parameters = {
            name: data.draw(NAMES.get(name, hall)) if data.draw(st.integers(0, 3)) else value
            for name, value in (case.path_parameters or {}).items()
        }
        client, known = door.known(who_of(role))
        # What schemathesis makes up for the sign-in would take the role away.
        case.headers = {name: value for name, value in case.headers.items() if name != "Authorization"}
        case.cookies = {}
        answer = client.open(**case.as_transport_kwargs(headers=known))
        sent.append(answer.status_code)
        assert answer.status_code < 500, f"{route.method} {case.path_parameters} {case.body!r}: {answer.text}"
        hold(app, route.method, answer)
        if route.who and role not in route.who:
            elsewhere = answer.json["code"] in ("not_found", "method_not_allowed")  # a name was no part of an address
            assert elsewhere or answer.status_code in ((401,) if role == "nobody" else (403, 404)), answer.text
        if route.name == "end_session":
            door.kept.clear()

    with suppress(Unsatisfiable):  # there is nothing that could be wrong with a request without any part
        each()
    return len(sent)


def who_of(role: str) -> str | None:
    return {"nobody": None, "counter": "counter 1"}.get(role, PERSON.get(role, role))
