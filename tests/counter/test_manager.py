"""The manager's acts: which counters serve what, queues closed by hand, notices."""

import pytest

from counter import balance, stats
from tests.cast import CODE
from ticketing.models import CounterQueue, Notice, Queue

QUEUES = "/halls/hall/counters/1/queues"
NOTICES = "/halls/hall/notices"


def served(cast, number):
    rows = CounterQueue.select(Queue.code).join(Queue).where(CounterQueue.counter == number)
    return [code for (code,) in rows.order_by(CounterQueue.place).tuples()]


# -- which queues a counter serves ---------------------------------------------------------------------------------


def test_a_counter_serves_these_queues_in_this_order(door):
    answer = door.ask("PUT", QUEUES, {"queues": ["pickup", "tax"]}, "max")
    assert (answer.status_code, answer.json["queues"]) == (200, ["pickup", "tax"])
    assert served(door.cast, 1) == ["pickup", "tax"]
    assert served(door.cast, 2) == ["general"]
    event = door.cast.last()
    assert (event.type, event.public["counter"], event.public["queues"]) == (
        "counter.queues_changed",
        1,
        ["pickup", "tax"],
    )


def test_it_calls_from_them_at_once(door):
    door.cast.open(1)
    door.cast.issue("tax")
    assert door.cast.call(1) is None
    door.ask("PUT", QUEUES, {"queues": ["tax"]}, "max")
    assert door.cast.call(1).number == "D001"


def test_the_ticket_in_hand_stays(door):
    ticket = door.cast.serving()
    door.ask("PUT", QUEUES, {"queues": ["tax"]}, "max")
    assert door.get("/halls/hall/counters/1", "counter 1").json["ticket"]["id"] == ticket.id
    assert door.cast.at_counter("finish", 1, ticket, None).state == "finished"


def test_each_queue_once(door):
    assert door.ask("PUT", QUEUES, {"queues": ["tax", "tax"]}, "max").json["queues"] == ["tax"]


def test_queues_that_cannot_be(door):
    door.refused("unknown_queue", "PUT", QUEUES, {"queues": ["tax", "moon"]}, who="max")
    for body in ({}, {"queues": []}, {"queues": "tax"}, {"queues": ["tax"], "counter": 2}):
        door.refused("invalid", "PUT", QUEUES, body, who="max")


# -- a queue closed by hand ----------------------------------------------------------------------------------------


def test_a_closed_queue_gives_no_number_and_is_called_all_the_same(door):
    cast = door.cast
    cast.issue("tax")
    cast.open(3)
    answer = door.post("/halls/hall/queues/tax/close", who="max")
    assert (answer.json["open"], answer.json["closed_because"]) == (False, "queue_closed")
    door.refused("queue_closed", "POST", "/halls/hall/tickets", {"queue": "tax"}, who="kiosk")
    assert cast.call(3).number == "D001"
    assert door.post("/halls/hall/queues/tax/open", who="max").json["open"] is True
    assert cast.issue("tax").number == "D002"
    assert [event.type for event in cast.events() if event.type.startswith("queue")] == ["queue.closed", "queue.opened"]


@pytest.mark.parametrize("closed", [False, True])
def test_saying_it_again_changes_nothing(cast, closed):
    cast.write(lambda change: balance.set_queue_closed(change, "tax", closed))
    before = cast.rows()
    cast.write(lambda change: balance.set_queue_closed(change, "tax", closed))
    assert cast.rows() == before


def test_a_queue_that_is_not_there(door):
    door.refused("unknown_queue", "POST", "/halls/hall/queues/moon/close", who="max")


# -- notices -------------------------------------------------------------------------------------------------------


def test_a_notice_is_posted_shown_and_withdrawn(door):
    answer = door.post(NOTICES, {"text": "  Water is off ", "zone": "west"}, who="max")
    assert answer.status_code == 201
    notice = answer.json
    assert (notice["text"], notice["zone"], notice["until"]) == ("Water is off", "west", None)
    assert door.cast.last().public["notice"]["text"] == "Water is off"
    assert [one["id"] for one in door.get("/halls/hall/board", "board").json["notices"]] == [notice["id"]]
    assert Notice.get().posted_by.login == "max"
    gone = door.ask("DELETE", f"{NOTICES}/{notice['id']}", who="max")
    assert (gone.status_code, gone.data) == (204, b"")
    assert (door.cast.last().type, door.cast.last().public) == ("notice.withdrawn", {"notice": {"id": notice["id"]}})
    assert door.get("/halls/hall/load", "max").json["notices"] == []


def test_withdrawing_again_changes_nothing(door):
    id = door.post(NOTICES, {"text": "x"}, who="max").json["id"]
    door.ask("DELETE", f"{NOTICES}/{id}", who="max")
    before = door.cast.rows()
    assert door.ask("DELETE", f"{NOTICES}/{id}", who="max").status_code == 204
    assert door.cast.rows() == before


def test_a_notice_ends_by_itself(cast, at):
    cast.write(lambda change: balance.post_notice(change, "Short", None, 10, None))
    cast.write(lambda change: balance.post_notice(change, "Long", None, None, None))
    at.later(599)
    assert [notice["text"] for notice in stats.load(CODE)["notices"]] == ["Short", "Long"]
    at.later(1)
    assert [notice["text"] for notice in stats.load(CODE)["notices"]] == ["Long"]


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": "   "}, {"text": "x" * 201}, {"text": "x", "minutes": 0}, {"text": "x", "zone": "moon"}]
    + [{"text": "x", "minutes": 1e9}, {"text": "x", "colour": "red"}],
)
def test_notices_that_cannot_be(door, body):
    door.refused("invalid", "POST", NOTICES, body, who="max")


@pytest.mark.parametrize("id", [77, 2**31, 2**63, 10**30])
def test_a_notice_that_is_not_there(door, id):
    door.refused("unknown_notice", "DELETE", f"{NOTICES}/{id}", who="max")
