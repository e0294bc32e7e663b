"""The append-only hall log: the truth from which everything pushed is derived.

An event has a public part (boards) and a staff part; a feed that may not show an event gets a bare tick, so that
both feeds carry every seq."""

from collections.abc import Callable
from typing import Any

from ticketing import clock
from ticketing.models import Hall, HallEvent
from ticketing.rules import Rules
from ticketing.table import names, rows

PAGE = 500  # events a read brings at most
SINCE = f"SELECT {names(HallEvent)} FROM hall_event WHERE hall_id = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
PAST_SINCE = SINCE.replace("FROM hall_event", "FROM past_hall_event")

Announcer = Callable[[str, dict[str, Any], Hall, Rules, int], dict[str, Any]]
Listener = Callable[[str, int], None]

# Set once by app.py: turns a call into words when it is written, so that every replay says the same.
announcer: Announcer | None = None
listeners: list[Listener] = []

SPOKEN = ("ticket.called", "ticket.recalled")


def append(
    hall: Hall,
    rules: Rules,
    business_date: str,
    at: int,
    type: str,
    public: dict[str, Any] | None = None,
    staff: dict[str, Any] | None = None,
    ticket: str | None = None,
) -> HallEvent:
    """Write the next event. The caller holds the hall's lock (db.write) and stores hall.last_seq at its end."""
    hall.last_seq += 1
    if public is not None and type in SPOKEN and announcer:
        public = public | announcer(type, public, hall, rules, at)
    return HallEvent.create(
        hall=hall,
        seq=hall.last_seq,
        at=at,
        business_date=business_date,
        type=type,
        ticket_id=ticket,
        public=public,
        staff=staff or {},
    )


def since(hall_id: int, after: int, limit: int = PAGE) -> list[HallEvent]:
    """The events after `after`, those in history too. The caller holds one consistent read, or rows that are moved
    meanwhile might be seen twice or not at all."""
    live = page(SINCE, hall_id, after, limit)
    if live and live[-1].seq - after == len(live):
        return live  # nothing is missing before or between them
    return sorted([*page(PAST_SINCE, hall_id, after, limit), *live], key=lambda event: event.seq)[:limit]


def page(statement: str, hall_id: int, after: int, limit: int) -> list[HallEvent]:
    return [HallEvent.of_columns(row) for row in rows(statement, hall_id, after, limit)]


def newest(hall_id: int) -> int:
    """The seq of the last committed event, 0 in an empty log. It never goes to history."""
    return rows("SELECT MAX(seq) FROM hall_event WHERE hall_id = ?", hall_id)[0][0] or 0


def as_public(event: HallEvent, hall: Hall) -> dict[str, Any]:
    if event.public is None:
        return {"seq": event.seq, "type": "tick"}
    return {
        "seq": event.seq,
        "at": clock.rfc3339(event.at, hall.timezone),
        "type": event.type,
        **event.public,
    }


def as_staff(event: HallEvent, hall: Hall) -> dict[str, Any]:
    ticket = {"ticket": event.ticket_id} if event.ticket_id else {}
    return {
        "seq": event.seq,
        "at": clock.rfc3339(event.at, hall.timezone),
        "type": event.type,
        **ticket,
        **(event.public or {}),
        **event.staff,
    }


def listen(listener: Listener) -> None:
    listeners.append(listener)


def notify(hall_code: str, seq: int) -> None:
    for listener in listeners:
        listener(hall_code, seq)
