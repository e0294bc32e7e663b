"""Sealed texts under the active key: by small pieces through db.write, safe to interrupt and to repeat."""

from collections import Counter as Tally
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cryptography.fernet import InvalidToken

from ticketing import clock, db
from ticketing.db import Change
from ticketing.keyring import RETIRED_MS, Keyring, UnknownKey, key_of, without
from ticketing.models import Hall, PastTicket, Ticket
from ticketing.table import Table

PIECE = 100  # texts sealed anew by one transaction, some 20 ms
# In this order: a row goes from the first to the second, never back.
SEALED: tuple[Any, ...] = (Ticket, PastTicket)


@dataclass
class Resealed:
    texts: int = 0
    unreadable: int = 0
    dropped: list[str] = field(default_factory=list)


def counts() -> Tally[str]:
    """How many texts each key has sealed, by its id."""
    told: Tally[str] = Tally()
    with db.snapshot():
        for table in SEALED:
            query = table.select(table.sealed).where(table.sealed.is_null(False)).tuples()
            told.update(key_of(text) for (text,) in query.iterator())
    return told


def reseal(keyring: Keyring) -> Resealed:
    """Every text under the active key; then keys that nothing is sealed with are dropped, an hour after their end."""
    done = Resealed()
    with db.connection():
        halls = [(hall.id, hall.code) for hall in Hall.select().order_by(Hall.code)]
    for id, code in halls:
        for table in SEALED:
            reseal_table(keyring, table, id, code, done)
    drop_unused(keyring, done)
    return done


def reseal_table(keyring: Keyring, table: type[Table], hall: int, code: str, done: Resealed) -> None:
    last = ""
    while found := sealed_otherwise(table, hall, keyring.keys.active, last):
        pairs = [(id, text, resealed(keyring, text)) for id, text in found]
        done.unreadable += sum(new is None for _, _, new in pairs)
        done.texts += db.write(code, partial(keep, table=table, pairs=pairs))  # type: ignore[operator]
        last = found[-1][0]


def sealed_otherwise(table: Any, hall: int, active: str, after: str) -> list[tuple[str, str]]:
    """(ticket, text) of the next piece that another key has sealed."""
    with db.connection():
        return list(
            table.select(table.id, table.sealed)
            .where(table.hall == hall, table.sealed.is_null(False), ~table.sealed.startswith(f"{active}:"))
            .where(table.id > after)
            .order_by(table.id)
            .limit(PIECE)
            .tuples()
        )


def resealed(keyring: Keyring, text: str) -> str | None:
    try:
        return keyring.seal(keyring.unseal(text))
    except (UnknownKey, InvalidToken):
        return None


def keep(change: Change, table: type[Table], pairs: list[tuple[str, str, str | None]]) -> int:
    """Only where the text is still the one that was read: a row may have gone to history or been forgotten."""
    return sum(table.change({"id": id, "sealed": old}, sealed=new) for id, old, new in pairs if new is not None)


def drop_unused(keyring: Keyring, done: Resealed) -> None:
    used, before = counts(), clock.now() - RETIRED_MS
    unused = {key.id for key in keyring.keys.keys if not used[key.id] and key.retired and key.retired <= before}
    if unused and keyring.path is not None:
        keyring.replace(without(keyring.keys, unused))
        done.dropped = sorted(unused)
