"""A thousand boards knock at the moment when a killed server is there again."""

import time

import pytest

from tests.faults.judge import judge
from tests.live.conftest import until

BOARDS = 1000


@pytest.mark.timeout(150)
def test_a_thousand_boards_are_back_after_a_kill(server, day_at, figure):
    day = day_at(server, kiosks=1, boards=0, think=0.5)  # each event goes to a thousand, on this machine too
    began = time.monotonic()
    day.add_boards(BOARDS)
    figure("a thousand boards arrived within", time.monotonic() - began)
    day.goes_on(acts=5)
    server.kill()
    server.start()
    began = time.monotonic()
    until(lambda: all(board.arrivals >= 2 for board in day.boards), "everybody to be back", day.state)
    figure("all back within", time.monotonic() - began)
    day.converged()
    figure("all equal within", time.monotonic() - began)
    day.goes_on(acts=5)
    judge(day)
