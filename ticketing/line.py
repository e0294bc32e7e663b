"""A queue's waiting line, read from the database for the pure rule in ticketing/routing.py.

Only the head of each (queue, class) can be next, because inside one class the rule is arrival order; so a call
gets a handful of rows, however many wait, and gets them by one statement, whatever the classes."""

from math import ceil

from peewee import Select, fn

from ticketing.models import Hall, PriorityClass, Ticket
from ticketing.routing import Place, Policy, key
from ticketing.rules import Rules
from ticketing.status import WAITING

COLUMNS = (Ticket.id, Ticket.priority, Ticket.arrived_at, Ticket.front_seq, Ticket.issue_seq)


def policy_of(hall: Hall, rules: Rules) -> Policy:
    classes = [(row.code, row.weight, row.rank) for row in PriorityClass.of_hall(hall)]
    # Whoever declares nothing is `normal`, also in a hall that names no such class: weight 1, called last in `strict`.
    last = max((rank for _, _, rank in classes), default=0) + 1
    return Policy(
        weights={"normal": 1.0} | {code: weight for code, weight, _ in classes},
        ranks={"normal": last} | {code: rank for code, _, rank in classes},
        guard_ms=rules.guard_minutes * 60_000,
        strict=rules.order == "strict",
    )


def waiting_in(queue_id: int) -> list[Place]:
    """Everybody who waits in a queue, in no order."""
    return [
        Place(*row) for row in Ticket.select(*COLUMNS).where(Ticket.queue == queue_id, Ticket.state == WAITING).tuples()
    ]


def candidates(counter_id: int, queue_ids: list[int], policy: Policy) -> list[Place]:
    """The heads of each class in each served queue, and what is reserved for this counter."""
    waits = Ticket.state == WAITING
    reserved = Ticket.select(*COLUMNS).where(Ticket.reserved_for == counter_id, waits)
    turn = fn.ROW_NUMBER().over(
        partition_by=[Ticket.queue, Ticket.priority, Ticket.front_seq.is_null()],
        order_by=[Ticket.front_seq, Ticket.arrived_at, Ticket.issue_seq],
    )
    standing = Ticket.select(*COLUMNS, turn.alias("turn")).where(
        Ticket.queue.in_(queue_ids), waits, Ticket.reserved_for.is_null()
    )
    shown = [getattr(standing.c, column.name) for column in COLUMNS]
    heads = Select([standing], shown).where(standing.c.turn == 1).bind(Ticket._meta.database)
    return [Place(*row) for row in (*reserved.tuples(), *heads.tuples())]


def ahead(ticket: Ticket, now: int, policy: Policy) -> int:
    """How many of the same queue the rule, asked now, would call before this waiting ticket.

    Counted by index ranges, one a class, instead of reading the line: a class is ahead as far as its arrival limit.
    tests/ticketing/test_ahead.py holds it equal to sorting with routing.key."""
    standing = (Ticket.queue == ticket.queue_id) & (Ticket.state == WAITING)
    fronts = Ticket.front_seq.is_null(False)
    if ticket.front_seq is not None:
        return Ticket.select().where(standing, Ticket.front_seq < ticket.front_seq).count()
    mine = Place(ticket.id, ticket.priority, ticket.arrived_at, None, ticket.issue_seq)
    is_ahead = fronts
    for priority in policy.weights:
        is_ahead = is_ahead | ((Ticket.priority == priority) & arrived_before(mine, priority, now, policy))
    return Ticket.select(fn.COUNT(Ticket.id)).where(standing, is_ahead).scalar()


def arrived_before(mine: Place, priority: str, now: int, policy: Policy):
    """The condition that a ticket of `priority` goes before `mine`."""
    if policy.strict:
        mine_rank, rank = policy.rank(mine.priority), policy.rank(priority)
        if rank != mine_rank:
            return Ticket.id.is_null(rank > mine_rank)  # whole class before, or none of it
        return (Ticket.arrived_at < mine.arrived_at) | (
            (Ticket.arrived_at == mine.arrived_at) & (Ticket.issue_seq < mine.issue_seq)
        )
    _, unguarded, minus_score, _ = key(mine, now, policy)
    same_score = now + minus_score / policy.weight(priority)
    guard = now - policy.guard_ms
    limit = max(same_score, guard) if unguarded else min(same_score, guard)
    # Whole milliseconds: a bound between two is rounded up, for the column would cut it to the one before.
    earlier = Ticket.arrived_at < ceil(limit)
    # Of the same score and exactly as old as the guard it is not older, so it is behind one that is.
    if same_score != ceil(limit) or (not unguarded and same_score >= guard):
        return earlier
    return earlier | ((Ticket.arrived_at == ceil(same_score)) & (Ticket.issue_seq < mine.issue_seq))
