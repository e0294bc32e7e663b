"""The hall's clock is put back or forward, and stays so: order, numbers and the business day hold."""

import pytest

from counter import sweep
from tests.cast import AT_ONCE
from ticketing import clock, db, views
from ticketing.models import Hall, Queue, Ticket, Turn

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
BACK = [2 * MINUTE, HOUR, 2 * DAY, 30 * 365 * DAY]


def called_in_turn(cast, count):
    numbers = []
    for counter in range(1, 4):
        cast.open(counter)
    for counter in range(1, count + 1):
        ticket = cast.call(counter)
        numbers.append(ticket.number if ticket else None)
    return numbers


@pytest.mark.parametrize("back", BACK)
def test_who_came_first_is_called_first(cast, at, back):
    first = cast.issue()
    at.later(10 * MINUTE)
    at.later(-back)
    second = cast.issue()
    at.later(5 * MINUTE)
    third = cast.issue()
    assert called_in_turn(cast, 3) == [first.number, second.number, third.number]


@pytest.mark.parametrize("back", BACK)
def test_nobody_has_waited_for_less_than_nothing(cast, at, back):
    ticket = cast.issue()
    at.later(10 * MINUTE)
    at.later(-back)
    at.later(5 * MINUTE)
    cast.issue()
    # How long it was from the newest event to the step nobody knows: it is left out.
    assert clock.now() - cast.fresh(ticket).arrived_at == max(0, 15 * MINUTE - back) * 1000


@pytest.mark.parametrize("back", BACK)
def test_no_number_is_given_twice(cast, at, back):
    sweep.sweep()  # a server's first pass
    before = [cast.issue().number for _ in range(3)]
    at.later(-back)
    after = [cast.issue().number for _ in range(3)]
    assert before + after == [f"A{n:03d}" for n in range(1, 7)]


@pytest.mark.parametrize("back", BACK)
def test_a_day_that_was_closed_does_not_come_back(cast, at, back):
    sweep.sweep()
    at.later(DAY)
    sweep.sweep()
    today = db.today(cast.fresh(cast.hall), clock.now())
    assert cast.issue().number == "A001"
    at.later(-back)
    ticket = cast.issue()
    assert (ticket.number, ticket.business_date) == ("A002", today)
    sweep.sweep()
    assert cast.fresh(ticket).state == "waiting"


@pytest.mark.parametrize("back", BACK)
def test_the_log_goes_on_by_its_seq(cast, at, back):
    cast.issue()
    at.later(-back)
    cast.issue()
    cast.issue()
    events = cast.events()
    assert [event.seq for event in events] == [1, 2, 3]
    assert events[1].at <= events[2].at


@pytest.mark.parametrize("back", BACK)
def test_a_called_one_can_still_be_missed_and_served(cast, at, back):
    cast.rules(no_show_calls=1, no_show_seconds=60)
    cast.open(1)
    missed = cast.issue()
    cast.call(1)
    at.later(-back)
    cast.at_counter("recall", 1, missed)
    at.later(60)
    assert cast.at_counter("no_show", 1, missed).state == "no_show"
    served = cast.issue()
    cast.call(1)
    assert cast.at_counter("begin", 1, served).begun_at == clock.now()


@pytest.mark.parametrize("back", BACK)
def test_durations_are_those_of_the_hall(cast, at, back):
    served = cast.serving()
    at.later(5 * MINUTE)
    cast.issue()  # the newest event before the step
    at.later(-back)
    at.later(3 * MINUTE)
    cast.at_counter("finish", 1, served, None)
    turn = Turn.get(Turn.ticket == served.id)
    assert (turn.ended_at - turn.begun_at) / 1000 == 8 * MINUTE - min(3 * MINUTE, back)


def test_a_small_difference_is_waited_out(cast, at):
    """Two machines' clocks; or a time server that corrects."""
    first = cast.issue()
    at.later(-30)
    second = cast.issue()
    assert second.arrived_at == first.arrived_at
    assert cast.fresh(cast.hall).last_at == first.arrived_at


def test_a_booked_arrival_stays_where_it_was_booked(cast, at):
    booked = cast.issue(booked_at=clock.now() + 3 * HOUR * 1000)
    at.later(-HOUR)
    cast.issue()
    assert cast.fresh(booked).arrived_at == booked.arrived_at


def test_a_missed_one_comes_back_to_its_old_place(cast, at):
    cast.rules(**AT_ONCE | {"reinstate_place": "old"})
    missed = cast.led_to("no_show")
    at.later(-HOUR)
    cast.issue()
    at.later(MINUTE)
    cast.on_ticket("reinstate", missed)
    assert cast.call(1).number == missed.number


def test_another_hall_is_not_touched(cast, at):
    other = Hall.create(code="other", name="Other")
    queue = Queue.create(hall=other, code="general", name="General", prefix="A", general=True)
    cast.issue()
    Ticket.update(hall=other, queue=queue).execute()
    Hall.update(last_at=0).where(Hall.id == other.id).execute()
    before = Ticket.get().arrived_at
    at.later(-HOUR)
    cast.issue()
    assert Ticket.get(Ticket.hall == other).arrived_at == before


@pytest.mark.parametrize("forward", [HOUR, 30 * 365 * DAY])
def test_a_clock_put_forward_keeps_the_order_and_the_estimate(cast, at, forward):
    served = cast.serving()
    first, second = cast.issue(), cast.issue()
    before = Queue.get(Queue.code == "general").service_ms
    at.later(forward)
    third = cast.issue()
    cast.at_counter("finish", 1, served, None)
    if forward > DAY:
        assert Queue.get(Queue.code == "general").service_ms == before
    assert called_in_turn(cast, 3) == [first.number, second.number, third.number]


def test_a_clock_that_was_days_ahead_is_told_and_mended_in_the_evening(cast, at):
    sweep.sweep()
    at.later(400 * DAY)
    sweep.sweep()
    ahead = db.today(cast.fresh(cast.hall), clock.now())
    at.later(-400 * DAY)
    assert cast.issue().business_date == ahead
    assert any("close-day" in fault for fault in sweep.inconsistencies(cast.hall, clock.now()))
    sweep.close_day(cast.hall.code)
    assert sweep.inconsistencies(cast.fresh(cast.hall), clock.now()) == []
    ticket = cast.issue()
    assert (ticket.business_date, ticket.number) == ("2026-11-23", "A001")


def test_midnight_that_comes_twice(cast, at):
    """St John's went from 00:01 back to 23:01 of the day before (2010-11-07): the day does not."""
    Hall.update(timezone="America/St_Johns").execute()
    at.now = clock.instant(clock.datetime.fromisoformat("2010-11-07T00:00:30-02:30"))
    sweep.sweep()
    late = cast.issue()
    at.later(60)
    sweep.sweep()
    again = cast.issue()
    local = clock.local(clock.now(), "America/St_Johns")
    assert local.isoformat() == "2010-11-06T23:01:30-03:30"
    assert {late.business_date, again.business_date} == {"2010-11-07"}
    assert [late.number, again.number] == ["A001", "A002"]
    assert views.hall_brief(cast.fresh(cast.hall), clock.now())["business_date"] == "2010-11-07"
