"""The day close: what is unfinished of an earlier day expires, by itself or by hand."""

import pytest

from counter import sweep
from tests.cast import AT_ONCE, CODE, WAY
from ticketing.models import Hall, PastTurn, Queue

DAY = 24 * 3600


def everybody(cast):
    """One ticket in each state, by state; counters 1 and 2 keep the called and the served one."""
    cast.rules(**AT_ONCE)
    tickets = {state: cast.led_to(state) for state in WAY if state not in ("called", "serving")}
    return tickets | {"called": cast.led_to("called", 1), "serving": cast.led_to("serving", 2)}


def states(cast, tickets):
    return {state: cast.fresh(ticket).state for state, ticket in tickets.items()}


EXPIRING = ("waiting", "called", "held")


def test_the_scheduled_close_waits_for_the_next_business_day(cast, at):
    tickets = everybody(cast)
    before = states(cast, tickets)
    at(14.99 * 3600)
    sweep.sweep()
    assert states(cast, tickets) == before
    at(15 * 3600)
    sweep.sweep()
    expired = dict.fromkeys(EXPIRING, "expired")
    assert states(cast, tickets) == before | expired


def test_who_is_served_over_the_end_of_the_day_is_finished(cast, at):
    ticket = cast.led_to("serving")
    at.later(DAY)
    sweep.sweep()
    assert cast.at_counter("finish", 1, ticket, None).state == "finished"


def test_expired_ones_have_left_their_counter_and_line(cast, at):
    cast.led_to("called")
    cast.issue()
    at.later(DAY)
    sweep.sweep()
    assert {queue.code: queue.waiting for queue in Queue.select()} == {"general": 0, "tax": 0, "pickup": 0}
    assert [turn.ended_by for turn in PastTurn.select()] == ["expire"]
    expired = [event for event in cast.events() if event.type == "ticket.expired"]
    assert expired[0].public["counter_now"]["number"] is None
    assert cast.call(1) is None


def test_each_expiry_and_the_close_are_told_once(cast, at):
    sweep.sweep()
    at.later(60)
    cast.issue()
    cast.issue()
    at.later(DAY)
    sweep.sweep()
    told = [event.type for event in cast.events()[2:]]
    assert told == ["ticket.expired", "ticket.expired", "day.closed"]
    assert cast.last().staff == {"expired": 2}
    assert cast.fresh(cast.hall).closed_until == "2026-11-24"
    before = cast.rows()
    for _ in range(2):
        sweep.sweep()
    assert cast.rows() == before


def test_numbers_of_the_new_day_are_left_alone(cast, at):
    cast.issue()
    at.later(DAY)
    fresh = cast.issue()
    sweep.sweep()
    assert cast.fresh(fresh).state == "waiting"


def test_a_hall_that_was_off_for_days_ends_them_all(cast, at):
    old = cast.issue()
    at.later(9 * DAY)
    sweep.sweep()
    assert cast.fresh(old).state == "expired"


def test_by_hand_it_ends_today_too(cast, at):
    tickets = everybody(cast)
    before = states(cast, tickets)
    assert sweep.close_day(CODE) == len(EXPIRING)
    assert states(cast, tickets) == before | dict.fromkeys(EXPIRING, "expired")
    assert cast.last().type == "day.closed"


def test_by_hand_numbers_go_on_within_the_day(cast, at):
    """A number is never given twice, even after the close."""
    cast.issue()
    sweep.close_day(CODE)
    assert cast.issue().number == "A002"


def test_day_starts_is_when_it_closes(cast, at):
    cast.rules(day_starts="05:00")
    ticket = cast.issue()
    at(19.9 * 3600)
    sweep.sweep()
    assert cast.fresh(ticket).state == "waiting"
    at(20 * 3600)
    sweep.sweep()
    assert cast.fresh(ticket).state == "expired"


def test_each_hall_has_its_own_midnight(cast, at):
    ticket = cast.issue()
    Hall.update(timezone="Asia/Urumqi").execute()
    at(15 * 3600)
    sweep.sweep()
    assert cast.fresh(ticket).state == "waiting"
    at(17 * 3600)
    sweep.sweep()
    assert cast.fresh(ticket).state == "expired"


def test_a_close_that_was_cut_off_is_taken_up_again(cast, at, monkeypatch):
    tickets = [cast.issue() for _ in range(3)]
    at.later(DAY)
    expire = sweep.lifecycle.expire

    def cut_off(change, ticket_id):
        if ticket_id == tickets[1].id:
            raise RuntimeError("power cut")
        return expire(change, ticket_id)

    with monkeypatch.context() as patch:
        patch.setattr(sweep.lifecycle, "expire", cut_off)
        with pytest.raises(RuntimeError):
            sweep.sweep()
    assert [cast.fresh(ticket).state for ticket in tickets] == ["expired", "waiting", "waiting"]
    assert sweep.inconsistencies(cast.fresh(cast.hall), at.now) == [
        "an earlier business day is not closed: run.py close-day"
    ]
    sweep.sweep()
    assert [cast.fresh(ticket).state for ticket in tickets] == ["expired"] * 3
    assert sweep.inconsistencies(cast.fresh(cast.hall), at.now) == []


def test_somebody_who_was_quicker_is_no_fault(cast, at, monkeypatch):
    first, second = cast.issue(), cast.issue()
    at.later(DAY)
    monkeypatch.setattr(sweep.lifecycle, "unfinished_until", lambda *_, **__: [first.id, second.id])
    cast.on_ticket("cancel", first)
    assert sweep.close_day(CODE, before="2026-11-24") == 1


# -- what the sweep forgets ----------------------------------------------------------------------------------------


def test_answers_are_forgotten_after_24_hours(door, at):
    door.post("/halls/hall/tickets", {"queue": "tax"}, who="kiosk", Idempotency_Key="1")
    at.later(DAY)
    sweep.sweep()
    assert len(door.cast.rows()["IdempotentAnswer"]) == 1
    at.later(0.001)
    sweep.sweep()
    assert door.cast.rows()["IdempotentAnswer"] == []


def test_check_tells_a_count_that_differs_and_a_hole_in_the_log(cast, at):
    cast.issue()
    Queue.update(waiting=5).where(Queue.code == "general").execute()
    Hall.update(last_seq=7).execute()
    told = sweep.inconsistencies(cast.fresh(cast.hall), at.now)
    assert told == [
        "queue general counts 5 waiting, 1 wait",
        "the log has 1 events, the newest is 1, 7 were written",
    ]
