"""No hot query reads a whole table: what a day's work asks the database is explained and held to its indexes."""

import logging

import pytest

from counter import days, stats, sweep, views
from display import board
from ticketing import db, history, log
from ticketing.models import Ticket
from ticketing.table import database
from ticketing.views import places, queues_view, ticket_view

# What grows with every visit; the others are as large as the hall is.
GROWING = (
    *("ticket", "ticket_item", "turn", "hall_event", "idempotent_answer", "rating", "number_sequence"),
    *("past_ticket", "past_ticket_item", "past_turn", "past_hall_event"),
)

# An index on one of these alone finds everything a hall, a counter, a queue or an agent ever had.
EVER_MORE = ("(hall_id=?)", "(counter_id=?)", "(queue_id=?)", "(agent_id=?)")


class Asked(logging.Handler):
    """Collects every statement, with its values, that peewee sends."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.statements = {}

    def emit(self, record):
        sql, values = record.msg
        if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
            self.statements.setdefault(sql, values)


@pytest.fixture
def asked():
    logger, handler = logging.getLogger("peewee"), Asked()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def a_days_work(cast, at):
    once = db.Once("kiosk POST /tickets 1", {})
    cast.open(1, "alice")
    for turn in range(6):
        cast.issue(items=["I1"], priority="elderly" if turn % 2 else None, identity_hash=f"person {turn}")
        at.later(30)
    db.write("hall", lambda change: db.Reply(200, {"seq": change.append("hall.told", public={}).seq}), once)
    ticket = cast.call(1)
    cast.at_counter("recall", 1, ticket)
    cast.at_counter("begin", 1, ticket)
    cast.at_counter("hold", 1, ticket, "papers")
    cast.at_counter("resume", 1, ticket)
    cast.at_counter("transfer", 1, ticket, "tax", None, "front")
    ticket = cast.call(1)
    cast.at_counter("begin", 1, ticket)
    cast.at_counter("finish", 1, ticket, None)
    cast.on_ticket("postpone", someone_waiting(cast), 1)
    cast.on_ticket("cancel", someone_waiting(cast))
    return ticket


def someone_waiting(cast):
    here = (Ticket.hall == cast.hall) & (Ticket.business_date == "2026-11-23") & (Ticket.state == "waiting")
    return Ticket.select().where(here).first()


def a_days_looking(cast, at, ticket):
    hall = cast.fresh(cast.hall)
    ticket_view(cast.fresh(ticket), at.now)
    ticket_view(someone_waiting(cast), at.now)
    queues_view(hall, at.now)
    places(hall, "general", at.now)
    views.counter_view(hall.counters.get(), at.now)
    stats.load("hall", at.now)
    board.read(hall)
    log.since(hall.id, 3)
    log.newest(hall.id)


def the_day_after(cast, at, ticket):
    """Closed, moved to history, and asked for there."""
    at.later(24 * 3600)
    sweep.sweep()
    moved = history.ticket(ticket.id)
    assert moved and Ticket.get_or_none(Ticket.id == ticket.id) is None
    ticket_view(moved, at.now)
    log.since(cast.hall.id, 3)
    assert len(days.report(cast.hall, None, None, at.now)) == 1


def whole_tables_read(statements):
    found = []
    for sql, values in statements.items():
        for *_, step in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall():
            words = step.split()
            # An index of the live tickets holds a few dozen rows; MAX reads one end of its index.
            few = "live_ticket" in step or "held_ticket" in step or "MAX(" in sql
            whole_hall = words[0] == "SEARCH" and step.endswith(EVER_MORE)
            if (words[0] == "SCAN" or whole_hall) and not few and table_of(words[1], sql) in GROWING:
                found.append(f"{step}: {sql}")
    return found


def table_of(alias, sql):
    """The table that stands behind an alias of the statement."""
    before, _, _ = sql.partition(f' AS "{alias}"')
    return before.rpartition('"')[0].rpartition('"')[2] if before != sql else alias


def test_no_hot_query_reads_a_whole_table(cast, at, asked):
    if not db.is_sqlite():
        pytest.skip("the plans of a small PostgreSQL database read whole tables because that is quicker")
    ticket = a_days_work(cast, at)
    a_days_looking(cast, at, ticket)
    the_day_after(cast, at, ticket)
    logging.getLogger("peewee").removeHandler(asked)
    assert len(asked.statements) > 40
    read = whole_tables_read(asked.statements)
    assert read == [], "\n".join(read)


def test_a_query_without_an_index_is_found(cast, at):
    if not db.is_sqlite():
        pytest.skip("SQLite's plans")
    sql, values = Ticket.select().where(Ticket.postpones > 3).sql()
    assert len(whole_tables_read({sql: values})) == 1
