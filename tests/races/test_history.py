"""A closed day goes to history while the hall works: nobody's row is lost, doubled or unseen."""

from functools import partial

import pytest

from tests.cast import CODE
from tests.races.hammer import patiently, together
from tests.ticketing.consistency import faults
from ticketing import db, history, lifecycle, log
from ticketing.lifecycle import Wish
from ticketing.models import Hall, PastHallEvent, PastTicket, Ticket
from ticketing.table import database

pytestmark = pytest.mark.race

TICKETS, FRESH = 120, 30


def issue(change):
    return lifecycle.issue(change, Wish(channel="kiosk", queue="general"))


def yesterday(cast, at, count):
    """Ids of so many tickets that ended on a day that is closed."""
    jobs = [db.Job(CODE, issue, None) for _ in range(count)]
    db.commit(jobs)
    ids = [job.result.id for job in jobs]
    db.commit([db.Job(CODE, partial(lifecycle.cancel, ticket_id=id), None) for id in ids])
    at.later(24 * 3600)
    Hall.update(closed_until="2026-11-24").execute()
    return ids


def move_all():
    while patiently(lambda: db.write(CODE, history.move_some)):
        pass


def test_two_move_the_day_while_others_issue_and_read(crowd, at, monkeypatch):
    monkeypatch.setattr(history, "TICKETS", 7)
    monkeypatch.setattr(history, "EVENTS", 13)
    ids = yesterday(crowd, at, TICKETS)
    fresh, reads = [], []

    def issue_today():
        for _ in range(FRESH):
            fresh.append(patiently(lambda: db.write(CODE, issue)).id)

    def read_the_log():
        while not reads or len(fresh) < FRESH:
            with db.snapshot():
                reads.append([event.seq for event in log.since(crowd.hall.id, 0, limit=10_000)])

    work = (move_all, move_all, issue_today, read_the_log)
    assert together(len(work), lambda index: work[index]()) == [None] * len(work)
    move_all()
    assert sorted(row.id for row in PastTicket.select()) == sorted(ids)
    assert sorted(row.id for row in Ticket.select()) == sorted(fresh)
    assert PastHallEvent.select().count() == 2 * TICKETS
    assert all(seqs == list(range(1, len(seqs) + 1)) and len(seqs) >= 2 * TICKETS for seqs in reads)
    assert faults(crowd.hall) == []


class Meeting:
    """The database, where two that have copied a piece of tickets wait for each other before they delete it."""

    def __init__(self, meet):
        self.meet, self.param = meet, database.param

    def execute_sql(self, sql, values):
        cursor = database.execute_sql(sql, values)
        if sql.startswith('INSERT INTO "past_ticket" '):
            self.meet()
        return cursor


def test_control_without_the_lock_two_take_the_same_rows(cast, at, unguarded, monkeypatch):
    """And the last guard sees it: what was copied must be what is deleted."""
    yesterday(cast, at, 5)
    meet = unguarded(2)
    database.execute_sql("ALTER TABLE past_ticket DROP CONSTRAINT past_ticket_pkey")
    database.execute_sql("DROP INDEX past_ticket_hall_id_business_date_number")
    monkeypatch.setattr(history, "database", Meeting(meet))
    try:
        one, other = sorted(together(2, lambda _: db.write(CODE, history.move_some)), key=str)
        assert (one, str(other)) == (5, "5 rows of ticket kept, 0 deleted")
    finally:
        PastTicket.drop_table()
        PastTicket.create_table()  # with its constraints
