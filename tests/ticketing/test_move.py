"""Move and set_priority: the manager and the guide put a waiting ticket elsewhere."""

import pytest

from ticketing.errors import Refusal
from ticketing.models import Queue


def waiting_counts():
    return {queue.code: queue.waiting for queue in Queue.select()}


def move_path(ticket):
    return f"/halls/hall/tickets/{ticket.id}/move"


def test_to_another_queue_it_keeps_its_number_and_its_time(cast, at):
    ticket = cast.issue()
    at.later(300)
    moved = cast.on_ticket("move", ticket, "tax", None, None)
    assert (moved.number, moved.queue.code, moved.arrived_at) == ("A001", "tax", ticket.issued_at)
    assert waiting_counts() == {"general": 0, "tax": 1, "pickup": 0}
    event = cast.last()
    assert event.public["waiting"] == {"general": 0, "tax": 1}
    assert event.staff["from_queue"] == "general"


def test_to_the_same_queue_the_count_stays(cast):
    ticket = cast.issue()
    cast.on_ticket("move", ticket, "general", None, "tail")
    assert waiting_counts()["general"] == 1
    assert cast.last().public["waiting"] == {"general": 1}


def test_another_class_counts_at_once(cast, at):
    cast.open(1)
    cast.issue()
    at.later(10)
    ticket = cast.issue(priority="elderly")
    at.later(10)
    moved = cast.on_ticket("move", ticket, None, "army", None)
    assert (moved.priority, moved.asked_priority) == ("army", None)
    assert cast.call(1).id == ticket.id


@pytest.mark.parametrize(
    ("place", "order"), [("front", ["A003", "A001", "A002"]), ("tail", ["A001", "A002", "A003"]), (None, None)]
)
def test_a_place(cast, at, place, order):
    cast.open(1)
    tickets = []
    for _ in range(3):
        tickets.append(cast.issue())
        at.later(10)
    if place is None:
        cast.on_ticket("move", tickets[2], None, None, "front")
        cast.on_ticket("move", tickets[2], None, None, "keep")
        order = ["A001", "A002", "A003"]
    else:
        cast.on_ticket("move", tickets[2], None, None, place)
    called = []
    while following := cast.call(1):
        called.append(following.number)
        cast.at_counter("begin", 1, following)
        cast.at_counter("finish", 1, following, None)
    assert called == order


def test_in_front_of_one_queue_is_not_in_front_of_the_next(cast, at):
    cast.issue("tax")
    at.later(10)
    ticket = cast.issue()
    cast.on_ticket("move", ticket, None, None, "front")
    moved = cast.on_ticket("move", ticket, "tax", None, None)
    assert moved.front_seq is None
    cast.open(3)
    assert cast.call(3).number == "D001"


def test_to_another_queue_it_is_no_longer_kept_for_a_counter(cast):
    ticket = cast.serving()
    cast.at_counter("transfer", 1, ticket, None, 1, "keep")
    assert cast.on_ticket("move", ticket, "tax", None, None).reserved_for is None


def test_by_http(door):
    ticket = door.cast.issue()
    answer = door.post(move_path(ticket), {"queue": "tax", "priority": "army", "place": "front"}, who="max")
    assert (answer.json["queue"], answer.json["priority"], answer.json["ahead"]) == ("tax", "army", 0)
    door.refused("unknown_queue", "POST", move_path(ticket), {"queue": "moon"}, who="max")
    door.refused("unknown_priority", "POST", move_path(ticket), {"priority": "king"}, who="max")
    door.refused("invalid", "POST", move_path(ticket), {}, who="max")
    door.refused("invalid", "POST", move_path(ticket), {"place": "middle"}, who="max")


def test_an_empty_move_is_invalid_also_when_nothing_waits(door):
    """422 comes before 409."""
    door.refused("invalid", "POST", move_path(door.cast.led_to("called")), {}, who="max")


# -- priority declared and confirmed -------------------------------------------------------------------------------


def priority_path(ticket):
    return f"/halls/hall/tickets/{ticket.id}/priority"


def test_granted_it_counts_from_the_arrival(door, at):
    door.cast.open(1)
    door.cast.issue()
    at.later(60)
    ticket = door.cast.issue(priority="elderly")
    at.later(60)
    answer = door.post(priority_path(ticket), {"grant": True}, who="gina")
    assert (answer.json["priority"], answer.json["asked_priority"], answer.json["ahead"]) == ("elderly", None, 0)
    assert door.cast.last().staff["granted"] is True
    assert door.cast.call(1).id == ticket.id


def test_refused_it_stays_normal_and_is_asked_no_more(door):
    ticket = door.cast.issue(priority="elderly")
    answer = door.post(priority_path(ticket), {"grant": False}, who="gina")
    assert (answer.json["priority"], answer.json["asked_priority"]) == ("normal", None)
    door.refused("nothing_asked", "POST", priority_path(ticket), {"grant": True}, who="gina")


def test_nothing_was_declared(cast):
    ticket = cast.issue()
    with pytest.raises(Refusal, match="nothing_asked"):
        cast.on_ticket("set_priority", ticket, True)


def test_the_desk_finds_those_who_wait_for_it(door):
    door.cast.issue()
    ticket = door.cast.issue(priority="elderly")
    found = door.get("/halls/hall/tickets?asked_priority=true", "gina").json["items"]
    assert [one["id"] for one in found] == [ticket.id]
    assert len(door.get("/halls/hall/tickets?asked_priority=false", "gina").json["items"]) == 1
