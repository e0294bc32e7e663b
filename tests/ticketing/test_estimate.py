"""How long somebody will wait: quantiles against exact values, errors against theory."""

import math
from functools import cache

import pytest

from tests.ticketing import simulation
from ticketing.estimate import Z, gamma_quantile, running_mean, servers_for, wait_range
from ticketing.routing import NEVER, Policy


def exact_quantile(shape: int, share: float) -> float:
    """Of a gamma variable of whole shape: one less the Poisson sum, by bisection."""

    def below(x: float) -> float:
        return 1 - sum(math.exp(k * math.log(x) - x - math.lgamma(k + 1)) for k in range(shape))

    low, high = 1e-9, shape * 10.0 + 10
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < share else (low, middle)
    return low


@pytest.mark.parametrize(("shape", "p50", "p90"), [(1, 0.6931, 2.3026), (5, 4.6709, 7.9936), (10, 9.6687, 14.2060)])
def test_the_exact_values_are_those_of_the_tables(shape, p50, p90):
    assert exact_quantile(shape, 0.5) == pytest.approx(p50, abs=1e-4)
    assert exact_quantile(shape, 0.9) == pytest.approx(p90, abs=1e-4)


@pytest.mark.parametrize("shape", [1, 2, 3, 5, 10, 30, 100])
def test_gamma_quantiles_are_within_two_per_cent(shape):
    assert gamma_quantile(shape, Z["p50"]) == pytest.approx(exact_quantile(shape, 0.5), rel=0.02)
    assert gamma_quantile(shape, Z["p90"]) == pytest.approx(exact_quantile(shape, 0.9), rel=0.02)


def test_a_range_by_hand():
    """4 ahead, 2 windows of 600 s: the fifth departure at 300 s each."""
    wait = wait_range(ahead=4, servers=2, idle=0, mean_service=600)
    assert wait["p50"] == pytest.approx(300 * 4.6709, rel=0.01)
    assert wait["p90"] == pytest.approx(300 * 7.9936, rel=0.01)


def test_a_free_window_takes_the_first_at_once():
    assert wait_range(0, 1, idle=1, mean_service=600) == {"p50": 0.0, "p90": 0.0}
    assert wait_range(2, 3, idle=3, mean_service=600) == {"p50": 0.0, "p90": 0.0}
    assert wait_range(3, 3, idle=3, mean_service=600) == wait_range(0, 3, idle=0, mean_service=600)


def test_without_a_window_there_is_no_estimate():
    assert wait_range(0, 0, idle=0, mean_service=600) is None


@pytest.mark.parametrize("shape", [1, 2, 7, 40])
def test_more_ahead_or_fewer_windows_never_wait_less(shape):
    here = wait_range(shape, 3, 0, 100)
    assert here["p50"] <= here["p90"]
    assert all(wait_range(shape + 1, 3, 0, 100)[name] > here[name] for name in here)
    assert all(wait_range(shape, 2, 0, 100)[name] > here[name] for name in here)


def test_a_window_of_two_queues_gives_each_its_share():
    waiting = {"a": 9, "b": 0}
    both, only_a = ["a", "b"], ["a"]
    assert servers_for("a", waiting, [both]) == pytest.approx(10 / 10)
    assert servers_for("b", waiting, [both]) == pytest.approx(1 / 10)
    assert servers_for("a", waiting, [both, only_a]) == pytest.approx(2)
    assert servers_for("b", waiting, [only_a]) == 0


def test_the_running_mean_starts_from_the_usual_and_forgets():
    assert running_mean(None, 600, 1000) == pytest.approx(620)
    mean = 600.0
    for _ in range(200):
        mean = running_mean(mean, 600, 300)
    assert mean == pytest.approx(300, rel=0.01)


# -- against theory ----------------------------------------------------------------------------------------------

FIRST_COME = Policy({"low": 1.0}, {"low": 0}, NEVER)


def erlang_c(servers: int, offered: float) -> float:
    """Probability that somebody has to wait."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    load = offered / servers
    return blocked / (1 - load * (1 - blocked))


@pytest.mark.parametrize(("servers", "chance"), [(22, 0.568), (23, 0.416), (24, 0.298), (25, 0.209)])
def test_the_simulated_hall_waits_as_erlang_says(servers, chance):
    assert erlang_c(servers, 20) == pytest.approx(chance, abs=0.001)
    hall = simulation.run(FIRST_COME, simulation.visits(11, 60_000, servers, 20 / servers), servers)
    assert sum(visit.before is not None for visit in hall) / len(hall) == pytest.approx(chance, rel=0.05)


SERVERS, LOAD = 10, 0.9
SEED = 5  # a day whose line is about as long as the mean one
SERVICE = 10_000.0  # seconds of a mean service, so that the estimate's rounding to 0.1 s is nothing


@cache
def those_who_waited() -> list[simulation.Visit]:
    hall = simulation.run(FIRST_COME, simulation.visits(SEED, 120_000, SERVERS, LOAD), SERVERS)
    return [visit for visit in hall if visit.before is not None]


def squared_error(estimate) -> float:
    return sum((estimate(visit) - visit.wait) ** 2 for visit in those_who_waited()) / len(those_who_waited())


def by_queue_length(visit) -> float:
    return wait_range(visit.before, SERVERS, 0, SERVICE)["p50"] / SERVICE


def test_the_error_is_the_exact_one_of_the_queue_length_estimator():
    """With n before one the error is (n + 1) / s², in the mean 1 / ((1 - load) s²) = .100."""
    shapes = [visit.before + 1 for visit in those_who_waited()]
    exact_here = sum(shapes) / len(shapes) / SERVERS**2
    assert squared_error(by_queue_length) == pytest.approx(exact_here, rel=0.04)
    assert exact_here == pytest.approx(1 / ((1 - LOAD) * SERVERS**2), rel=0.05)


def test_it_errs_half_as_much_as_what_the_last_one_waited():
    assert squared_error(lambda visit: visit.last_wait) / squared_error(by_queue_length) == pytest.approx(2.2, rel=0.1)


@pytest.mark.parametrize(("name", "share"), [("p50", 0.5), ("p90", 0.9)])
def test_so_many_are_called_within_the_range(name, share):
    kept = [visit.wait <= wait_range(visit.before, SERVERS, 0, SERVICE)[name] / SERVICE for visit in those_who_waited()]
    assert sum(kept) / len(kept) == pytest.approx(share, abs=0.02)
