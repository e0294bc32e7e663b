"""Today's figures: of a counter and its agent, and the manager's whole picture. Durations in seconds."""

import pytest

from counter import sessions, stats
from tests.cast import AT_ONCE, CODE
from ticketing.models import Counter

MINUTE = 60


def visit(cast, at, number, wait, walk, service):
    ticket = cast.issue()
    at.later(wait)
    cast.call(number, ticket.number)
    at.later(walk)
    cast.at_counter("begin", number, ticket)
    at.later(service)
    cast.at_counter("finish", number, ticket, None)


def figures(cast, at, number):
    return stats.figures(Counter.get(Counter.number == number), at.now)


def test_an_agents_means(cast, at):
    cast.open(1, "alice")
    visit(cast, at, 1, 60, 10, 300)
    visit(cast, at, 1, 120, 20, 600)
    assert figures(cast, at, 1) == {
        "called": 2,
        "finished": 2,
        "no_shows": 0,
        "wait_mean": 90.0,
        "walk_mean": 15.0,
        "service_mean": 450.0,
        "serving_seconds": 900.0,
    }


def test_with_nothing_done_there_is_no_mean(cast, at):
    told = figures(cast, at, 1)
    assert (told["called"], told["wait_mean"], told["walk_mean"], told["service_mean"]) == (0, None, None, None)


def test_another_agents_work_at_this_counter_is_not_theirs(cast, at):
    cast.open(1, "alice")
    visit(cast, at, 1, 1, 1, 60)
    cast.write(lambda change: sessions.close_counter(change, 1))
    assert figures(cast, at, 1)["finished"] == 1  # nobody sits there: the counter's
    cast.open(1, "bob")
    assert figures(cast, at, 1)["finished"] == 0


def test_missed_ones_are_counted_and_yesterdays_are_not(cast, at):
    cast.rules(**AT_ONCE)
    cast.led_to("no_show")
    assert figures(cast, at, 1)["no_shows"] == 1
    at.later(24 * 3600)
    assert figures(cast, at, 1)["no_shows"] == 0


def load(at):
    return stats.load(CODE, at.now)


def of_queue(told, code):
    return next(queue for queue in told["queues"] if queue["code"] == code)


def test_the_headline(cast, at):
    cast.open(1)
    visit(cast, at, 1, 10 * MINUTE, 0, 60)
    visit(cast, at, 1, 20 * MINUTE, 0, 60)
    cast.issue()
    at.later(5 * MINUTE)
    head = load(at)["headline"]
    assert (head["waiting"], head["longest_wait"], head["within_target"]) == (1, 300.0, 0.5)
    assert (head["counters_open"], head["counters"], head["issued"], head["finished"]) == (1, 4, 3, 2)


def test_each_queue(cast, at):
    cast.open(1)
    visit(cast, at, 1, 0, 0, 60)
    cast.issue()
    at.later(30)
    cast.issue("tax")
    told = load(at)
    general = of_queue(told, "general")
    assert (general["waiting"], general["longest_wait"], general["issued"], general["finished"]) == (1, 30.0, 2, 1)
    assert (of_queue(told, "tax")["wait"], of_queue(told, "tax")["counters_open"]) == (None, 0)
    assert of_queue(told, "pickup")["longest_wait"] is None


def test_the_history_of_a_line(cast, at):
    cast.issue()
    cast.issue()
    at(20 * MINUTE)
    cast.open(1)
    cast.call(1)
    at(40 * MINUTE)
    assert of_queue(load(at), "general")["history"] == [0] * 8 + [2, 2, 1, 1]  # …, 9:00, 9:15, 9:30, now


def test_each_counter(cast, at):
    cast.open(1, "alice")
    ticket = cast.issue()
    cast.call(1)
    told = {counter["counter"]: counter for counter in load(at)["counters"]}
    assert (told[1]["state"], told[1]["agent"], told[1]["ticket"]) == ("open", "alice", ticket.number)
    assert (told[1]["ticket_state"], told[1]["ticket_since"]) == ("called", "2026-11-23T09:00:00.000+08:00")
    assert (told[2]["state"], told[2]["ticket"], told[3]["queues"]) == ("closed", None, ["tax", "general"])


@pytest.mark.parametrize(
    ("rules", "code", "value"),
    [
        ({"alert_wait_minutes": 5}, "long_wait", 600.0),
        ({"alert_waiting": 1}, "long_queue", 2),
        ({"alert_service_minutes": 5}, "long_service", 600.0),
    ],
)
def test_what_needs_the_manager(cast, at, rules, code, value):
    cast.rules(**rules)
    cast.serving()
    cast.issue()
    cast.issue()
    at.later(600)
    (alert,) = load(at)["alerts"]
    assert (alert["code"], alert["value"]) == (code, value)


def test_help_comes_from_an_open_counter_that_has_less_to_do(cast, at):
    cast.open(1)
    cast.open(9)
    for queue in ("tax", "tax", "general"):
        cast.issue(queue)
    (alert,) = load(at)["alerts"]
    assert (alert["code"], alert["queue"], alert["suggest_counter"]) == ("not_served", "tax", 9)


def test_by_http_for_managers(door):
    door.cast.serving()
    assert door.get("/halls/hall/load", "max").json["headline"]["counters_open"] == 1
