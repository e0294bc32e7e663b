"""What is kept of persons: forgotten after the hall's days, told to them and erased when they ask. Figures stay."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from cryptography.fernet import InvalidToken
from peewee import fn

from ticketing import clock, db
from ticketing.db import Change
from ticketing.keyring import Keyring, UnknownKey
from ticketing.models import Hall, PastTicket, Rating, Ticket, Unblocking
from ticketing.status import UNFINISHED

PIECE = 100  # tickets forgotten by one transaction
DAY_MS = 86_400_000
FORGOTTEN = {"sealed": None, "identity_hash": None, "principal_hash": None}
TABLES: tuple[Any, ...] = (Ticket, PastTicket)


def is_due(hall: Hall, now: int) -> bool:
    """Whether there is anything to forget: asked in each pass, so that a pass with nothing to do writes nothing."""
    before, day = kept_from(hall, now)
    old = (
        *(old_tickets(table, hall, day) for table in TABLES),
        old_unblockings(hall, before),
        old_comments(hall, before),
    )
    return any(rows.exists() for rows in old)


def purge_some(change: Change) -> int:
    """Forget a piece of what is older than the hall's days; how many rows, 0 when nothing is left."""
    before, day = kept_from(change.hall, change.now)
    for table in TABLES:
        ids = [id for (id,) in old_tickets(table, change.hall, day).limit(PIECE).tuples()]
        if ids:
            return table.update(**FORGOTTEN).where(table.id.in_(ids)).execute()
    Unblocking.delete().where(Unblocking.id.in_(old_unblockings(change.hall, before))).execute()
    ids = [id for (id,) in old_comments(change.hall, before).limit(PIECE).tuples()]
    return Rating.update(comment=None).where(Rating.ticket.in_(ids)).execute() if ids else 0


def kept_from(hall: Hall, now: int) -> tuple[int, str]:
    """What is older than this instant, and than this business day, is forgotten."""
    rules = db.rules_of(hall)
    before = now - rules.keep_identity_days * DAY_MS
    return before, clock.business_date(before, hall.timezone, rules.day_starts)


def old_tickets(table: Any, hall: Hall, day: str) -> Any:
    told = (table.hall == hall.id, table.business_date < day, table.sealed.is_null(False))
    return table.select(table.id).where(*told, table.state.not_in(UNFINISHED))


def old_unblockings(hall: Hall, before: int) -> Any:
    return Unblocking.select(Unblocking.id).where(Unblocking.hall == hall.id, Unblocking.at < before)


def old_comments(hall: Hall, before: int) -> Any:
    """What somebody wrote may name anybody; their level and reasons stay."""
    mine = [fn.EXISTS(table.select(table.id).where(table.id == Rating.ticket, table.hall == hall.id))
            for table in TABLES]  # fmt: skip
    return Rating.select(Rating.ticket).where(Rating.at < before, Rating.comment.is_null(False), mine[0] | mine[1])


def of_person(hall: Hall, keyring: Keyring, number: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(ticket, what was told with it) of whoever has this number, as applicant, principal or phone."""
    hashed = keyring.identity_hash(hall.code, number)
    for table in TABLES:
        for row in list(table.select().where(table.hall == hall.id, table.sealed.is_null(False))):
            told = opened(keyring, row.sealed)
            numbers = {told.get("id_number"), told.get("phone"), (told.get("principal") or {}).get("id_number")}
            if number in numbers or hashed in (row.identity_hash, row.principal_hash):
                yield row, told


def opened(keyring: Keyring, text: str) -> dict[str, Any]:
    try:
        return keyring.unseal(text)
    except (UnknownKey, InvalidToken):
        return {}


def export(hall: Hall, keyring: Keyring, number: str) -> list[dict[str, Any]]:
    """Everything held of a person, ready for JSON."""
    with db.snapshot():
        return [exported(hall, row, told) for row, told in of_person(hall, keyring, number)]


def exported(hall: Hall, row: Any, told: dict[str, Any]) -> dict[str, Any]:
    rating = Rating.get_or_none(Rating.ticket == row.id)
    times = ("issued_at", "called_at", "begun_at", "ended_at")
    return {
        "hall": hall.code,
        "number": row.number,
        "business_date": row.business_date,
        "state": row.state,
        **{name: clock.rfc3339(getattr(row, name), hall.timezone) for name in times},
        "told": told,
        "rating": rating and {"level": rating.level, "reasons": rating.reasons, "comment": rating.comment},
    }


def erase(hall: Hall, keyring: Keyring, number: str) -> int:
    """Forget a person; how many tickets no longer know them. Numbers that still wait go on without a name."""
    with db.connection():
        ids = [row.id for row, _ in of_person(hall, keyring, number)]
    hashed = keyring.identity_hash(hall.code, number)
    for start in range(0, max(len(ids), 1), PIECE):
        piece = ids[start : start + PIECE]
        db.write(hall.code, partial(forget, ids=piece, hashed=hashed))
    return len(ids)


def forget(change: Change, ids: list[str], hashed: str) -> None:
    for table in TABLES:
        table.update(**FORGOTTEN).where(table.id.in_(ids)).execute()
    Rating.update(comment=None).where(Rating.ticket.in_(ids)).execute()
    Unblocking.delete().where(Unblocking.hall == change.hall, Unblocking.identity_hash == hashed).execute()
