"""The board after an event is the board read anew, whatever the verb."""

import random

import pytest

from counter import balance, calling, sessions, sweep
from display import board
from ticketing import db, lifecycle, log
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import Hall, Ticket
from ticketing.status import CALLED, HELD, NO_SHOW, SERVING, WAITING

CODE = "north"
COUNTERS = (1, 2, 31)


def read():
    board.kept.clear()
    return board.snapshot(CODE)


def applied(before):
    """The board as the events since then make it."""
    hall = Hall.get(Hall.code == CODE)
    after = before
    for event in log.since(hall.id, before["seq"]):
        after = board.apply(after, log.as_public(event, hall))
    return after


def same(one, other):
    return {**one, "at": ""} == {**other, "at": ""}


def act(verb, *parts):
    """Run a verb and hold the promise; its result."""
    before = read()
    try:
        return db.write(CODE, lambda change: verb(change, *parts))
    finally:
        assert same(applied(before), read())


def issue(change, queue="general"):
    return lifecycle.issue(change, Wish(channel="kiosk", queue=queue, priority="elderly-disabled"))


@pytest.fixture
def in_line(hall):
    """Counters 1 and 2 open, three in line."""
    for number in COUNTERS[:2]:
        act(sessions.open_counter, number, None)
    return [act(issue) for _ in range(3)]


def test_issue_and_call_and_finish(in_line):
    ticket = act(calling.call, 1)
    assert ticket.number == "A001"
    act(calling.recall, 1, ticket.id)
    act(calling.begin, 1, ticket.id)
    act(calling.finish, 1, ticket.id, None)
    assert [call["number"] for call in read()["calls"]] == ["A001"]
    assert read()["waiting"] == {"general": 2, "tax": 0}


def test_no_show_and_reinstate(in_line):
    ticket = act(calling.call, 1)
    act(calling.no_show, 1, ticket.id)
    act(lifecycle.reinstate, ticket.id)


@pytest.mark.parametrize("kind", ["papers", "kept", "waiting"])
def test_hold_and_resume(in_line, kind):
    ticket = act(calling.call, 1)
    act(calling.begin, 1, ticket.id)
    act(calling.hold, 1, ticket.id, kind)
    act(calling.resume, 1, ticket.id)


@pytest.mark.parametrize(("queue", "counter"), [("tax", None), (None, 2)])
def test_transfer(in_line, queue, counter):
    ticket = act(calling.call, 1)
    act(calling.transfer, 1, ticket.id, queue, counter, "keep")


def test_the_applicants_and_the_desks_verbs(in_line):
    first, second, third = in_line
    act(lifecycle.postpone, first.id, 1)
    act(lifecycle.set_priority, second.id, True)
    act(lifecycle.cancel, third.id)
    act(lifecycle.move, second.id, "tax", None, "front")
    called = act(calling.call, 1)
    act(lifecycle.cancel, called.id)


def test_counters_open_pause_resume_and_close(in_line):
    act(sessions.pause_counter, 1, "lunch")
    act(sessions.resume_counter, 1)
    act(sessions.close_counter, 1)


def test_the_manager_changes_what_a_counter_serves(in_line):
    act(balance.set_queues, 1, ["tax", "general"])
    assert read()["counters"][0]["queues"] == ["tax", "general"]
    act(balance.set_queue_closed, "tax", True)
    act(balance.set_queue_closed, "tax", False)


def test_notices_come_and_go(in_line):
    notice = act(balance.post_notice, "今日下午三时系统维护", "east", 30, None)
    act(balance.post_notice, "请勿吸烟", None, None, None)
    act(balance.withdraw_notice, notice.id)
    assert [shown["text"] for shown in read()["notices"]] == ["请勿吸烟"]


def test_the_day_close(in_line):
    act(calling.call, 1)
    before = read()
    sweep.close_day(CODE)
    assert same(applied(before), read())
    assert read()["waiting"] == {"general": 0, "tax": 0}


def test_a_number_called_again_is_shown_once_and_on_top(in_line):
    first, second = act(calling.call, 1), act(calling.call, 2)
    act(calling.recall, 1, first.id)
    assert [call["number"] for call in read()["calls"]] == [first.number, second.number]
    assert [call["type"] for call in read()["calls"]] == ["ticket.recalled", "ticket.called"]


