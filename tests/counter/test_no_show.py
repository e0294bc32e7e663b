"""No-show: only after the hall's minimum of calls and seconds, by the counter or by the sweep."""

import pytest

from counter import sweep
from ticketing.errors import Refusal
from ticketing.models import Turn


def too_early(cast, ticket):
    before = cast.rows()
    with pytest.raises(Refusal, match="too_early") as refusal:
        cast.at_counter("no_show", 1, ticket)
    assert cast.rows() == before
    return refusal.value.facts


@pytest.fixture
def called(cast, at):
    cast.rules(no_show_calls=2, no_show_seconds=20)
    return cast.led_to("called")


def test_calls_and_seconds_must_both_have_been(cast, at, called):
    assert too_early(cast, called) == {"calls_left": 1, "seconds_left": 20}
    at.later(25)
    assert too_early(cast, called) == {"calls_left": 1, "seconds_left": 0}
    cast.at_counter("recall", 1, called)
    assert cast.at_counter("no_show", 1, called).state == "no_show"


def test_enough_calls_but_not_enough_seconds(cast, at, called):
    cast.at_counter("recall", 1, called)
    at.later(19.999)
    assert too_early(cast, called)["calls_left"] == 0
    at.later(0.001)
    assert cast.at_counter("no_show", 1, called).state == "no_show"


def test_a_missed_ticket_has_left_the_counter(cast, at, called):
    at.later(20)
    cast.at_counter("recall", 1, called)
    missed = cast.at_counter("no_show", 1, called)
    assert (missed.no_shows, missed.ended_at) == (1, at.now)
    assert Turn.get().ended_by == "no_show"
    assert cast.last().public["counter_now"]["number"] is None
    assert cast.call(1) is None


def test_a_later_turn_counts_anew(cast, at, called):
    """Calls and seconds of the turn before do not count for this one."""
    at.later(20)
    cast.at_counter("recall", 1, called)
    cast.at_counter("no_show", 1, called)
    cast.on_ticket("reinstate", called)
    again = cast.call(1)
    assert too_early(cast, again) == {"calls_left": 1, "seconds_left": 20}


def test_the_counter_is_told_when_it_may(door, at):
    door.cast.rules(no_show_calls=1, no_show_seconds=20)
    ticket = door.cast.led_to("called")
    view = door.get("/halls/hall/counters/1", "counter 1").json["ticket"]
    assert view["can_no_show_at"] == "2026-11-23T09:00:20.000+08:00"
    path = "/halls/hall/counters/1/no-show"
    answer = door.refused("too_early", "POST", path, {"ticket": ticket.id}, who="counter 1")
    assert (answer.json["calls_left"], answer.json["seconds_left"]) == (0, 20)
    at(20)
    assert door.at(1, "no-show", {"ticket": ticket.id}).json["no_shows"] == 1


# -- the sweep's ---------------------------------------------------------------------------------------------------


def test_the_sweep_misses_nobody_unless_the_hall_says_so(cast, at, called):
    at.later(3 * 3600)
    sweep.sweep()
    assert cast.fresh(called).state == "called"


def test_the_sweep_misses_who_was_called_long_enough_ago(cast, at, called):
    cast.rules(no_show_calls=1, no_show_auto_seconds=120)
    at.later(119)
    sweep.sweep()
    assert cast.fresh(called).state == "called"
    at.later(1)
    sweep.sweep()
    assert cast.fresh(called).state == "no_show"
    assert cast.last().type == "ticket.no_show"
    assert Turn.get().ended_by == "no_show"


def test_a_recall_gives_the_applicant_that_time_again(cast, at, called):
    cast.rules(no_show_auto_seconds=120)
    at.later(100)
    cast.at_counter("recall", 1, called)
    at.later(119)
    sweep.sweep()
    assert cast.fresh(called).state == "called"
    at.later(1)
    sweep.sweep()
    assert cast.fresh(called).state == "no_show"


def test_the_sweep_too_waits_for_the_minimum_of_calls(cast, at, called):
    cast.rules(no_show_calls=2, no_show_auto_seconds=60)
    at.later(600)
    sweep.sweep()
    assert cast.fresh(called).state == "called"
    cast.at_counter("recall", 1, called)
    at.later(60)
    sweep.sweep()
    assert cast.fresh(called).state == "no_show"


def test_the_sweep_too_waits_for_the_minimum_of_seconds(cast, at, called):
    cast.rules(no_show_calls=1, no_show_seconds=90, no_show_auto_seconds=60)
    at.later(89)
    sweep.sweep()
    assert cast.fresh(called).state == "called"
    at.later(1)
    sweep.sweep()
    assert cast.fresh(called).state == "no_show"


def test_the_sweep_leaves_those_who_are_served(cast, at):
    cast.rules(no_show_calls=1, no_show_auto_seconds=60)
    ticket = cast.led_to("serving")
    at.later(3600)
    sweep.sweep()
    assert cast.fresh(ticket).state == "serving"


def test_a_second_pass_changes_nothing(cast, at, called):
    cast.rules(no_show_calls=1, no_show_auto_seconds=60)
    at.later(60)
    sweep.sweep()
    before = cast.rows()
    sweep.sweep()
    assert cast.rows() == before
