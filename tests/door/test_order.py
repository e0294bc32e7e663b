"""Checks come in one order: 401, 404, 403, body (413, 415, 400), 422, 409. Each request below has every fault from
one of them on, so what it is refused with is the first."""

import pytest

from ticketing.models import Hall, Ticket

ISSUE, CALL, MOVE = (
    "/halls/{hall}/tickets",
    "/halls/{hall}/counters/{counter}/call",
    "/halls/{hall}/tickets/{ticket}/move",
)
FINISH = "/halls/{hall}/counters/{counter}/finish"
QUEUE = "/halls/{hall}/queues/{queue}/close"
PUT_QUEUES = "/halls/{hall}/counters/{counter}/queues"
NOTICE = "/halls/{hall}/notices/{notice}"
THERE = {"hall": "hall", "counter": "1", "queue": "tax", "notice": "1"}
JSON = "application/json"


def send(door, method, path, who, data=b"", content_type=JSON):
    client, known = door.known(who)
    answer = client.open(f"/api/v1{path}", method=method, headers=known, data=data, content_type=content_type)
    assert answer.mimetype == "application/problem+json", answer.data
    return answer.json["code"]


# method, path, somebody who may not, somebody who may, a body that is JSON and nonsense
ROUTES = [
    ("POST", ISSUE, "board", "kiosk", b'{"x": 1}'),
    ("POST", CALL, "kiosk", "counter 1", b'{"x": 1}'),
    ("POST", FINISH, "gina", "counter 1", b"{}"),
    ("POST", MOVE, "alice", "max", b'{"place": 1}'),
    ("PUT", PUT_QUEUES, "alice", "max", b"{}"),
]


@pytest.fixture
def there(door):
    return THERE | {"ticket": door.cast.issue().id}


@pytest.mark.parametrize(("method", "path", "may_not", "may", "nonsense"), ROUTES)
def test_one_after_the_other(door, there, method, path, may_not, may, nonsense):
    url, nowhere = path.format(**there), path.format(**there | {"hall": "moon"})
    large, broken = b'{"x": "' + b"x" * 65536 + b'"}', b'{"x":'
    assert send(door, method, nowhere, None, large, "text/plain") == "unauthorized"
    assert send(door, method, nowhere, may_not, large, "text/plain") == "unknown_hall"
    assert send(door, method, url, may_not, large, "text/plain") == "forbidden"
    assert send(door, method, url, may, large, "text/plain") == "too_large"
    assert send(door, method, url, may, broken, "text/plain") == "not_json"
    assert send(door, method, url, may, broken) == "bad_json"
    assert send(door, method, url, may, nonsense) == "invalid"


@pytest.mark.parametrize(
    ("path", "missing", "code"),
    [
        (CALL, {"counter": "77"}, "unknown_counter"),
        (CALL, {"counter": "one"}, "unknown_counter"),
        (CALL, {"counter": "-1"}, "unknown_counter"),
        (CALL, {"counter": "99999999999999999999"}, "unknown_counter"),
        (CALL, {"counter": "1%00"}, "unknown_counter"),
        (CALL, {"hall": "hall%00"}, "unknown_hall"),
        (MOVE, {"ticket": "none"}, "unknown_ticket"),
        (MOVE, {"ticket": "a%00b"}, "unknown_ticket"),
        (MOVE, {"ticket": "x" * 2000}, "unknown_ticket"),
        (QUEUE, {"queue": "moon"}, "unknown_queue"),
    ],
)
def test_what_is_not_there_is_told_before_who_may_not(door, there, path, missing, code):
    for who in ("max", "board"):
        assert send(door, "POST", path.format(**there | missing), who, b"{") == code


def test_a_notice_that_is_not_there(door):
    assert send(door, "DELETE", NOTICE.format(**THERE), "gina") == "unknown_notice"


def test_what_is_wrong_is_told_before_what_is_impossible(door):
    """422 before 409: the queue is full, the id number is wrong, the class is unknown."""
    door.cast.queue("full", "F", max_waiting=0)
    body = {"queue": "full", "priority": "king"}
    door.refused("unknown_priority", "POST", "/halls/hall/tickets", body, who="kiosk")
    door.refused("queue_full", "POST", "/halls/hall/tickets", {"queue": "full"}, who="kiosk")
    door.refused("bad_id_number", "POST", "/halls/hall/tickets", {"queue": "full", "id_number": "1"}, who="kiosk")


def test_a_wrong_key_is_told_before_what_is_impossible(door):
    headers = {"Idempotency_Key": "not visible"}
    door.refused("bad_idempotency_key", "POST", "/halls/hall/counters/1/call", who="counter 1", **headers)


def test_a_tickets_id_is_looked_up_before_the_counters_hand(door):
    """404 before 409, also for an id in the body."""
    door.cast.open(1)
    for verb in ("recall", "begin", "finish", "no-show", "hold", "resume-ticket"):
        door.refused("unknown_ticket", "POST", f"/halls/hall/counters/1/{verb}", {"ticket": "none"}, who="counter 1")


def test_a_ticket_of_another_hall_is_unknown_in_this_one(door):
    ticket = door.cast.issue()
    other = Hall.create(code="other", name="Other")
    Ticket.update(hall=other).where(Ticket.id == ticket.id).execute()
    door.refused("unknown_ticket", "POST", f"/halls/hall/tickets/{ticket.id}/move", {"place": "front"}, who="max")
