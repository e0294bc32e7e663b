"""Every refusal is a problem (RFC 9457) with a stable code, in the reader's language; below /api nobody gets a page."""

import pytest
from peewee import OperationalError

from door.api import problem
from ticketing.errors import REFUSALS, Refusal


@pytest.mark.parametrize("code", REFUSALS)
def test_each_code_has_its_status_and_words(app, code):
    with app.test_request_context(headers={"Accept-Language": "en"}):
        told = problem(Refusal(code))
    status, words = REFUSALS[code]
    assert told == {
        "type": f"/problems/{code}",
        "title": words,
        "status": status,
        "detail": words,
        "code": code,
    }
    assert 400 <= status < 600


@pytest.mark.parametrize("code", REFUSALS)
def test_each_code_speaks_chinese(app, code):
    with app.test_request_context():
        told = problem(Refusal(code))["title"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told), f"{code} has no translation"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v2/halls", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("DELETE", "/api/v1/halls", 405, "method_not_allowed"),
        ("GET", "/api/v1/halls/hall/counters/1/call", 405, "method_not_allowed"),
        ("GET", "/api/v1/halls/hall/notices/x", 404, "not_found"),
        ("GET", "/api/v1/halls/moon", 404, "unknown_hall"),
        ("PATCH", "/api/v1/session", 405, "method_not_allowed"),
    ],
)
def test_below_the_api_nobody_gets_a_page(client, method, path, status, code):
    answer = client.open(path, method=method, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype, answer.json["code"]) == (status, "application/problem+json", code)
    assert "<" not in answer.text


def test_a_wrong_method_tells_the_right_ones(client):
    assert "POST" in client.get("/api/v1/halls/hall/counters/1/call").headers["Allow"]


def test_elsewhere_a_person_gets_a_page(client):
    answer = client.get("/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_who_is_not_known_is_told_how_to_be(client):
    answer = client.get("/api/v1/halls/hall/board")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_what_goes_wrong_inside_tells_nothing_of_it(door, monkeypatch):
    def fails(*_):
        raise RuntimeError("secret of the machine")

    monkeypatch.setattr("ticketing.views.hall_view", fails)
    answer = door.get("/halls/hall")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text and "Traceback" not in answer.text


def test_a_database_that_does_not_answer_is_busy(door, monkeypatch):
    def away(*_):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("ticketing.views.hall_view", away)
    answer = door.get("/halls/hall")
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "no_storage", "1")


# -- fields --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", "/halls", None),
        ("GET", "/halls/hall", None),
        ("GET", "/halls/hall/items", None),
        ("GET", "/halls/hall/queues", None),
        ("GET", "/halls/hall/tickets", "gina"),
        ("GET", "/halls/hall/events", "board"),
        ("GET", "/halls/hall/load", "max"),
        ("POST", "/halls/hall/counters/1/open", "counter 1"),
        ("POST", "/halls/hall/queues/tax/close", "max"),
        ("DELETE", "/session", "max"),
    ],
)
def test_an_unknown_query_field_is_named(door, method, path, who):
    answer = door.refused("invalid", method, f"{path}?nonsense=1", who=who)
    assert "nonsense" in [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("path", "body", "who"),
    [
        ("/halls/hall/tickets", {"queue": "tax", "nonsense": 1}, "kiosk"),
        ("/halls/hall/counters/1/open", {"nonsense": 1}, "counter 1"),
        ("/halls/hall/counters/1/close", {"nonsense": 1}, "counter 1"),
        ("/halls/hall/counters/1/call", {"nonsense": 1}, "counter 1"),
        ("/halls/hall/notices", {"text": "x", "nonsense": 1}, "max"),
        ("/session", {"login": "x", "password": "y", "nonsense": 1}, None),
    ],
)
def test_an_unknown_body_field_is_named(door, path, body, who):
    answer = door.refused("invalid", "POST", path, body, who=who)
    assert [error["field"] for error in answer.json["errors"]] == ["nonsense"]


def test_a_field_inside_another_is_named_with_its_way(door):
    body = {"ticket": "x", "outcomes": [{"item": "I1", "outcome": "done", "nonsense": 1}]}
    answer = door.refused("invalid", "POST", "/halls/hall/counters/1/finish", body, who="counter 1")
    assert [error["field"] for error in answer.json["errors"]] == ["outcomes.0.nonsense"]


@pytest.mark.parametrize("body", [[], "text", 7, None, [{"queue": "tax"}]])
def test_a_body_that_is_no_object(door, body):
    client, known = door.known("kiosk")
    answer = client.post("/api/v1/halls/hall/tickets", json=body, headers=known)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


@pytest.mark.parametrize("body", [{"queue": "ta\0x"}, {"items": ["I\0"]}, {"queue": "tax", "name": "\0"}, {"\0": 1}])
def test_a_zero_byte_is_in_no_text(door, body):
    door.refused("invalid", "POST", "/halls/hall/tickets", body, who="kiosk")


def test_a_zero_byte_is_in_no_query(door):
    door.refused("invalid", "GET", "/halls/hall/items?q=%00")
    door.refused("invalid", "GET", "/halls/hall/tickets?number=A%00", who="gina")


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-11-23T10:00:00", 10**17]
)
def test_an_appointment_is_at_a_time_there_is(door, at):
    body = {"queue": "tax", "appointment": {"at": at}}
    door.refused("invalid", "POST", "/halls/hall/tickets", body, who="kiosk")


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=many", "after=-1", f"after={2**63}"])
def test_pages_of_the_feed_have_bounds(door, query):
    door.refused("invalid", "GET", f"/halls/hall/events?{query}", who="board")


def test_no_body_is_an_empty_one(door):
    client, known = door.known("counter 1")
    for sent in ({}, {"data": b""}, {"data": b"  ", "content_type": "text/plain"}, {"json": {}}):
        assert client.post("/api/v1/halls/hall/counters/1/open", headers=known, **sent).status_code == 200


def test_a_body_of_just_64_kb_is_read(door):
    padding = " " * (64 * 1024 - len('{"queue":"tax"}'))
    client, known = door.known("kiosk")
    sent = {"headers": known, "content_type": "application/json"}
    assert client.post("/api/v1/halls/hall/tickets", data='{"queue":"tax"}' + padding, **sent).status_code == 201
    assert client.post("/api/v1/halls/hall/tickets", data='{"queue":"tax"} ' + padding, **sent).status_code == 413
