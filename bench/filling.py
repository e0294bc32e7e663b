"""Fill a hall by SQL with more than anybody could press: copies of rows that the server itself has made.

Run while no server uses the database."""

from datetime import date, timedelta
from typing import Any

from bench.servers import execute
from ticketing.db import is_sqlite
from ticketing.models import Hall, HallEvent, Ticket, Turn
from ticketing.table import Table, database

A_DAY = 2000  # tickets of an earlier day
DAY_MS = 24 * 3600 * 1000
DAYS_A_COMMIT = 50
# No two copies alike, and in no order: a ticket's id is random. The prime is above any number of copies asked for.
SCATTERED = "(1000000000 + (n.n * 514229) % 2000003)"
TIMES = ("issued_at", "arrived_at", "called_at", "last_called_at", "begun_at", "ended_at", "waited_from", "at")


def add_waiting(hall_code: str, count: int) -> None:
    """So many copies of those who wait, each a little earlier than the one before."""
    hall = Hall.get(Hall.code == hall_code)
    waiting = list(Ticket.select().where(Ticket.hall == hall, Ticket.state == "waiting"))
    first = 0
    with database.atomic():
        for place, ticket in enumerate(waiting):
            more = count // len(waiting) + (place < count % len(waiting))
            changed = ticket_copy("w") | {"arrived_at": "one.arrived_at - n.n"}
            copy_rows(Ticket, ticket.id, changed, first, more)
            execute("UPDATE queue SET waiting = waiting + ? WHERE id = ?", more, ticket.queue_id)
            first += more
    analyze()


def add_finished(hall_code: str, count: int, today: bool) -> None:
    """So many finished tickets, each with a turn and one event of the log: all of today, or of the days before."""
    hall = Hall.get(Hall.code == hall_code)
    ticket = Ticket.get(Ticket.hall == hall, Ticket.state == "finished")
    in_haste()
    a_day = count if today else A_DAY
    days = list(enumerate(range(0, count, a_day), 0 if today else 1))
    while days:
        some, days = days[:DAYS_A_COMMIT], days[DAYS_A_COMMIT:]
        with database.atomic():
            for day, first in some:
                add_day(hall, ticket, first, a_day, day)
    analyze()


def add_day(hall: Hall, ticket: Ticket, first: int, count: int, days_ago: int) -> None:
    """n counts over all days, so that ids differ; the log goes on behind its newest entry."""
    then = str(date.fromisoformat(ticket.business_date) - timedelta(days_ago))
    dated = {"business_date": f"'{then}'"} | {name: f"one.{name} - {days_ago * DAY_MS}" for name in TIMES}
    event = HallEvent.get(HallEvent.ticket_id == ticket.id, HallEvent.type == "ticket.finished")
    turn = Turn.get(Turn.ticket == ticket.id)
    id = f"'f' || {SCATTERED}"
    copy_rows(Ticket, ticket.id, dated | ticket_copy("f"), first, count)
    copy_rows(Turn, turn.id, dated | {"ticket_id": id}, first, count)
    seq = f"{hall.last_seq + 1 - first} + n.n"
    copy_rows(HallEvent, event.id, dated | {"ticket_id": id, "seq": seq}, first, count)
    hall.last_seq += count
    execute("UPDATE hall SET last_seq = ? WHERE id = ?", hall.last_seq, hall.id)


def ticket_copy(mark: str) -> dict[str, str]:
    return {"id": f"'{mark}' || {SCATTERED}", "number": f"'{mark.upper()}' || (10000 + n.n)"}


def copy_rows(table: type[Table], id: Any, changed: dict[str, str], first: int, count: int) -> None:
    """`count` copies of the row with this id, n from `first` on; `changed` gives the SQL of the columns that differ."""
    columns = [field.column_name for field in table._meta.sorted_fields if field.column_name != "id" or "id" in changed]
    values = ", ".join(changed.get(column, f"one.{column}") for column in columns)
    name = table._meta.table_name
    execute(
        # every piece is ours
        "WITH RECURSIVE n(n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
        f" INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM n, {name} AS one WHERE one.id = ?",
        first,
        first + count - 1,
        id,
    )


def in_haste() -> None:
    """What a power cut would lose here is made again."""
    if is_sqlite():
        execute("PRAGMA synchronous = off")
        execute("PRAGMA cache_size = -500000")
    else:
        execute("SET synchronous_commit = off")
        if execute("SHOW is_superuser").fetchone()[0] == "on":
            execute("SET session_replication_role = replica")  # what a copy refers to is there: it need not be checked


def analyze() -> None:
    """PostgreSQL does it by itself some seconds later."""
    if not is_sqlite():
        execute("ANALYZE")
