"""Postpone: an applicant goes back in line by some places, a few times."""

import pytest

from ticketing.errors import Refusal
from ticketing.models import Ticket


def line(cast, at, *priorities):
    """One every ten seconds, the first has waited longest."""
    tickets = []
    for priority in priorities:
        tickets.append(cast.issue(priority=priority))
        at.later(10)
    cast.open(1)
    return tickets


def ahead(door, ticket):
    return door.get(f"/tickets/{ticket.id}").json["ahead"]


@pytest.mark.parametrize(("places", "now_ahead"), [(1, 1), (2, 2), (3, 3), (4, 4), (10, 4)])
def test_back_by_so_many_places(door, at, places, now_ahead):
    tickets = line(door.cast, at, *[None] * 5)
    answer = door.post(f"/tickets/{tickets[0].id}/postpone", {"places": places})
    assert (answer.status_code, answer.json["postpones_left"]) == (200, 1)
    at.later(1)
    assert ahead(door, tickets[0]) == now_ahead
    assert sorted(ahead(door, ticket) for ticket in tickets) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("mine", [0, 1, 2, 3])
def test_back_among_other_classes(door, at, mine):
    """Everybody of the line goes back by one: exactly one has gone before."""
    tickets = line(door.cast, at, None, "army", "appointment", None, "army")
    order = sorted(tickets, key=lambda ticket: ahead(door, ticket))
    door.post(f"/tickets/{order[mine].id}/postpone", {"places": 1})
    order[mine], order[mine + 1] = order[mine + 1], order[mine]
    assert sorted(tickets, key=lambda ticket: ahead(door, ticket)) == order


def test_it_may_go_on_losing_time_but_never_its_number(cast, at):
    first, _ = line(cast, at, None, None)
    back = cast.on_ticket("postpone", first, 1)
    assert (back.number, back.state, back.issued_at) == ("A001", "waiting", first.issued_at)
    assert back.arrived_at > first.arrived_at


def test_out_of_the_front(cast, at):
    first, second = line(cast, at, None, None)
    cast.on_ticket("move", second, None, None, "front")
    cast.on_ticket("postpone", second, 1)
    assert cast.fresh(second).front_seq is None
    assert cast.call(1).id == first.id


def test_at_most_twice_by_default(door, at):
    first, *_ = line(door.cast, at, *[None] * 8)
    for left in (1, 0):
        assert door.post(f"/tickets/{first.id}/postpone", {"places": 1}).json["postpones_left"] == left
    door.refused("postpone_limit", "POST", f"/tickets/{first.id}/postpone", {"places": 1})


def test_as_often_as_the_hall_says(cast, at):
    cast.rules(postpone_times=0)
    first, _ = line(cast, at, None, None)
    with pytest.raises(Refusal, match="postpone_limit"):
        cast.on_ticket("postpone", first, 1)


@pytest.mark.parametrize("body", [{}, {"places": 0}, {"places": 11}, {"places": "many"}, {"places": 1, "to": "tail"}])
def test_one_to_ten_places(door, body):
    ticket = door.cast.issue()
    door.refused("invalid", "POST", f"/tickets/{ticket.id}/postpone", body)


def test_only_while_waiting(door):
    ticket = door.cast.led_to("called")
    door.refused("not_waiting", "POST", f"/tickets/{ticket.id}/postpone", {"places": 1})


def test_alone_in_line_it_stays_where_it_is(cast, at):
    cast.open(1)
    ticket = cast.issue()
    at.later(60)
    cast.on_ticket("postpone", ticket, 5)
    assert cast.call(1).id == ticket.id


def test_the_whole_line_stays_whole(cast, at):
    """Postponed in strict order too: it goes behind those of its own class, never out of it."""
    cast.rules(order="strict")
    tickets = line(cast, at, "army", "army", None, "army", None)
    cast.on_ticket("postpone", tickets[0], 1)
    called = []
    while following := cast.call(1):
        called.append(following.number)
        cast.at_counter("begin", 1, following)
        cast.at_counter("finish", 1, following, None)
    assert called == ["A002", "A001", "A004", "A003", "A005"]
    assert Ticket.select().where(Ticket.state == "finished").count() == 5
