"""The machine's clock was put back, and stays so: a hall goes on as if it had never been ahead.

What is unfinished moves back with the clock, so that whoever came first is still called first, and nobody has waited
for a negative time. What is ended, and the log, keep the times they were written with: their order is that of `seq`."""

from typing import Any

from ticketing import clock
from ticketing.models import Counter, Hall, Ticket, Turn
from ticketing.status import NO_SHOW, UNFINISHED
from ticketing.table import database, marked

OPEN_TICKET = "state IN ('" + "', '".join((*UNFINISHED, NO_SHOW)) + "')"
# Table, columns, and which rows. Only what had come by the newest event: a booked arrival stays where it was booked.
MOVED: tuple[tuple[Any, tuple[str, ...], str], ...] = (
    (Ticket, ("arrived_at", "called_at", "last_called_at", "begun_at", "held_at"), OPEN_TICKET),
    (Turn, ("waited_from", "called_at", "begun_at"), "ended_at IS NULL"),
    (Counter, ("since",), "1 = 1"),
)


def set_back(hall: Hall, by: int) -> None:
    """Move a hall's open instants back by so many milliseconds. The caller holds the hall's lock."""
    clock.logger.warning("hall %s: the clock was put back by %d s", hall.code, by // 1000)
    for table, columns, which in MOVED:
        for column in columns:
            statement = (
                f'UPDATE "{table._meta.table_name}" SET {column} = {column} - ?'  # noqa: S608  # names only
                f" WHERE hall_id = ? AND {column} <= ? AND {which}"
            )
            database.execute_sql(marked(statement, database.param), (by, hall.id, hall.last_at))
    hall.last_at -= by
    Hall.change({"id": hall.id}, last_at=hall.last_at)
