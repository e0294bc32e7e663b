"""The disk is full while the hall works: coded refusals, screens that go on showing, nothing half written; and it works
again as soon as there is room. Log and voice clips lie on the same disk."""

import pytest
import requests

from tests.faults.judge import judge
from tests.live.conftest import Server, until

pytestmark = pytest.mark.usefixtures("on_sqlite")


@pytest.fixture
def server(disk):
    server = Server(disk.folder)
    yield server
    server.stop()


def test_a_full_disk_is_told_and_survived(server, disk, day_at, figure):
    day = day_at(server)
    day.goes_on(acts=50)
    disk.fill()
    until(lambda: day.refused["no_storage"] > 20, "to be refused", day.state)
    answer = day.people.post("kiosk", "{hall}/tickets", {"queue": "general"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "no_storage"
    assert day.people.get("board", "{hall}/board")["seq"] == day.newest()
    assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
    day.add_boards(1)
    disk.free()
    day.goes_on()
    figure("converged within", day.converged())
    judge(day)
    assert [board.arrivals for board in day.boards] == [1] * 4