def test_calls_are_bounded_and_the_newest_stay(in_line):
    for _ in range(board.CALLS + 6):
        act(issue)
        ticket = act(calling.call, 1)
        act(calling.begin, 1, ticket.id)
        act(calling.finish, 1, ticket.id, None)
    shown = [call["number"] for call in read()["calls"]]
    assert len(shown) == board.CALLS
    assert shown[0] == "A030"


def test_a_refused_verb_changes_no_board(in_line):
    with pytest.raises(Refusal):
        act(calling.recall, 1, in_line[0].id)


def test_a_tick_only_moves_the_seq(hall):
    before = read()
    assert board.apply(before, {"seq": 7, "type": "tick"}) == before | {"seq": 7}


def test_apply_leaves_the_board_before_as_it_was(in_line):
    before = read()
    copy = read()
    db.write(CODE, lambda change: calling.call(change, 1))
    applied(before)
    assert same(before, copy)


def test_a_hall_that_is_not_there(hall):
    with pytest.raises(Refusal, match="unknown_hall"):
        board.snapshot("nowhere")


def test_a_snapshot_is_read_once_while_nothing_happens(in_line):
    assert board.snapshot(CODE) is board.snapshot(CODE)
    kept = board.snapshot(CODE)
    act(issue)
    assert board.snapshot(CODE) is not kept


@pytest.mark.parametrize("seed", range(4))
def test_any_walk_through_the_verbs(hall, seed):
    """200 verbs at random, refused ones too; the board is followed by events alone from the very first."""
    dice = random.Random(seed)
    followed = read()
    for _ in range(200):
        try:
            db.write(CODE, random_verb(dice))
        except Refusal:
            continue
    while (hall_now := Hall.get(Hall.code == CODE)).last_seq > followed["seq"]:
        for event in log.since(hall_now.id, followed["seq"]):
            followed = board.apply(followed, log.as_public(event, hall_now))
    assert followed["seq"] > 50 and followed["calls"]
    assert same(followed, read())


def random_verb(dice):
    number = dice.choice(COUNTERS)
    chosen = {state: some_ticket(dice, state) for state in (WAITING, CALLED, SERVING, HELD, NO_SHOW)}
    at = {state: ticket.counter.number for state, ticket in chosen.items() if ticket and ticket.counter_id}

    def on(state, verb, *parts):
        ticket = chosen[state]
        return lambda change: verb(change, at.get(state, number), ticket.id if ticket else "none", *parts)

    def own(state, verb, *parts):
        return lambda change: verb(change, chosen[state].id if chosen[state] else "none", *parts)

    verbs = [
        *[lambda change: issue(change, dice.choice(("general", "tax")))] * 4,
        *[lambda change: calling.call(change, number)] * 4,
        *[lambda change: sessions.open_counter(change, number, None)] * 2,
        *[on(CALLED, calling.begin)] * 2,
        *[on(SERVING, calling.finish, None)] * 2,
        on(CALLED, calling.recall),
        on(CALLED, calling.no_show),
        on(SERVING, calling.hold, "kept"),
        on(HELD, calling.resume),
        on(CALLED, calling.transfer, "tax", None, "front"),
        on(SERVING, calling.transfer, None, 2, "keep"),
        own(NO_SHOW, lifecycle.reinstate),
        own(WAITING, lifecycle.cancel),
        own(WAITING, lifecycle.postpone, 2),
        own(WAITING, lifecycle.move, "tax", None, "tail"),
        lambda change: sessions.pause_counter(change, number, ""),
        lambda change: sessions.resume_counter(change, number),
        lambda change: sessions.close_counter(change, number),
        lambda change: balance.set_queues(change, number, dice.sample(["general", "tax"], dice.randint(1, 2))),
        lambda change: balance.post_notice(change, "x", None, None, None),
    ]
    return dice.choice(verbs)


def some_ticket(dice, state):
    tickets = list(Ticket.select().where(Ticket.state == state))
    return dice.choice(tickets) if tickets else None
