"""A queue's waiting line, read from the database for the pure rule in ticketing/routing.py.

Only the head of each (queue, class) can be next, because inside one class the rule is arrival order; so a call
gets a handful of rows, however many wait, and gets them by one statement."""

from functools import cache
from math import ceil

from ticketing.models import Hall, PriorityClass, Ticket
from ticketing.routing import Place, Policy, key
from ticketing.rules import Rules
from ticketing.table import rows

PLACE = "id, priority, arrived_at, front_seq, issue_seq"
WAITING_IN = f"SELECT {PLACE} FROM ticket WHERE queue_id = ? AND state = 'waiting'"  # noqa: S608  # names only
# The first of each queue's fronts, the first of each (queue, class), and what is reserved: each found by an index, so
# that thousands who wait cost no more than a few. `{queues}` and `{classes}` are a mark for each.
HEADS = f"""SELECT {PLACE} FROM ticket WHERE id IN (
    SELECT (SELECT front.id FROM ticket AS front WHERE front.queue_id = queue.id AND front.front_seq IS NOT NULL
        AND front.state = 'waiting' AND front.reserved_for_id IS NULL ORDER BY front.front_seq LIMIT 1)
    FROM queue WHERE queue.id IN ({{queues}})
    UNION ALL
    SELECT (SELECT one.id FROM ticket AS one WHERE one.queue_id = queue.id AND one.state = 'waiting'
        AND one.priority = class.code AND one.front_seq IS NULL AND one.reserved_for_id IS NULL
        ORDER BY one.arrived_at, one.issue_seq LIMIT 1)
    FROM queue CROSS JOIN ({{classes}}) AS class WHERE queue.id IN ({{queues}})
    UNION ALL
    SELECT id FROM ticket WHERE reserved_for_id = ? AND state = 'waiting')"""  # noqa: S608  # names only

Condition = tuple[str, tuple[int | str, ...]]  # SQL, and the value for each of its marks


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
    return [Place(*row) for row in rows(WAITING_IN, queue_id)]


def candidates(counter_id: int, queue_ids: list[int], policy: Policy) -> list[Place]:
    """The heads of each class in each served queue, and what is reserved for this counter."""
    statement = heads_of(len(queue_ids), len(policy.weights))
    return [Place(*row) for row in rows(statement, *queue_ids, *policy.weights, *queue_ids, counter_id)]


@cache
def heads_of(queues: int, classes: int) -> str:
    named = ["SELECT ? AS code", *["SELECT ?"] * (classes - 1)]
    return HEADS.format(queues=", ".join("?" * queues) or "NULL", classes=" UNION ALL ".join(named))


def ahead(ticket: Ticket, now: int, policy: Policy) -> int:
    """How many of the same queue the rule, asked now, would call before this waiting ticket.

    Counted by index ranges, one a class, instead of reading the line: a class is ahead as far as its arrival limit.
    tests/ticketing/test_ahead.py holds it equal to sorting with routing.key."""
    if ticket.front_seq is not None:
        return count_waiting(ticket.queue_id, ("front_seq < ?", (ticket.front_seq,)))
    mine = Place(ticket.id, ticket.priority, ticket.arrived_at, None, ticket.issue_seq)
    is_ahead, values = "front_seq IS NOT NULL", []
    for priority in policy.weights:
        condition, bounds = arrived_before(mine, priority, now, policy)
        is_ahead += f" OR (priority = ? AND ({condition}))"
        values += [priority, *bounds]
    return count_waiting(ticket.queue_id, (is_ahead, tuple(values)))


def count_waiting(queue_id: int, condition: Condition) -> int:
    statement = f"SELECT COUNT(*) FROM ticket WHERE queue_id = ? AND state = 'waiting' AND ({condition[0]})"  # noqa: S608
    return rows(statement, queue_id, *condition[1])[0][0]


def arrived_before(mine: Place, priority: str, now: int, policy: Policy) -> Condition:
    """The condition that a ticket of `priority` goes before `mine`."""
    if policy.strict:
        mine_rank, rank = policy.rank(mine.priority), policy.rank(priority)
        if rank != mine_rank:
            return ("1 = 1" if rank < mine_rank else "1 = 0"), ()  # the whole class, or none of it
        earlier = "arrived_at < ? OR (arrived_at = ? AND issue_seq < ?)"
        return earlier, (mine.arrived_at, mine.arrived_at, mine.issue_seq)
    _, unguarded, minus_score, _ = key(mine, now, policy)
    same_score = now + minus_score / policy.weight(priority)
    guard = now - policy.guard_ms
    limit = max(same_score, guard) if unguarded else min(same_score, guard)
    # Whole milliseconds: a bound between two is rounded up, for the column would cut it to the one before.
    earlier = "arrived_at < ?"
    # Of the same score and exactly as old as the guard it is not older, so it is behind one that is.
    if same_score != ceil(limit) or (not unguarded and same_score >= guard):
        return earlier, (ceil(limit),)
    return f"{earlier} OR (arrived_at = ? AND issue_seq < ?)", (ceil(limit), ceil(same_score), mine.issue_seq)
