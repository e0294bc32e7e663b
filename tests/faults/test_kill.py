"""Twenty power cuts in a loaded day: what was acknowledged is there once; what was not is asked again and done once."""

import time
from random import Random

import pytest

from tests.faults.judge import judge

CUTS = 20


@pytest.mark.timeout(150)
def test_twenty_kills_at_random_moments_lose_nothing_and_do_nothing_twice(server, day_at, figure):
    day, chance = day_at(server), Random(20)
    starts = []
    for cut in range(CUTS):
        day.goes_on(acts=5)
        if cut % 4 == 0:  # else the boards have often not come back when the next cut comes
            day.converged()
        time.sleep(chance.uniform(0, 0.3))  # a moment of the day, whichever
        server.kill()
        began = time.monotonic()
        server.start()
        starts.append(time.monotonic() - began)
    figure("boards converged within", day.converged())
    judge(day)
    assert day.unanswered > 0 and all(board.arrivals > CUTS / 4 for board in day.boards)
    figure("longest restart", max(starts))
    figure("median restart", sorted(starts)[CUTS // 2])
