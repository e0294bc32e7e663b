"""Who may take a number: what a queue or item asks of an applicant, and what one identity may take.

An applicant and the person they came for count alike: whoever is either of the two in a ticket has that ticket."""

from functools import reduce
from operator import or_
from typing import Any

from peewee import Expression

from ticketing import clock
from ticketing.db import Change
from ticketing.errors import Refusal
from ticketing.models import Item, PastTicket, Queue, Staff, Ticket, Unblocking
from ticketing.status import NO_SHOW, UNFINISHED

STRICTNESS = ("none", "optional", "required")
DAY_MS = 86_400_000


def asked(queue: Queue, items: list[Item]) -> tuple[str, list[str]]:
    """(none, optional or required; the kinds that will do): the strictest of what the items ask, or their queue."""
    wanted = [(item.identity, item.identity_kinds) for item in items if item.identity is not None]
    if not wanted or len(wanted) < len(items):
        wanted.append((queue.identity, queue.identity_kinds))
    strictest = max((ask for ask, _ in wanted), key=STRICTNESS.index)
    kinds = [kind for ask, named in wanted if ask == strictest for kind in named or ["resident"]]
    return strictest, list(dict.fromkeys(kinds)) if strictest != "none" else []


def refuse_unnamed(queue: Queue, items: list[Item], told: frozenset[str]) -> None:
    ask, kinds = asked(queue, items)
    if ask == "none":
        return
    if told & {"resident", "organisation"} - set(kinds) and not told & set(kinds):
        raise Refusal("identity_kind", kinds=kinds)
    if ask == "required" and not told & set(kinds):
        raise Refusal("identity_required", kinds=kinds)


def refuse_second_ticket(change: Change, queue: Queue, hashes: Any) -> None:
    for hashed in hashes:
        refuse_blocked(change, hashed)
        mine = Ticket.select().where(Ticket.hall == change.hall, Ticket.business_date == change.today, has(hashed))
        if mine.where(Ticket.state.in_(UNFINISHED)).count() >= change.rules.live_per_identity:
            raise Refusal("duplicate_ticket")
        limit = change.rules.daily_per_identity
        if limit is not None and mine.where(Ticket.queue == queue).count() >= limit:
            raise Refusal("identity_daily_limit")


def has(hashed: str) -> Expression:
    return reduce(or_, (Ticket.identity_hash == hashed, Ticket.principal_hash == hashed))


# -- the block after no-shows ---------------------------------------------------------------------------------------


def refuse_blocked(change: Change, hashed: str) -> None:
    until = blocked_until(change, hashed)
    if until is not None:
        raise Refusal("blocked", blocked_until=clock.rfc3339(until, change.hall.timezone))


def blocked_until(change: Change, hashed: str) -> int | None:
    """The instant from which the applicant may take numbers again; None when nothing keeps them from it."""
    rules = change.rules
    if rules.no_show_block_count is None:
        return None
    missed = missed_since(change, hashed, change.now - rules.no_show_block_days * DAY_MS)
    for last in missed:
        window = last - rules.no_show_block_within_days * DAY_MS
        count = len([at for at in missed_since(change, hashed, window) if at <= last])
        if count >= rules.no_show_block_count:
            return last + rules.no_show_block_days * DAY_MS
    return None


def missed_since(change: Change, hashed: str, since: int) -> list[int]:
    """When this applicant missed a visit after `since` and after the last unblocking, newest first."""
    lifted = Unblocking.get_or_none((Unblocking.hall == change.hall) & (Unblocking.identity_hash == hashed))
    since = max(since, lifted.at) if lifted else since
    found = [
        at
        for table in (Ticket, PastTicket)
        for (at,) in table.select(table.ended_at)
        .where(table.hall == change.hall.id, table.identity_hash == hashed)
        .where(table.state == NO_SHOW, table.ended_at > since)
        .tuples()
    ]
    return sorted(found, reverse=True)


def unblock(change: Change, hashed: str, by: Staff | None) -> None:
    """A manager takes the block away; what was missed until now no longer counts."""
    if blocked_until(change, hashed) is None:
        raise Refusal("not_blocked")
    Unblocking.delete().where(Unblocking.hall == change.hall, Unblocking.identity_hash == hashed).execute()
    Unblocking.create(hall=change.hall, identity_hash=hashed, at=change.now, by=by)
    change.append("identity.unblocked", public=None, staff={"by": by.login if by else None})
