"""What a newcomer is given, what a line of phones is told: the parts of the push that need no socket."""

from functools import partial
from types import SimpleNamespace

import pytest

from counter import sweep
from display import phones, push
from ticketing import db, lifecycle
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import PastHallEvent

CODE = "north"


def issue():
    return db.write(CODE, lambda change: lifecycle.issue(change, Wish(channel="kiosk", queue="general")))


def seqs(after):
    _, events = push.missed(CODE, after)
    return None if events is None else [event.seq for event in events]


def test_the_missed_events_in_order(hall, at):
    for _ in range(3):
        issue()
    assert seqs(0) == [1, 2, 3]
    assert seqs(2) == [3]
    assert seqs(3) == []


def test_a_snapshot_is_due_to_who_knows_nothing_or_comes_from_the_future(hall, at):
    issue()
    assert seqs(None) is None
    assert seqs(2) is None


def test_a_snapshot_is_due_after_too_many(hall, at, monkeypatch):
    monkeypatch.setattr(push, "REPLAY_MAX", 3)
    for _ in range(5):
        issue()
    assert seqs(1) is None
    assert seqs(2) == [3, 4, 5]


def test_a_snapshot_is_due_on_another_business_day(hall, at):
    issue()
    assert seqs(1) == []
    at.later(24 * 3600)
    assert seqs(1) is None
    assert seqs(0) is None
    issue()
    assert seqs(1) is None
    assert seqs(2) == []


def test_a_snapshot_is_due_to_who_knows_only_what_is_history(hall, at):
    tickets = [issue(), issue()]
    for ticket in tickets:
        db.write(CODE, partial(lifecycle.cancel, ticket_id=ticket.id))
    at.later(24 * 3600)
    issue()
    sweep.sweep()
    assert PastHallEvent.select().count() == 4
    assert seqs(0) is None and seqs(2) is None
    assert seqs(5) == []


@pytest.mark.parametrize("value", [None, "1", -1, 1.0, True, [], 2**63])
def test_what_is_no_seq_is_refused(value):
    with pytest.raises(Refusal, match="invalid"):
        push.seq_in(value)


WAITING = {"state": "waiting", "ahead": 3, "wait": {"p50": 300.0, "p90": 600.0}}


@pytest.mark.parametrize(
    ("told", "now", "tell"),
    [
        (None, WAITING, True),
        (WAITING, WAITING, False),
        (WAITING, WAITING | {"ahead": 2}, True),
        (WAITING | {"state": "called"}, WAITING, True),
        (WAITING, WAITING | {"wait": None}, True),
        (WAITING | {"wait": None}, WAITING, True),
        (WAITING | {"wait": None}, WAITING | {"wait": None}, False),
        (WAITING, WAITING | {"wait": {"p50": 270.0, "p90": 560.0}}, False),
        (WAITING, WAITING | {"wait": {"p50": 200.0, "p90": 500.0}}, True),
    ],
)
def test_a_phone_is_told_only_what_it_does_not_know(told, now, tell):
    assert phones.stands_elsewhere(told, now) is tell


@pytest.mark.parametrize(
    ("type", "public", "queues"),
    [
        ("ticket.issued", {"queue": "general", "waiting": {"general": 1}}, {"general"}),
        ("ticket.moved", {"queue": "tax", "waiting": {"general": 1, "tax": 2}}, {"general", "tax"}),
        ("notice.posted", {"notice": {}}, set()),
        ("ticket.rated", None, set()),
        ("counter.opened", {"counter": 1}, None),  # any queue's forecast
    ],
)
def test_which_lines_an_event_moves(type, public, queues):
    assert phones.touched_queues(SimpleNamespace(type=type, public=public)) == queues


class Socketio:
    """Stands where the real one does; keeps what is emitted."""

    def __init__(self, *sizes):
        self.emitted = []
        self.sleep = lambda seconds: None
        self.closed = []
        sockets = {
            str(n): SimpleNamespace(
                queue=SimpleNamespace(qsize=lambda size=size: size), close=lambda n=n, **_: self.closed.append(n)
            )
            for n, size in enumerate(sizes)
        }
        manager = SimpleNamespace(rooms={"/ticket": {"ticket:T": {"client": 1}}})
        self.server = SimpleNamespace(eio=SimpleNamespace(sockets=sockets), manager=manager)

    def emit(self, name, what, namespace, to):
        self.emitted.append((name, what, namespace, to))


def test_a_client_that_does_not_read_is_cut_off_and_no_other():
    socketio = Socketio(0, push.STALLED_PACKETS + 1, 10)
    push.Push(socketio, None).cut_off_stalled()
    assert socketio.closed == [1]


def test_a_line_is_told_once_and_only_to_who_moved(hall, at):
    socketio = Socketio()
    telling = push.Push(socketio, None)
    tickets = [issue() for _ in range(3)]
    socketio.server.manager.rooms["/ticket"] = {f"ticket:{ticket.id}": {"client": 1} for ticket in tickets}
    for ticket in tickets:
        telling.phones.join(ticket, "client")
    telling.phones.tell_line(hall.id, "general")
    assert [what["ahead"] for _, what, _, _ in socketio.emitted] == [0, 1, 2]
    db.write(CODE, lambda change: lifecycle.cancel(change, tickets[1].id))
    socketio.emitted.clear()
    telling.phones.tell_line(hall.id, "general")
    assert [(to, what["ahead"]) for _, what, _, to in socketio.emitted] == [(f"ticket:{tickets[2].id}", 1)]


def test_a_phone_that_left_is_forgotten(hall):
    telling = push.Push(Socketio(), None)
    ticket = issue()
    telling.phones.join(ticket, "one")
    telling.phones.join(ticket, "other")
    telling.phones.leave(ticket.id, "one")
    assert ticket.id in telling.phones.watched
    telling.phones.leave(ticket.id, "other")
    telling.phones.leave(ticket.id, "other")
    assert telling.phones.watched == {}
