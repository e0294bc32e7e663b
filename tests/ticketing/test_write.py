"""The one writer's door: what waits is committed together, and each write stands or falls alone."""

import threading

import pytest
from peewee import OperationalError

from tests.cast import CODE
from ticketing import db, lifecycle, log
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import HallEvent, Queue, Ticket
from ticketing.table import database


def issue(change):
    return lifecycle.issue(change, Wish(channel="kiosk", queue="general"))


def refuse(change):
    issue(change)
    raise Refusal("queue_full")


def test_a_refusal_harms_no_other_write_of_its_batch(cast):
    jobs = [db.Job(CODE, verb, None) for verb in (issue, refuse, issue, refuse, issue)]
    db.commit(jobs)
    assert [job.error and job.error.code for job in jobs] == [None, "queue_full", None, "queue_full", None]
    assert [ticket.number for ticket in Ticket.select().order_by(Ticket.issue_seq)] == ["A001", "A002", "A003"]
    assert [event.seq for event in cast.events()] == [1, 2, 3]
    assert cast.fresh(cast.general).waiting == 3


def test_the_hall_knows_when_its_newest_event_was(cast, at):
    issue_one(cast)
    at.later(5)
    issue_one(cast)
    assert cast.fresh(cast.hall).last_at == at.now == cast.last().at
    at.later(5)
    db.write(CODE, lambda change: None)
    assert cast.fresh(cast.hall).last_at == cast.last().at


def test_one_that_waits_behind_another_finds_its_answer(cast):
    once = db.Once("kiosk POST /tickets 1", {"queue": "general"})

    def answered(change):
        return db.Reply(201, {"number": issue(change).number})

    jobs = [db.Job(CODE, answered, once) for _ in range(3)]
    db.commit(jobs)
    assert [job.result.body for job in jobs] == [{"number": "A001"}] * 3
    assert Ticket.select().count() == 1


def test_a_commit_that_fails_fails_each_and_changes_nothing(cast, monkeypatch):
    def full(self):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(type(database.obj), "flush" if db.is_sqlite() else "commit", full)
    jobs = [db.Job(CODE, issue, None) for _ in range(3)]
    db.commit(jobs)
    monkeypatch.undo()
    assert [str(job.error) for job in jobs] == ["database or disk is full"] * 3
    assert Ticket.select().count() == 0 and HallEvent.select().count() == 0
    assert issue_one(cast) == "A001"


def issue_one(cast):
    return cast.issue().number


def test_listeners_hear_after_the_commit_only(cast):
    heard = []

    def listen(hall_code, seq):
        assert not database.in_transaction()
        heard.append((hall_code, seq))

    log.listen(listen)
    cast.issue()
    with pytest.raises(Refusal):
        cast.write(refuse)
    assert heard == [(CODE, 1)]


def test_a_write_inside_a_write_is_a_mistake(cast):
    with pytest.raises(RuntimeError):
        cast.write(lambda change: cast.issue())


def test_writes_that_come_during_a_flush_are_committed_together(cast, monkeypatch):
    """While the first commit waits for the disk, the others gather; one more commit takes them all."""
    flushing, flushed = threading.Event(), threading.Event()
    commits = []
    plain = type(database.obj).commit

    def slow(self):
        commits.append(threading.current_thread().name)
        flushing.set()
        flushed.wait(10)
        return plain(self)

    monkeypatch.setattr(type(database.obj), "flush" if db.is_sqlite() else "commit", slow)
    monkeypatch.setattr(db, "BATCH_SECONDS", 10)  # however slow this machine, ten fit into one batch
    lane = db.lane_of(CODE)

    def write():
        with db.connection():
            db.write(CODE, issue)

    first = threading.Thread(target=write, name="first")
    first.start()
    assert flushing.wait(10)
    others = [threading.Thread(target=write, name=f"other {n}") for n in range(10)]
    for thread in others:
        thread.start()
    while len(lane.gathered) < len(others):
        threading.Event().wait(0.001)
    flushed.set()
    for thread in (first, *others):
        thread.join(10)
    assert Ticket.select().count() == 11
    assert len(commits) == 2
    assert lane.led is False and lane.gathered == []


def test_the_lock_that_is_not_to_be_had_is_told(cast, monkeypatch):
    monkeypatch.setattr(db, "lock", lambda code: (_ for _ in ()).throw(OperationalError("database is locked")))
    with pytest.raises(Refusal) as refusal:
        db.write(CODE, issue)
    assert refusal.value.code == "busy"
    with pytest.raises(Refusal) as refusal:
        db.write(CODE, issue, db.Once("scope", {}))
    assert refusal.value.code == "in_progress"
    assert Queue.get(Queue.code == "general").waiting == 0
