"""Timed passes, one at a time; each pass can be run at any moment, by any process, any number of times."""

from functools import partial

from counter.calling import miss_overdue
from ticketing import clock, db, history, lifecycle, log, privacy
from ticketing.db import Change
from ticketing.layout import IS_LIVE
from ticketing.models import Hall, HallEvent, IdempotentAnswer, PastHallEvent, Ticket
from ticketing.status import CALLED, WAITING

PIECES = 20  # moved to history by one pass, for each hall


def sweep(now: int | None = None) -> None:
    with db.connection():
        halls = list(Hall.select())
    for hall in halls:
        end_earlier_days(hall)
        miss_all_overdue(hall)
    forget_answers(now or clock.now())
    keep_history()
    for hall in halls:
        forget_persons(hall)


def forget_persons(hall: Hall) -> None:
    """What is older than the hall's days, by small pieces."""
    with db.connection():
        if not privacy.is_due(hall, clock.now()):
            return
    for _ in range(PIECES):
        if not db.write(hall.code, privacy.purge_some):
            break


def end_earlier_days(hall: Hall) -> int:
    """The scheduled day close: nothing to do until the hall's business day has changed."""
    with db.connection():
        today = db.today(hall, clock.now())
    if hall.closed_until >= today:
        return 0
    return close_day(hall.code, before=today)


def close_day(hall_code: str, before: str | None = None) -> int:
    """End the unfinished tickets of days before `before` (None: of today too); returns how many.

    One transaction a ticket, so a crash halfway leaves the rest for the next pass."""
    with db.connection():
        hall = Hall.get(Hall.code == hall_code)
        today = db.today(hall, clock.now())
        ids = lifecycle.unfinished_until(hall.id, before or today, including=before is None)
    ended = 0
    for id in ids:
        if db.write(hall_code, partial(expire_if_unfinished, ticket_id=id)):
            ended += 1
    db.write(hall_code, lambda change: tell_day_closed(change, before, ended))
    return ended


def expire_if_unfinished(change: Change, ticket_id: str) -> bool:
    ticket = lifecycle.ticket_of(change, ticket_id)
    if ticket.state not in lifecycle.TRANSITIONS["expire"][0]:
        return False  # somebody was quicker
    lifecycle.expire(change, ticket_id)
    return True


def tell_day_closed(change: Change, before: str | None, ended: int) -> None:
    """`closed_until`: every business day before it is closed. Another process may have been quicker."""
    if before is not None and change.hall.closed_until >= before:
        return
    if before is not None:
        Hall.update(closed_until=before).where(Hall.id == change.hall.id).execute()
        if change.hall.closed_until == "":
            return  # a new hall: there was no day before
    elif change.hall.closed_until > (day := day_of_clock(change.hall, change.now)):
        # A clock that was ahead by days had closed days to come. Nobody waits any more: back to the clock's own.
        Hall.update(closed_until=day).where(Hall.id == change.hall.id).execute()
    change.append("day.closed", public={"business_date": change.today}, staff={"expired": ended})


def day_of_clock(hall: Hall, now: int) -> str:
    return clock.business_date(now, hall.timezone, db.rules_of(hall).day_starts)


def keep_history() -> None:
    """Closed days go to history by small pieces, each a transaction of its own, so that nobody waits long and a crash
    halfway leaves the rest for the next pass. Months of them, from before there was a history, take many passes."""
    with db.connection():
        halls = history.due()
    for hall in halls:
        for _ in range(PIECES):
            if not db.write(hall.code, history.move_some):
                break


def miss_all_overdue(hall: Hall) -> None:
    limit = db.rules_of(hall).no_show_auto_seconds
    if limit is None:
        return
    with db.connection():
        overdue = Ticket.select(Ticket.id).where(
            Ticket.hall == hall,
            IS_LIVE,
            Ticket.state == CALLED,
            Ticket.last_called_at <= clock.now() - limit * 1000,
        )
        ids = [id for (id,) in overdue.tuples()]
    for id in ids:
        db.write(hall.code, partial(miss_overdue, ticket_id=id))


def forget_answers(now: int) -> None:
    with db.connection():
        IdempotentAnswer.delete().where(IdempotentAnswer.at < now - db.KEEP_ANSWERS_MS).execute()


def inconsistencies(hall: Hall, now: int) -> list[str]:
    """What must never be: counts that differ from the rows, a log with holes, an unclosed earlier day."""
    told = []
    with db.snapshot():
        hall = Hall.get_by_id(hall.id)
        for queue in hall.queues:
            waiting = Ticket.select().where(Ticket.queue == queue, Ticket.state == WAITING).count()
            if waiting != queue.waiting:
                told.append(f"queue {queue.code} counts {queue.waiting} waiting, {waiting} wait")
        events, newest = events_of(hall), log.newest(hall.id)
        if not events == hall.last_seq == newest:
            told.append(f"the log has {events} events, the newest is {newest}, {hall.last_seq} were written")
        if lifecycle.unfinished_until(hall.id, db.today(hall, now), including=False):
            told.append("an earlier business day is not closed: run.py close-day")
        if hall.closed_until > (day := day_of_clock(hall, now)):
            told.append(f"its business day is {hall.closed_until}, the clock's {day}: run.py close-day in the evening")
        if hall.last_at - now > clock.STEP_MS:
            told.append(f"its newest event is {(hall.last_at - now) // 1000} s ahead of the clock")
    return told


def events_of(hall: Hall) -> int:
    tables = (HallEvent, PastHallEvent)
    return sum(table.select().where(table.hall == hall.id).count() for table in tables)
