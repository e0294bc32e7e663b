"""Calls at once: no ticket goes to two counters, none is lost, a counter has one."""

from functools import partial

import pytest

from counter import calling, sessions
from tests.cast import AT_ONCE, CODE
from tests.races.hammer import patiently, together
from tests.ticketing.consistency import faults
from ticketing import db, lifecycle
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import HallEvent, Ticket, Turn
from ticketing.status import LIVE

pytestmark = pytest.mark.race

COUNTERS = range(11, 19)
TICKETS = 500
ROUNDS = 15


def call(number, ticket=None):
    return db.write(CODE, lambda change: calling.call(change, number, ticket))


def codes(results):
    return sorted(result.code if isinstance(result, Refusal) else type(result).__name__ for result in results)


def fill(cast, count):
    wish = Wish(channel="kiosk", queue="general")
    jobs = [db.Job(CODE, lambda change: lifecycle.issue(change, wish), None) for _ in range(count)]
    db.commit(jobs)
    assert [job.error for job in jobs] == [None] * count


def test_eight_counters_call_500_no_ticket_twice_and_none_lost(crowd):
    crowd.rules(**AT_ONCE)
    for number in COUNTERS:
        crowd.counter(number, ["general"])
        crowd.open(number)
    fill(crowd, TICKETS)

    def work(index):
        called, number = [], COUNTERS[index]
        while ticket := patiently(lambda: call(number)):
            called.append(ticket.number)
            patiently(lambda: db.write(CODE, lambda change, id=ticket.id: calling.no_show(change, number, id)))
        return called

    by_counter = together(len(COUNTERS), work)
    called = [number for numbers in by_counter for number in numbers]
    assert sorted(called) == [f"A{number:03d}" for number in range(1, TICKETS + 1)]
    assert Ticket.select().where(Ticket.state == "no_show").count() == Turn.select().count() == TICKETS
    assert all(numbers == sorted(numbers) for numbers in by_counter)  # each counter heard them in order
    assert faults(crowd.hall) == []


def call_patiently(number, index):
    return patiently(lambda: call(index + 1, number))


def test_two_agents_call_the_same_number(crowd):
    for number in (1, 2):
        crowd.open(number)
    for _ in range(ROUNDS):
        ticket = crowd.issue()
        results = together(2, partial(call_patiently, ticket.number))
        assert codes(results) == ["Ticket", "not_waiting"]
        crowd.on_ticket("cancel", ticket)
    assert HallEvent.select().where(HallEvent.type == "ticket.called").count() == ROUNDS
    assert faults(crowd.hall) == []


def test_control_without_guards_both_get_it(cast, unguarded):
    for number in (1, 2):
        cast.open(number)
    ticket = cast.issue()
    unguarded(2)
    results = together(2, lambda index: call(index + 1, ticket.number))
    assert codes(results) == ["Ticket", "Ticket"]
    assert HallEvent.select().where(HallEvent.type == "ticket.called").count() == 2


def test_one_counter_called_twice_at_once(crowd):
    """A double click on two screens: one ticket, and a busy counter."""
    crowd.open(1)
    for _ in range(ROUNDS):
        crowd.issue()
        crowd.issue()
        results = together(2, lambda _: patiently(lambda: call(1)))
        assert codes(results) == ["Ticket", "counter_busy"]
        for ticket in Ticket.select().where(Ticket.state.in_(("waiting", "called"))):
            crowd.on_ticket("cancel", ticket)
    assert faults(crowd.hall) == []


def test_control_without_guards_the_counter_has_two(cast, unguarded):
    cast.open(1)
    tickets = [cast.issue() for _ in range(2)]
    unguarded(2)
    assert codes(together(2, lambda index: call(1, tickets[index].number))) == ["Ticket", "Ticket"]
    assert Ticket.select().where(Ticket.counter == 1, Ticket.state.in_(LIVE)).count() == 2


# -- against a counter that closes ---------------------------------------------------------------------------------


def close():
    return db.write(CODE, lambda change: sessions.close_counter(change, 1))


def test_a_counter_closes_while_it_calls(crowd):
    ways = {("Counter", "counter_not_open"), ("Ticket", "counter_busy")}
    for _ in range(ROUNDS):
        crowd.open(1)
        crowd.issue()
        results = together(2, lambda index: patiently(close if index else lambda: call(1)))
        assert tuple(codes(results)) in ways
        in_hand = Ticket.get_or_none(Ticket.state.in_(LIVE))
        assert (crowd.fresh(calling.Counter.get(number=1)).state == "closed") == (in_hand is None)
        for ticket in Ticket.select().where(Ticket.state.in_(("waiting", "called"))):
            crowd.on_ticket("cancel", ticket)
        crowd.write(lambda change: sessions.close_counter(change, 1))
    assert faults(crowd.hall) == []


def test_control_without_guards_it_closes_with_a_ticket_in_hand(cast, unguarded, monkeypatch):
    cast.open(1)
    cast.issue()
    meet, plain = unguarded(2), sessions.changed

    def changed(*parts, **columns):
        meet()
        return plain(*parts, **columns)

    monkeypatch.setattr(sessions, "changed", changed)
    assert codes(together(2, lambda index: close() if index else call(1))) == ["Counter", "Ticket"]
    assert calling.Counter.get(number=1).state == "closed"
    assert Ticket.get().state == "called"


# -- against an applicant who cancels ------------------------------------------------------------------------------


def cancel(ticket):
    return db.write(CODE, lambda change: lifecycle.cancel(change, ticket.id))


def cancel_or_call(ticket, index):
    return patiently(lambda: cancel(ticket) if index else call(1, ticket.number))


def test_an_applicant_cancels_while_being_called(crowd):
    """Both orders are allowed; either way it is cancelled in the end, and the counter is free."""
    crowd.open(1)
    for _ in range(ROUNDS):
        ticket = crowd.issue()
        results = together(2, partial(cancel_or_call, ticket))
        assert codes(results) in (["Ticket", "Ticket"], ["Ticket", "not_waiting"])
        assert crowd.fresh(ticket).state == "cancelled"
        assert calling.in_hand(calling.Counter.get(number=1)) is None
        assert faults(crowd.hall) == []


def test_control_without_guards_a_cancelled_one_is_still_called(cast, unguarded):
    cast.open(1)
    ticket = cast.issue()
    unguarded(2)
    together(2, lambda index: cancel(ticket) if index else call(1, ticket.number))
    assert faults(cast.hall) != []
    assert [turn.ended_at for turn in Turn.select()] == [None]
