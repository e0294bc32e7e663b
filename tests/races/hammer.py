"""Many writers at once: threads that start together, as one process or as several, and the guards taken away.

Within a process writes of one hall take turns in a Lane (ticketing/db.py). Several processes share no lane: there only
the database stands between them, so every race is run both ways."""

import threading
from collections.abc import Callable
from typing import Any

from ticketing import clock, db
from ticketing.db import Change
from ticketing.errors import Refusal
from ticketing.models import Hall, Ticket
from ticketing.status import TRANSITIONS
from ticketing.table import database

PATIENCE = 60  # seconds until a test that hangs is given up


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(0)` … `work(count - 1)` came to, each in a thread of its own, all let go at once; an exception is
    what it came to, too."""
    start = threading.Barrier(count)
    came_to: list[Any] = [None] * count

    def run(number: int) -> None:
        start.wait(PATIENCE)
        try:
            came_to[number] = work(number)
        except Exception as error:
            came_to[number] = error
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a writer hangs"
    return came_to


def patiently(write: Callable[[], Any]) -> Any:
    """As a client does: try again when the system was busy."""
    while True:
        try:
            return write()
        except Refusal as refusal:
            if refusal.code not in ("busy", "in_progress"):
                raise


def as_processes(monkeypatch: Any) -> None:
    """Each write comes as if from a process of its own: no lane is shared."""
    monkeypatch.setattr(db, "lane_of", lambda _: db.Lane())


# -- the guards taken away, for the controls -----------------------------------------------------------------------

# What the database holds by itself; dropped where a control is to show what the guards before it are for.
CONSTRAINTS = ("ticket_hall_id_business_date_number", "hall_event_hall_id_seq", "one_live_ticket_a_counter")


def without_guards(monkeypatch: Any, meet: Callable[[], None]) -> None:
    """No lane, no lock on the hall, no expected state in the UPDATE, no constraints. Each verb stops at `meet` when it
    has read what it will act on, so that all of them have read before any writes."""
    as_processes(monkeypatch)
    monkeypatch.setattr(db, "lock", unlocked)
    monkeypatch.setattr("ticketing.lifecycle.transition", lambda *parts, **columns: careless(meet, *parts, **columns))
    monkeypatch.setattr("counter.calling.transition", lambda *parts, **columns: careless(meet, *parts, **columns))
    for name in CONSTRAINTS:
        database.execute_sql(f'DROP INDEX "{name}"')


def careless(meet: Callable[[], None], _: Change, ticket: Ticket, verb: str, **columns: Any) -> dict[str, int]:
    meet()
    columns["state"] = TRANSITIONS[verb][1]
    Ticket.update(**columns).where(Ticket.id == ticket.id).execute()
    for name, value in columns.items():
        setattr(ticket, name, value)
    return {}


def unlocked(hall_code: str) -> Change:
    hall = Hall.get(Hall.code == hall_code)
    rules, now = db.rules_of(hall), clock.now()
    return Change(hall, rules, now, clock.business_date(now, hall.timezone, rules.day_starts))


def meeting(parties: int) -> Callable[[], None]:
    """A point where so many writers wait for each other."""
    barrier = threading.Barrier(parties)

    def meet() -> None:
        barrier.wait(PATIENCE)

    return meet
