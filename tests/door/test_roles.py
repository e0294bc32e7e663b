"""Who may do what: every route × every role, tokens of other halls and counters, the rooms of one hall."""

import re

import pytest

from door.api import ROUTES
from door.who import DEVICES, PEOPLE, PROGRAMS, make_token
from ticketing.models import Counter, CounterQueue, Hall, Queue, Token

PERSON = {"desk": "gina", "agent": "alice", "manager": "max", "admin": "root"}
EVERYBODY = (*DEVICES, *PROGRAMS, *PEOPLE)

# The contract's roles, written out once more: routes that need somebody, and whom.
AT_COUNTER = {"counter", "agent", "manager", "admin"}
ISSUERS = {"kiosk", "desk", "agent", "manager", "admin", "integration"}
SEEN_BY = {"board", "desk", "agent", "manager", "admin"}
MANAGERS = {"manager", "admin"}
STAFF = {"desk", "agent", "manager", "admin"}
VERBS = ("open", "close", "pause", "resume", "call", "recall", "begin", "finish", "no-show", "hold", "resume-ticket")
COUNTER = "/halls/<hall>/counters/<counter>"
EXPECTED = {
    ("POST", "/halls/<hall>/tickets"): ISSUERS,
    ("GET", "/session"): STAFF,
    ("DELETE", "/session"): STAFF,
    ("GET", COUNTER): AT_COUNTER,
    **{("POST", f"{COUNTER}/{verb}"): AT_COUNTER for verb in VERBS},
    ("POST", f"{COUNTER}/transfer"): AT_COUNTER,
    ("PUT", f"{COUNTER}/queues"): MANAGERS,
    ("GET", "/halls/<hall>/tickets"): STAFF,
    ("POST", "/halls/<hall>/tickets/<ticket>/reinstate"): {"kiosk", "counter"} | STAFF,
    ("POST", "/halls/<hall>/tickets/<ticket>/move"): {"desk"} | MANAGERS,
    ("POST", "/halls/<hall>/tickets/<ticket>/priority"): {"desk"} | MANAGERS,
    ("GET", "/halls/<hall>/load"): MANAGERS,
    ("POST", "/halls/<hall>/unblock"): MANAGERS,
    ("GET", "/halls/<hall>/days"): {"integration"} | MANAGERS,
    ("POST", "/halls/<hall>/queues/<queue>/close"): MANAGERS,
    ("POST", "/halls/<hall>/queues/<queue>/open"): MANAGERS,
    ("POST", "/halls/<hall>/notices"): MANAGERS,
    ("DELETE", "/halls/<hall>/notices/<int:notice>"): MANAGERS,
    ("GET", "/halls/<hall>/board"): SEEN_BY,
    ("GET", "/halls/<hall>/events"): SEEN_BY,
}


def who_of(role):
    return PERSON.get(role) or ("counter 1" if role == "counter" else role)


def guarded():
    return [route for route in ROUTES.items if route.who]


@pytest.fixture
def address(door):
    """The address of a route, with everything it names there."""
    ticket = door.cast.issue().id
    notice = door.post("/halls/hall/notices", {"text": "x"}, who="max").json["id"]
    named = {"hall": "hall", "counter": "1", "ticket": ticket, "queue": "tax", "notice": str(notice)}
    return lambda route: re.sub(r"<(?:\w+:)?(\w+)>", lambda found: named[found[1]], route.path)


def test_the_routes_that_need_somebody_are_the_contracts(app):
    """A new route comes into this table with whom it is for."""
    assert {(route.method, route.path): set(route.who) for route in guarded()} == EXPECTED


def test_all_others_need_nobody(app):
    free = {(route.method, route.path) for route in ROUTES.items if not route.who}
    assert {path for method, path in free if method == "POST"} == {
        "/session",
        "/tickets/<ticket>/cancel",
        "/tickets/<ticket>/postpone",
        "/tickets/<ticket>/rating",
    }


