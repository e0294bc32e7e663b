"""History: what closed days leave behind. The live tables hold the live days only, so that years of visits slow no
call; the timed pass brings closed days here, and whoever asks for an old ticket or event looks at both.

A row is in one of the two at any moment: it goes over in one transaction, under the hall's lock."""

from typing import Any

from peewee import fn

from ticketing.db import Change
from ticketing.models import (
    Hall,
    HallEvent,
    PastHallEvent,
    PastTicket,
    PastTicketItem,
    PastTurn,
    Ticket,
    TicketItem,
    Turn,
)
from ticketing.status import STATES, UNFINISHED
from ticketing.table import Table, database

# What one transaction moves. The hall's other writes wait behind it, some 3 to 10 ms.
TICKETS, EVENTS = 60, 200
ENDED = tuple(state for state in STATES if state not in UNFINISHED)


def ticket(id: str) -> Ticket | None:
    """A ticket, wherever it is. Live ones are looked at first: what leaves them between the two looks is found by
    the second."""
    found = Ticket.get_or_none(Ticket.id == id)
    if found is None and (row := PastTicket.get_or_none(PastTicket.id == id)):
        found = Ticket(**row.__data__)
    return found


def due() -> list[Hall]:
    """The halls that have something to move, found by one statement for all of them."""
    tickets = Ticket.select(Ticket.id).where(
        Ticket.hall == Hall.id, Ticket.business_date < Hall.closed_until, Ticket.state.in_(ENDED)
    )
    events = HallEvent.select(HallEvent.id).where(
        HallEvent.hall == Hall.id, HallEvent.business_date < Hall.closed_until, HallEvent.seq < Hall.last_seq
    )
    return list(Hall.select().where(fn.EXISTS(tickets) | fn.EXISTS(events)))


def move_some(change: Change) -> int:
    """Move a piece of the days that are closed; how many tickets or events, 0 when nothing is left."""
    before = change.hall.closed_until
    return move_tickets(change.hall, before) or move_events(change.hall, before)


def move_tickets(hall: Hall, before: str) -> int:
    """With their items and turns. Whoever is served over the end of the day stays until that visit has ended, and
    until its last turn's day is over, since the figures of a day count its turns."""
    later = Turn.select(Turn.id).where(Turn.ticket == Ticket.id, Turn.business_date >= before)
    rows = (
        Ticket.select(Ticket.id)
        .where(Ticket.hall == hall, Ticket.business_date < before, Ticket.state.in_(ENDED), ~fn.EXISTS(later))
        .order_by(Ticket.business_date)
        .limit(TICKETS)
    )
    ids = [id for (id,) in rows.tuples()]
    if ids:
        carry(TicketItem, PastTicketItem, "ticket_id", ids)
        carry(Turn, PastTurn, "ticket_id", ids)
        carry(Ticket, PastTicket, "id", ids)
    return len(ids)


def move_events(hall: Hall, before: str) -> int:
    """The newest event stays, so that the end of the log is always found among the live ones."""
    rows = (
        HallEvent.select(HallEvent.id)
        .where(HallEvent.hall == hall, HallEvent.business_date < before, HallEvent.seq < hall.last_seq)
        .order_by(HallEvent.business_date, HallEvent.seq)
        .limit(EVENTS)
    )
    ids = [id for (id,) in rows.tuples()]
    if ids:
        carry(HallEvent, PastHallEvent, "id", ids)
    return len(ids)


def carry(live: type[Table], past: Any, column: str, keys: list[Any]) -> None:
    """Rows from one table to the other; never one that is not there afterwards."""
    names = ", ".join(f'"{field.column_name}"' for field in past._meta.sorted_fields if not field.auto_increment)
    these = f'"{column}" IN ({", ".join([database.param] * len(keys))})'
    source, target = live._meta.table_name, past._meta.table_name
    insert = f'INSERT INTO "{target}" ({names}) SELECT {names} FROM "{source}" WHERE {these} ORDER BY "id"'  # noqa: S608
    kept = database.execute_sql(insert, keys).rowcount
    gone = database.execute_sql(f'DELETE FROM "{source}" WHERE {these}', keys).rowcount  # noqa: S608
    if kept != gone:
        raise RuntimeError(f"{kept} rows of {source} kept, {gone} deleted")
