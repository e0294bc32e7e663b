"""Reinstate: a missed number comes back, as often and to the place that the hall says."""

import pytest

from tests.cast import AT_ONCE
from ticketing.errors import Refusal

PATH = "/halls/hall/tickets/{id}/reinstate"


@pytest.fixture
def missed(cast, at):
    """Made at any moment: a ticket that was called and missed."""

    def miss():
        return cast.led_to("no_show")

    cast.rules(**AT_ONCE)
    return miss


def calling_order(cast, number=1):
    called = []
    while ticket := cast.call(number):
        called.append(ticket.number)
        cast.at_counter("begin", number, ticket)
        cast.at_counter("finish", number, ticket, None)
    return called


def line_behind(cast, at, count=5):
    for _ in range(count):
        at.later(60)
        cast.issue()
    at.later(60)


def test_it_waits_again_as_if_never_called(cast, at, missed):
    ticket = missed()
    at.later(30)
    back = cast.on_ticket("reinstate", ticket)
    assert (back.state, back.number, back.reinstates, back.no_shows) == ("waiting", ticket.number, 1, 1)
    assert (back.counter, back.called_at, back.ended_at, back.calls) == (None, None, None, 0)
    assert cast.last().public["waiting"] == {"general": 1}


def test_after_three_others_by_default(cast, at, missed):
    ticket = missed()
    line_behind(cast, at)
    cast.on_ticket("reinstate", ticket)
    assert calling_order(cast) == ["A002", "A003", "A004", "A001", "A005", "A006"]


@pytest.mark.parametrize(
    ("rules", "order"),
    [
        ({"reinstate_place": "tail"}, ["A002", "A003", "A004", "A001"]),
        ({"reinstate_place": "old"}, ["A001", "A002", "A003", "A004"]),
        ({"reinstate_place": "after", "reinstate_after": 0}, ["A001", "A002", "A003", "A004"]),
        ({"reinstate_place": "after", "reinstate_after": 1}, ["A002", "A001", "A003", "A004"]),
        ({"reinstate_place": "after", "reinstate_after": 9}, ["A002", "A003", "A004", "A001"]),
    ],
)
def test_the_place_is_the_halls_rule(cast, at, missed, rules, order):
    cast.rules(**AT_ONCE, **rules)
    ticket = missed()
    line_behind(cast, at, 3)
    cast.on_ticket("reinstate", ticket)
    at.later(1)  # the tail is behind those who came before it, not behind those of the same moment
    assert calling_order(cast) == order


def test_also_one_of_a_greater_weight_goes_behind_so_many(cast, at):
    cast.rules(**AT_ONCE, reinstate_after=2)
    ticket = cast.led_to("no_show", priority="army")
    line_behind(cast, at, 4)
    cast.on_ticket("reinstate", ticket)
    assert calling_order(cast) == ["A002", "A003", "A001", "A004", "A005"]


def test_as_often_as_the_hall_allows(cast, at, missed):
    ticket = missed()
    for _ in range(2):
        cast.on_ticket("reinstate", ticket)
        cast.call(1)
        cast.at_counter("no_show", 1, ticket)
    before = cast.rows()
    with pytest.raises(Refusal, match="reinstate_limit"):
        cast.on_ticket("reinstate", ticket)
    assert cast.rows() == before


def test_one_that_came_back_for_the_last_time_is_waiting_not_over_the_limit(cast, missed):
    cast.rules(**AT_ONCE, reinstate_times=1)
    ticket = missed()
    cast.on_ticket("reinstate", ticket)
    with pytest.raises(Refusal, match="not_no_show"):
        cast.on_ticket("reinstate", ticket)


def test_a_hall_may_let_nobody_back(cast, missed):
    cast.rules(**AT_ONCE, reinstate_times=0)
    with pytest.raises(Refusal, match="reinstate_limit"):
        cast.on_ticket("reinstate", missed())


def test_not_on_another_day(cast, at, missed):
    ticket = missed()
    at.later(24 * 3600)
    with pytest.raises(Refusal, match="day_over"):
        cast.on_ticket("reinstate", ticket)


@pytest.mark.parametrize("who", ["kiosk", "counter 1", "counter 2", "gina", "alice", "max", "root"])
def test_who_may(door, at, who):
    door.cast.rules(**AT_ONCE)
    ticket = door.cast.led_to("no_show")
    assert door.get(f"/tickets/{ticket.id}").json["can_reinstate"] is True
    answer = door.post(PATH.format(id=ticket.id), who=who)
    assert (answer.status_code, answer.json["state"]) == (200, "waiting")
    assert door.get(f"/tickets/{ticket.id}").json["can_reinstate"] is False


def test_who_may_not(door):
    ticket = door.cast.issue()
    for who, code in ((None, "unauthorized"), ("board", "forbidden"), ("integration", "forbidden")):
        door.refused(code, "POST", PATH.format(id=ticket.id), who=who)
    door.refused("not_no_show", "POST", PATH.format(id=ticket.id), who="kiosk")
    door.refused("unknown_ticket", "POST", PATH.format(id="none"), who="kiosk")
