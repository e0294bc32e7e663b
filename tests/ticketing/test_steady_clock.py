"""The wall clock's steps, and what is made of them."""

import pytest

from ticketing.clock import BELIEVE_MS, STEP_MS, Steady

HOUR = 3_600_000
YEAR = 365 * 24 * HOUR


class Machine:
    """A machine's two clocks: the one on the wall, which can be set, and the one that only runs."""

    def __init__(self):
        self.wall, self.ran = 1_700_000_000_000, 5_000
        self.steady = Steady(lambda: self.wall, lambda: self.ran)
        self.began = self.wall

    def run(self, ms):
        self.wall += ms
        self.ran += ms
        return self.told()

    def set(self, by):
        self.wall += by
        return self.told()

    def told(self):
        """Milliseconds since the beginning, as told."""
        return self.steady.now() - self.began


@pytest.fixture
def machine():
    return Machine()


def test_without_a_step_it_is_the_wall_clock(machine):
    assert machine.run(HOUR) == HOUR
    assert machine.steady.step() == 0


@pytest.mark.parametrize("drift", [-STEP_MS, -50, 50, STEP_MS])
def test_small_corrections_are_followed_at_once(machine, drift):
    assert machine.set(drift) == drift
    assert machine.set(drift) == 2 * drift  # again and again


@pytest.mark.parametrize("step", [-YEAR, -HOUR, -STEP_MS - 1, STEP_MS + 1, HOUR, YEAR])
def test_a_step_that_is_taken_back_never_happened(machine, step):
    machine.run(HOUR)
    assert machine.set(step) == HOUR
    assert machine.run(BELIEVE_MS - 1) == HOUR + BELIEVE_MS - 1
    assert machine.steady.step() == step / 1000
    assert machine.set(-step) == HOUR + BELIEVE_MS - 1
    assert machine.run(2 * BELIEVE_MS) == HOUR + 3 * BELIEVE_MS - 1


@pytest.mark.parametrize("step", [-YEAR, -HOUR, HOUR, YEAR])
def test_a_step_that_stays_is_followed(machine, step):
    machine.set(step)
    assert machine.run(BELIEVE_MS) == BELIEVE_MS + step
    assert machine.steady.step() == 0


def test_a_clock_that_is_set_again_and_again_is_waited_for(machine):
    for _ in range(5):
        machine.set(HOUR)
        machine.run(BELIEVE_MS - 1)
    assert machine.told() == 5 * (BELIEVE_MS - 1)
    assert machine.run(1) == 5 * (BELIEVE_MS - 1) + 1 + 5 * HOUR


def test_a_clock_behind_the_log_goes_on_from_it(machine):
    """An empty battery: the machine starts years ago."""
    newest = machine.wall + 26 * YEAR
    machine.steady.not_before(newest)
    assert machine.told() == 26 * YEAR
    assert machine.run(1000) == 26 * YEAR + 1000


def test_a_clock_behind_the_log_is_right_as_soon_as_somebody_sets_it_later(machine):
    machine.steady.not_before(machine.wall + 26 * YEAR)
    machine.run(20_000)
    assert machine.set(26 * YEAR + 14 * HOUR) == 26 * YEAR + 14 * HOUR + 20_000


def test_a_clock_behind_the_log_is_followed_when_nobody_sets_it(machine):
    machine.steady.not_before(machine.wall + HOUR)
    machine.run(1)
    assert machine.run(BELIEVE_MS) == BELIEVE_MS + 1


@pytest.mark.parametrize("behind", [-YEAR, 0, STEP_MS])
def test_a_start_with_a_good_clock_changes_nothing(machine, behind):
    machine.steady.not_before(machine.wall + behind)
    assert machine.told() == 0