def test_nobody_is_refused_everywhere(door, address):
    for route in guarded():
        door.refused("unauthorized", route.method, address(route))


@pytest.mark.parametrize("role", EVERYBODY)
def test_each_role_may_what_is_declared_and_nothing_else(door, address, role):
    may, may_not = [], []
    for route in guarded():
        if route.path == "/session" and role in PEOPLE:
            continue  # signing out would end the walk: tests/door/test_sign_in.py
        answer = door.ask(route.method, address(route), {"nonsense": 1}, who_of(role))
        (may_not if answer.status_code == 403 else may).append((route.method, route.path))
    expected = {way for way, roles in EXPECTED.items() if role in roles and way[1] != "/session"}
    assert set(may) == expected
    assert len(may) + len(may_not) == len(EXPECTED) - (2 if role in PEOPLE else 0)


# -- other halls and counters --------------------------------------------------------------------------------------


@pytest.fixture
def other(cast):
    """A second hall with a counter and a queue of the same names."""
    hall = Hall.create(code="other", name="Other")
    queue = Queue.create(hall=hall, code="general", name="General", prefix="A", general=True)
    counter = Counter.create(hall=hall, number=1, name="1")
    CounterQueue.create(counter=counter, queue=queue)
    return hall


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("kiosk", "POST", "/halls/other/tickets"),
        ("integration", "POST", "/halls/other/tickets"),
        ("board", "GET", "/halls/other/board"),
        ("board", "GET", "/halls/other/events"),
        ("counter 1", "GET", "/halls/other/counters/1"),
        ("counter 1", "POST", "/halls/other/counters/1/open"),
        ("alice", "POST", "/halls/other/counters/1/open"),
        ("gina", "GET", "/halls/other/tickets"),
        ("max", "GET", "/halls/other/load"),
        ("max", "PUT", "/halls/other/counters/1/queues"),
    ],
)
def test_another_hall_is_forbidden(door, other, who, method, path):
    door.refused("forbidden", method, path, who=who)


def test_an_administrator_is_at_home_in_every_hall(door, other):
    assert door.get("/halls/other/load", "root").status_code == 200


def test_another_counter_is_forbidden_to_a_counters_device(door):
    door.refused("forbidden", "GET", "/halls/hall/counters/2", who="counter 1")
    door.refused("forbidden", "POST", "/halls/hall/counters/2/open", who="counter 1")
    door.refused("forbidden", "POST", "/halls/hall/counters/2/call", who="counter 1")


def test_a_ticket_below_another_hall_is_not_there(door, other):
    ticket = door.cast.issue()
    door.refused("unknown_ticket", "POST", f"/halls/other/tickets/{ticket.id}/move", {"place": "tail"}, who="root")


# -- tokens --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", "Bearer", "bearer x y", "BEARER \xff"])
def test_a_wrong_token_is_refused_also_where_none_is_needed(client, value):
    for path in ("/api/v1/halls", "/api/v1/halls/hall/board"):
        answer = client.get(path, environ_overrides={"HTTP_AUTHORIZATION": value})
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")


def test_a_revoked_token_is_a_wrong_one(door, at):
    assert door.get("/halls/hall/board", "board").status_code == 200
    Token.update(revoked_at=at.now).where(Token.role == "board").execute()
    door.refused("unauthorized", "GET", "/halls/hall/board", who="board")


def test_any_case_of_bearer_will_do(door):
    token = door.cast.token("board")
    answer = door.app.test_client().get("/api/v1/halls/hall/board", headers={"Authorization": f"bEARER {token}"})
    assert answer.status_code == 200


def test_only_the_hash_of_a_token_is_kept(cast):
    token = cast.token("kiosk")
    assert len(token) >= 32
    assert token not in str(cast.rows()["Token"])


def test_the_same_token_given_twice_is_one(cast):
    for _ in range(2):
        make_token("kiosk", cast.hall, None, token="the demo's own token")
    assert Token.select().count() == 1
