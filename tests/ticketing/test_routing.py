"""Who is next, as a rule on paper: worked examples, and the mean waits that queueing theory gives for it."""

from functools import cache

import pytest

from tests.ticketing import simulation
from ticketing.routing import NEVER, Place, Policy, first, in_order, queue_of

MINUTE = 60_000
NOW = 1_000 * MINUTE


def policy(guard_minutes=60.0, strict=False, **weights):
    weights = weights or {"normal": 1.0, "appointment": 2.0, "priority": 4.0}
    ranks = {"priority": 0, "appointment": 1, "normal": 2}
    return Policy(weights, ranks, guard_minutes * MINUTE, strict)


def place(id, minutes, priority="normal", front=None, issued=None):
    return Place(id, priority, round(NOW - minutes * MINUTE), front, issued if issued is not None else ord(id[0]))


def order(rule, *places):
    return "".join(one.id for one in in_order(places, NOW, rule))


def test_five_priority_minutes_stand_between_nineteen_and_twenty_one_normal_ones():
    line = [place("a", 19), place("b", 21), place("c", 5, "priority")]
    assert order(policy(), *line) == "bca"


def test_equal_scores_go_by_issue_order():
    assert order(policy(), place("b", 8), place("a", 2, "priority"), place("c", 4, "appointment")) == "abc"


def test_a_class_the_hall_does_not_know_counts_one():
    assert order(policy(), place("a", 10, "gone"), place("b", 11), place("c", 2, "priority")) == "bac"


def test_older_than_the_guard_goes_before_all_that_are_not():
    line = [place("a", 59, "priority"), place("b", 60.001), place("c", 59, "priority")]
    assert order(policy(), *line) == "bac"


def test_exactly_as_old_as_the_guard_is_not_older():
    assert order(policy(), place("a", 60), place("b", 59, "priority")) == "ba"


def test_two_beyond_the_guard_go_by_score():
    assert order(policy(), place("a", 70), place("b", 61, "priority")) == "ba"


def test_a_guard_of_no_end_never_comes():
    assert order(policy(guard_minutes=NEVER), place("a", 3000), place("b", 751, "priority")) == "ba"


def test_fronts_go_first_and_earlier_fronts_before_later_ones():
    line = [place("a", 70), place("b", 1, front=9), place("c", 90, "priority"), place("d", 0, front=4)]
    assert order(policy(), *line) == "dbca"
    assert order(policy(strict=True), *line)[:2] == "db"


def test_strict_goes_by_class_then_by_arrival():
    line = [place("a", 59), place("b", 1, "priority"), place("c", 2, "priority"), place("d", 3, "appointment")]
    assert order(policy(strict=True), *line) == "cbda"


def test_strict_knows_no_guard():
    assert order(policy(strict=True), place("a", 600), place("b", 0, "priority")) == "ba"


def test_strict_and_the_same_moment_goes_by_issue_order():
    assert order(policy(strict=True), place("b", 5), place("a", 5)) == "ab"


def test_a_clock_that_has_not_started_goes_behind_all_that_wait():
    line = [place("a", -30, "appointment"), place("b", 0), place("c", 1), place("d", -10, "appointment")]
    assert order(policy(), *line) == "cbda"


def test_nobody_waits():
    assert first([], NOW, policy()) is None


@pytest.mark.parametrize(
    ("wanted", "queue"),
    [([5, 5], 5), ([5], 5), ([5, 7], 1), ([None], 1), ([None, 5], 1), ([None, 1], 1), ([1, None, None], 1)],
)
def test_items_that_agree_share_their_queue_and_all_others_the_general_one(wanted, queue):
    assert queue_of(wanted, general=1) == queue


# -- against theory ----------------------------------------------------------------------------------------------
# M/M/10 at a load of .92 with 15 % priority, mean service 1 (Kleinrock): first come first served .912 for both.

SERVERS, LOAD, SHARE, COUNT = 10, 0.92, 0.15, 150_000
SEED = 5  # a day like the mean one: waits of one stream differ by 10 % from those of another, whatever the rule


@cache
def simulated(high: float, strict: bool) -> tuple[float, float]:
    """Mean waits of (low, high)."""
    rule = Policy({"low": 1.0, "high": high}, {"high": 0, "low": 1}, NEVER, strict)
    everybody = simulation.run(rule, simulation.visits(SEED, COUNT, SERVERS, LOAD, SHARE), SERVERS)
    return simulation.mean_wait(everybody, "low"), simulation.mean_wait(everybody, "high")


@pytest.mark.parametrize(
    ("weight", "strict", "low_wait", "high_wait"),
    [(1.0, False, 0.912, 0.912), (4.0, False, 1.017, 0.315), (10.0, False, 1.041, 0.179), (4.0, True, 1.058, 0.085)],
)
def test_mean_waits_follow_the_weights(weight, strict, low_wait, high_wait):
    low, high = simulated(weight, strict)
    assert low == pytest.approx(low_wait, rel=0.02)
    assert high == pytest.approx(high_wait, rel=0.03)


def test_no_order_of_one_line_changes_the_mean_of_all():
    """Who gains, gains from others: the mean over everybody is the same (conservation)."""
    means = [(1 - SHARE) * low + SHARE * high for low, high in (simulated(1.0, False), simulated(4.0, True))]
    assert means[0] == pytest.approx(means[1], rel=0.005)
