"""Redis only saves time: without it two processes hear of each other within a second, and nothing is lost."""

import pytest

from tests.faults.judge import judge

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.mark.parametrize("fault", ["stop", "freeze"])
def test_redis_goes_and_comes_back_under_load(start_server, redis, day_at, figure, fault):
    servers = [start_server(REDIS_URL=redis.url) for _ in range(2)]
    day = day_at(*servers, boards=4)
    day.goes_on()
    getattr(redis, fault)()
    day.goes_on(acts=200)
    figure("converged without Redis within", day.converged())
    {"stop": redis.start, "freeze": redis.thaw}[fault]()
    figure("converged after its return within", day.converged())
    day.goes_on(acts=50)
    judge(day)
    assert day.trouble() == 0
    assert [board.arrivals for board in day.boards] == [1] * 4
