"""The business day ends while the server runs: what still waits expires, boards hear of it, numbers begin anew."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.live.conftest import HALL, until
from tests.live.people import People, Screen, opened
from ticketing.models import Hall

pytestmark = pytest.mark.live


def set_hall(server, day_starts, **columns):
    with opened(server):
        hall = Hall.get(Hall.code == HALL)
        Hall.update(rules=hall.rules | {"day_starts": day_starts}, **columns).where(Hall.id == hall.id).execute()


def a_zone_before_its_last_hour():
    """A clock on which 23:59, where the business day is to begin, is still to come."""
    zones = ("Asia/Shanghai", "UTC")
    return next(zone for zone in zones if datetime.now(UTC).astimezone(ZoneInfo(zone)).hour != 23)


def test_the_day_ends_by_itself(start_server):
    server = start_server(SWEEP_SECONDS="0.2")
    people = People(server)
    zone = a_zone_before_its_last_hour()
    yesterday = (datetime.now(UTC).astimezone(ZoneInfo(zone)).date() - timedelta(days=1)).isoformat()
    # A day that began yesterday at 23:59 …
    set_hall(server, "23:59", timezone=zone, closed_until=yesterday)
    board = Screen(people)
    waiting, called = people.issue(), people.issue()
    people.at(1, "open")
    assert people.at(1, "call")["id"] == waiting["id"]
    assert people.get(None, "{hall}")["business_date"] == yesterday
    set_hall(server, "00:00")  # … and now began today at midnight
    until(lambda: any(event["type"] == "day.closed" for event in board.events), "the boards to hear of the day's end")
    today = people.get(None, "{hall}")["business_date"]
    assert yesterday < today
    assert next(event for event in board.events if event["type"] == "day.closed")["business_date"] == today
    for ticket in (waiting, called):
        assert people.get(None, f"/tickets/{ticket['id']}")["state"] == "expired"
    assert people.issue()["number"] == "A001"
    people.at(1, "call")
    until(lambda: board.last == people.get("board", "{hall}/board")["seq"], "the board to hear all")
    assert board.seqs() == list(range(board.events[0]["seq"], board.last + 1))
    assert len(people.told("day.closed")) == 1
    board.close()


def test_close_day_from_the_command_line_is_heard_by_boards_of_the_running_server(server):
    people = People(server)
    board = Screen(people)
    ticket = people.issue()
    assert server.run("close-day", "--hall", HALL) == f"{HALL}: 1 tickets expired"
    until(lambda: board.heard("ticket.expired", ticket["number"]), "the board to hear the end of the ticket")
    until(lambda: any(event["type"] == "day.closed" for event in board.events), "the day's end")
    assert people.get(None, f"/tickets/{ticket['id']}")["state"] == "expired"
    assert people.issue()["number"] == "A002"  # the same business day: no number twice
    board.close()
