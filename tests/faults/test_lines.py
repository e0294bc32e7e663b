"""Bad lines to a board: half its packets lost, and none coming through at all."""

import time

import pytest

from tests.faults.day import SILENCE_SECONDS, Loop
from tests.faults.judge import judge
from tests.faults.line import NEAR
from tests.live.conftest import until

pytestmark = pytest.mark.usefixtures("on_sqlite")

BAD_SECONDS = 8
CUT_SECONDS = 17.0


@pytest.fixture
def far(line, start_server, day_at):
    """A day with a board at the far end of the line."""
    day = day_at(start_server(HOST=NEAR))
    (board,) = day.add_boards(1, Loop(line.go_there))
    day.goes_on()
    return day, board


def test_a_board_that_loses_half_its_packets_stays_in_order_and_converges(far, line, figure):
    day, board = far
    line.loss = 0.5
    bad_until = time.monotonic() + BAD_SECONDS
    until(lambda: time.monotonic() > bad_until and line.lost > 20, "enough to be lost")
    line.loss = 0
    figure("converged within", day.converged([board]))
    judge(day)


def test_a_board_that_is_cut_off_notices_comes_back_and_converges(far, line, figure):
    day, board = far
    line.loss = 1
    known, cut = board.last, time.monotonic()
    until(lambda: time.monotonic() - board.heard_at > SILENCE_SECONDS, "the board to notice the silence")
    until(lambda: time.monotonic() - cut > CUT_SECONDS, "the cut to last")
    assert board.last == known
    line.loss = 0
    figure("converged within", day.converged([board]))
    judge(day)
    assert board.arrivals == 2
