"""Of two processes one is killed: who was at it moves over to the other and misses nothing."""

from tests.faults.judge import judge


def test_boards_and_counters_of_a_killed_process_move_over(cluster, start_server, day_at, figure):
    staying, dying = start_server(), start_server()
    day = day_at(staying, dying, boards=6)
    day.goes_on(acts=50)
    dying.kill()
    day.goes_on(acts=50)  # else a board that has missed nothing yet is equal where it is
    figure("its boards converged at the other within", day.converged())
    assert [board.arrivals for board in day.boards] == [1, 2] * 3
    dying.start()
    staying.kill()
    day.people.server = dying
    day.goes_on(acts=50)
    figure("and back within", day.converged())
    staying.start()
    judge(day)
    assert day.unanswered > 0
