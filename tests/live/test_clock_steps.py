"""The machine's clock is set while the hall works, or is wrong when it starts: libfaketime shows it to the server."""

import re
from pathlib import Path

import pytest
import requests

from tests.live.conftest import until
from tests.live.people import People, Screen

FAKE = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(FAKE is None, reason="libfaketime is not installed (apt install faketime)"),
]
DAY = 24 * 3600


class Wall:
    """The server's clock on the wall: `set(seconds)` from the right time. The one that only runs is left alone."""

    def __init__(self, folder: Path):
        self.file = folder / "clock"
        self.set(0)
        self.environ = {
            "LD_PRELOAD": str(FAKE),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        whole = self.file.with_suffix(".new")
        whole.write_text(f"{seconds:+d}")
        whole.replace(self.file)


@pytest.fixture
def wall(tmp_path):
    return Wall(tmp_path)


def step_seen(server) -> float:
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    return float(re.search(r"^yichuang_clock_step_seconds (\S+)", text, re.MULTILINE)[1])


def day_and_time(people, ticket):
    told = people.get(None, f"/tickets/{ticket['id']}")
    return told["business_date"], told["issued_at"], told["state"]


@pytest.mark.parametrize("step", [DAY, 3600, -3600, -400 * DAY])
def test_a_step_that_is_taken_back_is_not_noticed(start_server, wall, step):
    server = start_server(SWEEP_SECONDS="0.2", **wall.environ)
    people = People(server)
    board = Screen(people)
    before = people.issue()
    wall.set(step)
    until(lambda: abs(step_seen(server) - step) < 2, "the step to be seen")
    during = people.issue()
    people.at(1, "open")
    assert people.at(1, "call")["number"] == before["number"]
    wall.set(0)
    until(lambda: abs(step_seen(server)) < 2, "the step to be gone")
    after = people.issue()
    assert [ticket["number"] for ticket in (before, during, after)] == ["A001", "A002", "A003"]
    told = [day_and_time(people, ticket) for ticket in (before, during, after)]
    assert len({day for day, _, _ in told}) == 1
    assert [issued for _, issued, _ in told] == sorted(issued for _, issued, _ in told)
    assert [state for _, _, state in told] == ["called", "waiting", "waiting"]
    until(lambda: board.last == people.get("board", "{hall}/board")["seq"], "the board to hear all")
    assert board.seqs() == list(range(board.events[0]["seq"], board.last + 1))
    board.close()


@pytest.mark.parametrize("step", [-3600, -400 * DAY])
def test_a_server_that_starts_with_a_clock_behind_its_log_goes_on_from_there(start_server, wall, step):
    server = start_server(SWEEP_SECONDS="0.2", **wall.environ)
    people = People(server)
    first = people.issue()
    server.kill()
    wall.set(step)
    server.start()
    second = people.issue()
    people.at(1, "open")
    assert (first["number"], second["number"]) == ("A001", "A002")
    assert people.at(1, "call")["number"] == "A001"
    one, other = (people.get(None, f"/tickets/{ticket['id']}") for ticket in (first, second))
    assert one["business_date"] == other["business_date"]
    assert one["issued_at"] <= other["issued_at"]
    wall.set(0)  # a time server puts it right
    until(lambda: abs(step_seen(server)) < 2, "the right time to be followed")
    assert people.issue()["number"] == "A003"
