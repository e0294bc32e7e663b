"""The OpenAPI document is valid, holds every route, and tells what is really answered (tests/door/answers.py holds
every answer of the whole suite to it; here is a walk through all of them)."""

import re

import pytest
from openapi_spec_validator import validate

from door.api import BASE, ROUTES
from door.openapi import document
from tests.door import answers
from ticketing import views
from ticketing.errors import REFUSALS


def test_the_document_is_openapi_3_1(client):
    told = client.get("/api/v1/openapi.json").json
    assert told["openapi"].startswith("3.1")
    validate(told)


def test_every_route_is_in_it_and_nothing_else(app):
    served = {
        (method.lower(), answers.told_path(rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(BASE)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    told = {(method, path) for path, methods in document()["paths"].items() for method in methods}
    assert told == served
    assert len(told) == len(ROUTES.items)


def test_every_operation_has_a_name_of_its_own(app):
    names = [operation["operationId"] for methods in document()["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_every_refusal_it_names_is_one(app):
    named = {code for route in ROUTES.items for code in route.refusals} - {"nobody"}
    assert named <= set(REFUSALS)


def test_every_refusal_is_named_somewhere(app):
    told = str(document()["paths"])
    # No route, no method; the day close alone; a clip beside the API.
    outside = {"not_found", "method_not_allowed", "not_expirable", "no_voice"}
    assert [code for code in REFUSALS if f"`{code}`" not in told and code not in outside] == []


def test_every_parameter_in_a_path_is_told(app):
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_an_answer_that_is_not_told_would_be_found(door, monkeypatch):
    """The control: one field too many, one refusal nobody declared."""
    plain = views.hall_view
    monkeypatch.setattr(views, "hall_view", lambda *parts: plain(*parts) | {"extra": 1})
    with pytest.raises(AssertionError, match="extra"):
        door.get("/halls/hall")
    monkeypatch.setattr(views, "hall_view", lambda *parts: {**plain(*parts), "open": "yes"})
    with pytest.raises(AssertionError, match="open"):
        door.get("/halls/hall")


def test_a_day_in_the_hall_is_answered_as_told(door, at):
    """Every route that there is, each with an answer that tells something."""
    cast, asked = door.cast, set()
    cast.rules(no_show_calls=1, no_show_seconds=0)

    def ask(method, path, body=None, who=None, status=200):
        at.later(1)
        answer = door.ask(method, path, body, who)
        assert answer.status_code == status, answer.text
        rule, _ = door.app.url_map.bind("localhost").match(f"{BASE}{path.partition('?')[0]}", method, return_rule=True)
        asked.add((method, rule.rule))
        return answer.json

    def counter(verb, body=None, status=200, number=1):
        return ask("POST", f"/halls/hall/counters/{number}/{verb}", body, f"counter {number}", status)

    def take(body, who="kiosk"):
        return ask("POST", "/halls/hall/tickets", body, who, 201)["id"]

    browser = door.app.test_client()
    assert browser.post(f"{BASE}/session", json={"login": "max", "password": "open sesame 1"}).status_code == 200
    asked.add(("POST", f"{BASE}/session"))
    counter("open", {"agent": "alice"})
    counter("open", number=3)
    counter("pause", {"reason": "Tea"})
    counter("resume")
    counter("call", status=204)
    first = take({"items": ["I1", "T1"], "name": "某某", "phone": "13800138000", "priority": "elderly"})
    second = take({"bundle": "B1", "appointment": {"at": "2026-11-23T09:00:30+08:00"}}, "gina")
    third = take({"queue": "tax", "id_number": "11010519491231002X"}, "integration")
    ask("POST", f"/halls/hall/tickets/{first}/priority", {"grant": True}, "gina")
    ask("POST", f"/halls/hall/tickets/{third}/move", {"place": "front", "priority": "army"}, "max")
    ask("POST", f"/tickets/{second}/postpone", {"places": 2})
    for number, who in ((1, "counter 1"), (1, "max"), (3, "counter 3"), (2, "bob")):
        ask("GET", f"/halls/hall/counters/{number}", who=who)
    called = counter("call")["id"]
    assert called == first
    counter("recall", {"ticket": first})
    ask("GET", f"/tickets/{first}")
    counter("no-show", {"ticket": first})
    ask("POST", f"/halls/hall/tickets/{first}/reinstate", who="kiosk")
    counter("call", {"ticket": "A001"})
    counter("begin", {"ticket": first})
    counter("hold", {"ticket": first, "kind": "kept"})
    ask("GET", "/halls/hall/counters/1", who="alice")
    ask("GET", f"/tickets/{first}")
    counter("resume-ticket", {"ticket": first})
    ask("GET", "/halls/hall/load", who="max")
    counter("transfer", {"ticket": first, "to": {"counter": 1}, "place": "front"})
    ask("GET", "/halls/hall/tickets?state=waiting&queue=general&limit=1", who="gina")
    ask("GET", "/halls/hall/tickets?number=a001", who="alice")
    counter("call")
    counter("begin", {"ticket": first})
    counter("finish", {"ticket": first, "outcomes": [{"item": "I1", "outcome": "advice", "note": "Come again"}]})
    ask("POST", f"/tickets/{first}/rating", {"level": 2, "reasons": ["Slow"], "comment": "…"})
    ask("POST", f"/tickets/{second}/cancel")
    for path in (
        "/halls",
        "/halls/hall",
        "/halls/hall/items",
        "/halls/hall/items?q=I&limit=1",
        "/halls/hall/queues",
        f"/tickets/{first}",
        f"/tickets/{first}/qr.svg",
        "/openapi.json",
    ):
        answer = door.get(path)
        assert answer.status_code == 200
        rule, _ = door.app.url_map.bind("localhost").match(f"{BASE}{path.partition('?')[0]}", return_rule=True)
        asked.add(("GET", rule.rule))
    notice = ask("POST", "/halls/hall/notices", {"text": "x", "zone": "east", "minutes": 5}, "max", 201)["id"]
    for path in ("/halls/hall/board", "/halls/hall/events", "/halls/hall/events?after=3&limit=2"):
        ask("GET", path, who="board")
    ask("DELETE", f"/halls/hall/notices/{notice}", who="max", status=204)
    ask("PUT", "/halls/hall/counters/9/queues", {"queues": ["tax", "pickup"]}, "max")
    ask("POST", "/halls/hall/queues/tax/close", who="max")
    ask("GET", "/halls/hall/queues")
    ask("POST", "/halls/hall/queues/tax/open", who="max")
    ask("GET", "/halls/hall/load", who="root")
    ask("GET", "/halls/hall/days", who="integration")
    assert door.get("/halls/hall/days?format=csv", who="root").status_code == 200
    refused = door.post("/halls/hall/unblock", {"id_number": "11010519491231002X"}, "max")
    assert refused.json["code"] == "not_blocked"
    asked.add(("POST", f"{BASE}/halls/<hall>/unblock"))
    counter("close")
    ask("GET", "/session", who="max")
    ask("DELETE", "/session", who="max", status=204)
    declared = {(route.method, BASE + route.path) for route in ROUTES.items}
    assert declared - asked == set()
