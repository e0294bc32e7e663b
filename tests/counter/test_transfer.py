"""Transfer: back into line for a queue or for a counter; the number is kept."""

import pytest

from ticketing.errors import Refusal
from ticketing.models import Turn

PATH = "/halls/hall/counters/1/transfer"


def refused(cast, code, ticket, *to):
    before = cast.rows()
    with pytest.raises(Refusal) as refusal:
        cast.at_counter("transfer", 1, ticket, *to)
    assert refusal.value.code == code
    assert cast.rows() == before


@pytest.mark.parametrize("state", ["called", "serving"])
def test_to_a_queue(cast, at, state):
    ticket = cast.led_to(state)
    at.later(60)
    moved = cast.at_counter("transfer", 1, ticket, "tax", None, "keep")
    assert (moved.state, moved.number, moved.queue.code, moved.transfers) == ("waiting", "A001", "tax", 1)
    assert (moved.counter, moved.called_at, moved.begun_at, moved.calls) == (None, None, None, 0)
    assert Turn.get().ended_by == "transfer"
    event = cast.last()
    assert (event.public["queue"], event.public["waiting"]) == ("tax", {"tax": 1})
    assert event.public["counter_now"]["number"] is None


def test_to_a_counter_only_that_one_calls_it(cast):
    ticket = cast.serving()
    cast.open(2)
    cast.open(3)
    moved = cast.at_counter("transfer", 1, ticket, None, 2, "keep")
    assert (moved.queue.code, moved.reserved_for.number) == ("general", 2)
    assert cast.last().staff["reserved_for"] == 2
    assert cast.call(1) is None and cast.call(3) is None
    called = cast.call(2)
    assert (called.id, called.reserved_for) == (ticket.id, None)


def test_a_counter_may_keep_it_for_itself(cast):
    ticket = cast.serving()
    cast.at_counter("transfer", 1, ticket, None, 1, "keep")
    assert cast.call(1).id == ticket.id


def test_on_to_a_queue_it_is_no_longer_reserved(cast):
    ticket = cast.serving()
    cast.at_counter("transfer", 1, ticket, None, 1, "keep")
    cast.call(1)
    cast.at_counter("transfer", 1, ticket, "tax", None, "keep")
    cast.open(3)
    assert cast.call(3).id == ticket.id


@pytest.mark.parametrize(
    ("place", "order"),
    [("keep", ["D001", "A001", "D002", "D003"]), ("front", ["A001", "D001", "D002", "D003"])]
    + [("tail", ["D001", "D002", "D003", "A001"])],
)
def test_its_place(cast, at, place, order):
    cast.issue("tax")
    at.later(10)
    ticket = cast.serving()
    for _ in range(2):
        at.later(10)
        cast.issue("tax")
    at.later(10)
    cast.at_counter("transfer", 1, ticket, "tax", None, place)
    at.later(10)
    cast.open(3)
    called = []
    while following := cast.call(3):
        called.append(following.number)
        cast.at_counter("begin", 3, following)
        cast.at_counter("finish", 3, following, None)
    assert called == order


def test_keep_keeps_the_waited_time_and_tail_begins_anew(cast, at):
    first, second = cast.serving(), cast.serving(2)
    at.later(600)
    assert cast.at_counter("transfer", 1, first, "tax", None, "keep").arrived_at == first.issued_at
    assert cast.at_counter("transfer", 2, second, "tax", None, "tail").arrived_at == at.now


def test_earlier_fronts_go_first(cast, at):
    first, second = cast.serving(), cast.serving(2)
    cast.at_counter("transfer", 2, second, "tax", None, "front")
    cast.at_counter("transfer", 1, first, "tax", None, "front")
    cast.open(3)
    assert cast.call(3).id == second.id


def test_within_the_same_queue_only_to_a_counter(cast):
    refused(cast, "same_queue", cast.serving(), "general", None, "tail")


def test_not_to_a_closed_counter(cast):
    refused(cast, "counter_not_open", cast.serving(), None, 2, "keep")


def test_not_to_what_is_not_there(cast):
    ticket = cast.serving()
    refused(cast, "unknown_queue", ticket, "moon", None, "keep")
    refused(cast, "unknown_counter", ticket, None, 77, "keep")


def test_by_http(door):
    ticket = door.cast.serving()
    for to in ({}, {"queue": "tax", "counter": 2}, {"hall": "x"}):
        door.refused("invalid", "POST", PATH, {"ticket": ticket.id, "to": to}, who="counter 1")
    body = {"ticket": ticket.id, "to": {"queue": "tax"}, "place": "first"}
    door.refused("invalid", "POST", PATH, body, who="counter 1")
    door.refused("same_queue", "POST", PATH, {"ticket": ticket.id, "to": {"queue": "general"}}, who="counter 1")
    answer = door.at(1, "transfer", {"ticket": ticket.id, "to": {"queue": "tax"}})
    assert (answer.json["state"], answer.json["queue"], answer.json["ahead"]) == ("waiting", "tax", 0)


def test_a_counter_number_beyond_any_database(door):
    ticket = door.cast.serving()
    for number in (10**12, 2**63, 10**30, -1):
        answer = door.ask("POST", PATH, {"ticket": ticket.id, "to": {"counter": number}}, "counter 1")
        assert answer.json["code"] in ("invalid", "unknown_counter")


def test_a_manager_may_too(door):
    ticket = door.cast.serving()
    answer = door.at(1, "transfer", {"ticket": ticket.id, "to": {"queue": "tax"}, "place": "front"}, who="max")
    assert answer.status_code == 200


def test_an_unknown_goal_is_told_before_a_stale_ticket(door):
    """404 comes before 409."""
    door.cast.open(1)
    ticket = door.cast.issue()
    for to, code in (({"queue": "moon"}, "unknown_queue"), ({"counter": 77}, "unknown_counter")):
        door.refused(code, "POST", PATH, {"ticket": ticket.id, "to": to}, who="counter 1")
    door.refused("stale_ticket", "POST", PATH, {"ticket": ticket.id, "to": {"queue": "tax"}}, who="counter 1")
