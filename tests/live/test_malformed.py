"""Whatever is sent below /api, the answer is a problem object with a code: never HTML, never 5xx, never a trace."""

import socket
from itertools import product

import pytest
import requests

from tests.live.conftest import Server
from tests.live.people import People

pytestmark = pytest.mark.live

TICKETS = "/api/v1/halls/licheng/tickets"
CALL = "/api/v1/halls/licheng/counters/1/call"


@pytest.fixture(scope="module")
def people(tmp_path_factory, live_database_url):
    from tests.conftest import fresh_database

    url = fresh_database(live_database_url) if live_database_url else ""
    server = Server(tmp_path_factory.mktemp("malformed"), url)
    yield People(server)
    server.stop()


def is_a_problem(answer):
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:200])
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail", "code"} <= set(problem)
    assert "Traceback" not in answer.text and "<html" not in answer.text.lower()


BODIES = [
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"1e999",
    b"\xff\xfe",
    b"{}" * 3,
    b'{"queue": "general", "surprise": 1}',
    b'{"queue": null}',
    b'{"queue": {"$gt": ""}}',
    b'{"items": []}',
    b'{"items": ["x", 1]}',
    b'{"queue": "general\\u0000"}',
    b'{"queue": "' + b"x" * 5000 + b'"}',
    b'{"queue": "\\ud800"}',
    b'{"queue": "general", "channel": "pigeon"}',
    b'{"queue": "general", "id_number": "11010519491231002Y"}',
    b'{"queue": "general", "appointment": {"at": "tomorrow"}}',
    b'{"queue": "general", "appointment": {"at": "9999-99-99T00:00:00Z"}}',
    b"[" * 20_000,
    b" " * 70_000,
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_wrong_body_is_refused(people, body):
    headers = {"Authorization": f"Bearer {people.tokens['kiosk']}", "Content-Type": "application/json"}
    is_a_problem(requests.post(people.server.url + TICKETS, data=body, headers=headers, timeout=20))


@pytest.mark.parametrize(
    ("method", "path"),
    list(
        product(
            ("GET", "POST", "PUT", "DELETE", "PATCH"),
            (
                "/api/v1",
                "/api/v1/",
                "/api/v1/nothing",
                "/api/v1/halls/nowhere/tickets",
                "/api/v1/halls/licheng/counters/999999999999/call",
                "/api/v1/halls/licheng/counters/-1/call",
                "/api/v1/halls/licheng/counters/one/call",
                "/api/v1/tickets/%00/cancel",
                "/api/v1/tickets/" + "x" * 3000,
                "/api/v1/tickets/..%2f..%2fetc",
                "/api/v1/halls/%ff%fe/tickets",
            ),
        )
    ),
)
def test_a_wrong_address_is_refused(people, method, path):
    headers = {"Authorization": f"Bearer {people.tokens['kiosk']}"}
    is_a_problem(requests.request(method, people.server.url + path, json={}, headers=headers, timeout=20))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nobody"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer " + "x" * 4000},
        {"Cookie": "session=forged"},
        {},
    ],
)
def test_nobody_in_particular_is_refused(people, headers):
    answer = requests.post(people.server.url + CALL, json={}, headers=headers, timeout=20)
    is_a_problem(answer)
    assert answer.status_code == 401


@pytest.mark.parametrize("key", ["", "with space", "x" * 129, "caf\xe9"])
def test_a_wrong_key_is_refused(people, key):
    headers = {"Authorization": f"Bearer {people.tokens['kiosk']}", "Idempotency-Key": key.encode("latin-1")}
    answer = requests.post(people.server.url + TICKETS, json={"queue": "general"}, headers=headers, timeout=20)
    is_a_problem(answer)
    assert answer.json()["code"] == "bad_idempotency_key"


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_is_not_json_is_refused(people, type):
    headers = {"Authorization": f"Bearer {people.tokens['kiosk']}", "Content-Type": type}
    answer = requests.post(people.server.url + TICKETS, data=b'{"queue": "general"}', headers=headers, timeout=20)
    is_a_problem(answer)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=-1", "?limit=0", "?surprise=1", "?after=99999999999999999999", "?q=" + "x" * 999]
)
def test_a_wrong_question_is_refused(people, query):
    path = "events" if "after" in query else "items"
    headers = {"Authorization": f"Bearer {people.tokens['board']}"}
    is_a_problem(requests.get(f"{people.server.url}/api/v1/halls/licheng/{path}{query}", headers=headers, timeout=20))


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/v1/halls HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST " + TICKETS.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
)
def test_a_broken_line_harms_nobody_else(people, request_line):
    with socket.create_connection(("127.0.0.1", people.server.port), timeout=5) as line:
        line.sendall(request_line)
    assert people.get(None, "/halls")["items"]
    assert "Traceback" not in people.server.log.read_text()
