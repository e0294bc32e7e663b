"""The append-only hall log: the truth from which everything pushed is derived.

An event has a public part (boards) and a staff part; a feed that may not show an event gets a bare tick, so that
both feeds carry every seq."""

from collections.abc import Callable
from typing import Any

from peewee import fn

from ticketing import clock
from ticketing.models import Hall, HallEvent, PastHallEvent
from ticketing.rules import Rules

PAGE = 500  # events a read brings at most

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
    live = page(HallEvent, hall_id, after, limit)
    if live and live[-1].seq - after == len(live):
        return live  # nothing is missing before or between them
    older = [HallEvent(**event.__data__) for event in page(PastHallEvent, hall_id, after, limit)]
    return sorted([*older, *live], key=lambda event: event.seq)[:limit]


def page(table: Any, hall_id: int, after: int, limit: int) -> list[Any]:
    return list(table.select().where(table.hall == hall_id, table.seq > after).order_by(table.seq).limit(limit))


def newest(hall_id: int) -> int:
    """The seq of the last committed event, 0 in an empty log. It never goes to history."""
    return HallEvent.select(fn.MAX(HallEvent.seq)).where(HallEvent.hall == hall_id).scalar() or 0


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
