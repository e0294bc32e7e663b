"""The verbs on one ticket that need no counter, and the one move every verb makes (`transition`).

Each verb runs inside db.write with its `Change`, moves one ticket by one conditional UPDATE and appends one event."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from ticketing import clock, history, hours, limits
from ticketing.db import Change
from ticketing.errors import Refusal, invalid
from ticketing.line import policy_of, waiting_in
from ticketing.models import (
    Bundle,
    Counter,
    Hall,
    Item,
    PriorityClass,
    Queue,
    Rating,
    Ticket,
    TicketItem,
    Turn,
)
from ticketing.numbering import next_number
from ticketing.routing import arrival_behind, in_order, queue_of
from ticketing.status import CALLED, FINISHED, LIVE, NO_SHOW, SERVING, TRANSITIONS, WAITING
from ticketing.table import looked_up, rows

COUNT = "UPDATE queue SET waiting = waiting + ? WHERE id = ? RETURNING code, waiting"
COUNTED = "SELECT code, waiting FROM queue WHERE id = ?"
# The queue, and the zone of the counter if it has one, else of the queue.
PLACE = """SELECT queue.code, zone.code FROM queue
    LEFT JOIN zone ON zone.id = COALESCE(?, queue.zone_id) WHERE queue.id = ?"""
ITEM_CODES = """SELECT item.code FROM ticket_item JOIN item ON item.id = ticket_item.item_id
    WHERE ticket_item.ticket_id = ? ORDER BY ticket_item.place"""

RATING_DAYS = 7  # five working days (GB/T 39735) always fit into seven days; a longer holiday only adds to them

# What a move that does not fit the ticket's state is refused with.
MISFITS = {
    "call": "not_waiting",
    "recall": "not_called",
    "begin": "not_called",
    "finish": "not_serving",
    "no_show": "not_called",
    "reinstate": "not_no_show",
    "hold": "not_serving",
    "resume": "not_held",
    "transfer": "not_transferable",
    "cancel": "not_cancellable",
    "expire": "not_expirable",
    "move": "not_waiting",
    "postpone": "not_waiting",
    "set_priority": "not_waiting",
}


@dataclass
class Wish:
    """What somebody comes for. `sealed` and `identity_hash` are made by ticketing/identity.py."""

    channel: str
    items: list[str] = field(default_factory=list)
    bundle: str | None = None
    queue: str | None = None
    priority: str | None = None
    booked_at: int | None = None
    sealed: str | None = None
    identity_hash: str | None = None
    principal_hash: str | None = None
    told: frozenset[str] = frozenset()  # of resident, organisation, phone: what the applicant told of themselves


def ticket_of(change: Change, ticket_id: str) -> Ticket:
    """Of history too: a verb on it is refused by its state, like any other that comes too late."""
    ticket = history.ticket(ticket_id)
    if ticket is None or ticket.hall_id != change.hall.id:
        raise Refusal("unknown_ticket")
    return ticket


def transition(change: Change, ticket: Ticket, verb: str, **columns: Any) -> dict[str, int]:
    """Move the ticket as the table in ticketing/status.py allows, or refuse; keep each queue's waiting count.

    Returns the new waiting counts of the queues it touched, by code."""
    came_from, state = TRANSITIONS[verb]
    before, queue_before = ticket.state, ticket.queue_id
    columns["state"] = state
    if before not in came_from or Ticket.change({"id": ticket.id, "state": before}, **columns) != 1:
        raise Refusal(MISFITS[verb], state=before)
    for name, value in columns.items():
        setattr(ticket, name, value)
    steps: dict[int, int] = {}
    if before == WAITING:
        steps[queue_before] = -1
    if state == WAITING:
        steps[ticket.queue_id] = steps.get(ticket.queue_id, 0) + 1
    return dict(count_waiting(queue_id, step) for queue_id, step in steps.items())


def count_waiting(queue_id: int, step: int) -> tuple[str, int]:
    return rows(COUNT, step, queue_id)[0] if step else rows(COUNTED, queue_id)[0]


def tell(
    change: Change,
    type: str,
    ticket: Ticket,
    waiting: dict[str, int],
    counter: Counter | None = None,
    public: dict[str, Any] | None = None,
    staff: dict[str, Any] | None = None,
) -> None:
    """Append the one event of a verb. `counter` is the one the ticket is at, or has just left."""
    at_counter = counter_part(counter, ticket) if counter else {}
    ((queue, zone),) = rows(PLACE, counter.zone_id if counter else None, ticket.queue_id)
    change.append(
        type,
        ticket=ticket.id,
        public={
            "number": ticket.number,
            "queue": queue,
            "zone": zone,
            "waiting": waiting,
            **at_counter,
            **(public or {}),
        },
        staff=staff_part(change, ticket) | (staff or {}),
    )


def counter_part(counter: Counter, ticket: Ticket | None) -> dict[str, Any]:
    """What boards show of a counter after an event: the ticket it has in hand, if it still has it."""
    here = ticket is not None and ticket.state in LIVE and ticket.counter_id == counter.id
    return {
        "counter": counter.number,
        "counter_name": counter.name,
        "counter_now": {
            "counter": counter.number,
            "state": counter.state,
            "number": ticket.number if ticket and here else None,
            "serving": bool(ticket and here and ticket.state == SERVING),
        },
    }


def staff_part(change: Change, ticket: Ticket) -> dict[str, Any]:
    zone = change.hall.timezone
    agent = rows("SELECT login FROM staff WHERE id = ?", ticket.agent_id)[0][0] if ticket.agent_id else None
    return {
        "state": ticket.state,
        "items": item_codes(ticket),
        "priority": ticket.priority,
        "asked_priority": ticket.asked_priority,
        "channel": ticket.channel,
        "agent": agent,
        "issued_at": clock.rfc3339(ticket.issued_at, zone),
        "arrived_at": clock.rfc3339(ticket.arrived_at, zone),
        "called_at": clock.rfc3339(ticket.called_at, zone),
        "begun_at": clock.rfc3339(ticket.begun_at, zone),
        "ended_at": clock.rfc3339(ticket.ended_at, zone),
    }


def item_codes(ticket: Ticket) -> list[str]:
    return [code for (code,) in rows(ITEM_CODES, ticket.id)]


# -- issue ------------------------------------------------------------------------------------------------------


def issue(change: Change, wish: Wish) -> Ticket:
    """Number and routing in one: → waiting."""
    queue, items = route(change, wish)
    priority, asked = declared(change, wish)
    refuse_closed(change, queue)
    limits.refuse_unnamed(queue, items, wish.told)
    limits.refuse_second_ticket(change, queue, {wish.identity_hash, wish.principal_hash} - {None})
    arrived_at = max(change.now, wish.booked_at) if wish.booked_at else change.now
    ticket = Ticket.create(
        id=secrets.token_urlsafe(16),
        hall=change.hall,
        business_date=change.today,
        number=next_number(change, queue),
        queue=queue,
        state=WAITING,
        priority=priority,
        asked_priority=asked,
        channel=wish.channel,
        issue_seq=change.next_seq,
        issued_at=change.now,
        arrived_at=arrived_at,
        identity_hash=wish.identity_hash,
        sealed=wish.sealed,
        principal_hash=wish.principal_hash,
    )
    for place, item in enumerate(items):
        TicketItem.create(ticket=ticket.id, item=item.id, place=place)
    waiting = dict([count_waiting(queue.id, +1)])
    tell(change, "ticket.issued", ticket, waiting)
    return ticket


def route(change: Change, wish: Wish) -> tuple[Queue, list[Item]]:
    queues = Queue.of_hall(change.hall)
    by_code = {queue.code: queue for queue in queues}
    if wish.queue is not None:
        if wish.queue not in by_code:
            raise Refusal("unknown_queue")
        return by_code[wish.queue], []
    codes, bundle_queue = wish.items, None
    if wish.bundle is not None:
        bundle = Bundle.get_or_none((Bundle.hall == change.hall) & (Bundle.code == wish.bundle))
        if bundle is None:
            raise Refusal("unknown_bundle")
        codes, bundle_queue = bundle.items, bundle.queue_id
    items = items_by_code(change, list(dict.fromkeys(codes)))
    by_id = {queue.id: queue for queue in queues}
    if bundle_queue:
        return by_id[bundle_queue], items
    general = next(queue.id for queue in queues if queue.general)
    return by_id[queue_of([mapped(item, queues) for item in items], general)], items


def mapped(item: Item, queues: list[Queue]) -> int | None:
    """The queue an item leads to: its own, else its department's."""
    if item.queue_id:
        return item.queue_id
    return next((queue.id for queue in queues if item.department and item.department in queue.departments), None)


def items_by_code(change: Change, codes: list[str]) -> list[Item]:
    found = {code: Item.get_or_none((Item.hall == change.hall) & (Item.code == code)) for code in codes}
    missing = [code for code in codes if found[code] is None]
    if missing:
        raise Refusal("unknown_item", errors=[{"field": "items", "message": code} for code in missing])
    return [found[code] for code in codes]


def closed_because(now: int, hall: Hall, queue: Queue, issued: int | None) -> str | None:
    """Why a queue gives no number at this moment, as a code; None when it does."""
    local = clock.local(now, hall.timezone)
    if not hours.is_open(hall.hours, local):
        return "hall_closed"
    if queue.closed or (queue.hours and not hours.is_open(queue.hours, local)):
        return "queue_closed"
    if queue.max_waiting is not None and queue.waiting >= queue.max_waiting:
        return "queue_full"
    if queue.daily_limit is not None and issued is not None and issued >= queue.daily_limit:
        return "queue_full"
    return None


def issued_today(queue: Queue, today: str) -> int:
    return Ticket.select().where(Ticket.queue == queue, Ticket.business_date == today).count()


def refuse_closed(change: Change, queue: Queue) -> None:
    issued = issued_today(queue, change.today) if queue.daily_limit is not None else None
    reason = closed_because(change.now, change.hall, queue, issued)
    if reason:
        raise Refusal(reason, queue=queue.code)


def declared(change: Change, wish: Wish) -> tuple[str, str | None]:
    """(the class that counts, the declared one that a desk has still to confirm)."""
    classes = {row.code: row for row in PriorityClass.of_hall(change.hall)}
    default = "appointment" if wish.booked_at and "appointment" in classes else "normal"
    code = wish.priority or default
    if code == default:
        return code, None
    if code not in classes:
        raise Refusal("unknown_priority")
    return (default, code) if classes[code].verify else (code, None)


# -- the applicant's and the desk's verbs -----------------------------------------------------------------------


def cancel(change: Change, ticket_id: str) -> Ticket:
    ticket = ticket_of(change, ticket_id)
    counter = ticket.counter if ticket.state == CALLED else None
    end_turn(ticket, change.now, "cancel")
    waiting = transition(change, ticket, "cancel", ended_at=change.now, reserved_for=None)
    tell(change, "ticket.cancelled", ticket, waiting, counter)
    return ticket


def expire(change: Change, ticket_id: str) -> Ticket:
    """The day close ends what is unfinished of an earlier day."""
    ticket = ticket_of(change, ticket_id)
    counter = ticket.counter if ticket.state == CALLED else None
    end_turn(ticket, change.now, "expire")
    waiting = transition(change, ticket, "expire", ended_at=change.now, reserved_for=None)
    tell(change, "ticket.expired", ticket, waiting, counter)
    return ticket


def postpone(change: Change, ticket_id: str, places: int) -> Ticket:
    """Back by so many places, at most `postpone_times`."""
    ticket = ticket_of(change, ticket_id)
    if ticket.state == WAITING and ticket.postpones >= change.rules.postpone_times:
        raise Refusal("postpone_limit")
    arrived_at = behind(change, ticket, places)
    waiting = transition(
        change, ticket, "postpone", arrived_at=arrived_at, front_seq=None, postpones=ticket.postpones + 1
    )
    tell(change, "ticket.postponed", ticket, waiting)
    return ticket


def reinstate(change: Change, ticket_id: str) -> Ticket:
    """A missed number comes back, as often and to the place that the hall's rules say."""
    ticket = ticket_of(change, ticket_id)
    if ticket.state == NO_SHOW and ticket.business_date != change.today:
        raise Refusal("day_over")
    if ticket.state == NO_SHOW and ticket.reinstates >= change.rules.reinstate_times:
        raise Refusal("reinstate_limit")
    places = {
        "tail": lambda: change.now,
        "old": lambda: ticket.arrived_at,
        "after": lambda: from_top(change, ticket, change.rules.reinstate_after),
    }
    waiting = transition(
        change,
        ticket,
        "reinstate",
        arrived_at=places[change.rules.reinstate_place](),
        front_seq=None,
        reinstates=ticket.reinstates + 1,
        ended_at=None,
        **not_called(),
    )
    tell(change, "ticket.reinstated", ticket, waiting)
    return ticket


def set_priority(change: Change, ticket_id: str, grant: bool) -> Ticket:
    """A desk has seen the certificate of the declared class, or found none."""
    ticket = ticket_of(change, ticket_id)
    if ticket.state == WAITING and ticket.asked_priority is None:
        raise Refusal("nothing_asked")
    priority = ticket.asked_priority if grant else ticket.priority
    waiting = transition(change, ticket, "set_priority", priority=priority, asked_priority=None)
    tell(change, "ticket.priority_set", ticket, waiting, staff={"granted": grant})
    return ticket


def move(change: Change, ticket_id: str, queue: str | None, priority: str | None, place: str | None) -> Ticket:
    """The manager puts a waiting ticket elsewhere; its waited time goes on unless it goes to the tail."""
    ticket = ticket_of(change, ticket_id)
    columns: dict[str, Any] = {}
    if queue is not None:
        columns |= {"queue": queue_by_code(change, queue).id, "reserved_for": None}
    if priority is not None:
        columns |= {"priority": known_priority(change, priority), "asked_priority": None}
    if place is not None:
        columns |= placed(change, place)
    elif queue is not None and columns["queue"] != ticket.queue_id:
        columns["front_seq"] = None  # in front of the old queue, not of the new one
    if not columns:
        raise invalid("queue", "one of queue, priority, place")
    left = ticket.queue.code
    waiting = transition(change, ticket, "move", **columns)
    tell(change, "ticket.moved", ticket, waiting, staff={"from_queue": left})
    return ticket


def rate(change: Change, ticket_id: str, level: int, reasons: list[str], comment: str | None) -> Ticket:
    """One rating a visit, 5 best to 1 worst (GB/T 39735)."""
    ticket = ticket_of(change, ticket_id)
    if ticket.state != FINISHED:
        raise Refusal("not_finished")
    if change.now - ticket.ended_at > RATING_DAYS * 86_400_000:
        raise Refusal("rating_over")
    if Rating.get_or_none(Rating.ticket == ticket.id):
        raise Refusal("already_rated")
    Rating.create(ticket=ticket.id, level=level, reasons=reasons, comment=comment, at=change.now)
    change.append("ticket.rated", ticket=ticket.id, public=None, staff={"number": ticket.number, "level": level})
    return ticket


# -- places in line ---------------------------------------------------------------------------------------------


def behind(change: Change, ticket: Ticket, places: int) -> int:
    """The arrival that puts a waiting ticket so many places further back."""
    line = in_order(waiting_in(ticket.queue_id), change.now, policy_of(change.hall, change.rules))
    ids = [place.id for place in line]
    here = ids.index(ticket.id) if ticket.id in ids else len(ids)
    others = [place for place in line if place.id != ticket.id]
    return arrival_behind(others, here + places, ticket.priority, change.now, policy_of(change.hall, change.rules))


def from_top(change: Change, ticket: Ticket, places: int) -> int:
    """The arrival that puts a returning ticket behind the first so many."""
    policy = policy_of(change.hall, change.rules)
    line = in_order(waiting_in(ticket.queue_id), change.now, policy)
    return arrival_behind(line, places, ticket.priority, change.now, policy)


def placed(change: Change, place: str) -> dict[str, Any]:
    """Columns for a place: `keep` the arrival, `front` of its queue (earlier fronts first), or `tail` (now)."""
    columns: dict[str, dict[str, Any]] = {
        "keep": {"front_seq": None},
        "front": {"front_seq": change.next_seq},
        "tail": {"front_seq": None, "arrived_at": change.now},
    }
    return columns[place]


def queue_by_code(change: Change, code: str) -> Queue:
    queue = Queue.get_or_none((Queue.hall == change.hall) & (Queue.code == code))
    if queue is None:
        raise Refusal("unknown_queue")
    return queue


def known_priority(change: Change, code: str) -> str:
    known = PriorityClass.select().where(PriorityClass.hall == change.hall, PriorityClass.code == code).exists()
    if code != "normal" and not known:
        raise Refusal("unknown_priority")
    return code


# -- turns ------------------------------------------------------------------------------------------------------


def not_called() -> dict[str, Any]:
    """Columns of a ticket whose turn at a counter is over."""
    return {
        "counter": None,
        "agent": None,
        "calls": 0,
        "called_at": None,
        "last_called_at": None,
        "begun_at": None,
    }


def end_turn(ticket: Ticket, now: int, by: str) -> Turn | None:
    """Close the open turn of a ticket, if it has one."""
    found = looked_up(Turn, [(Turn.ticket, ticket.id)], 'AND "ended_at" IS NULL')
    if not found:
        return None
    turn = Turn.of_columns(found[0])
    Turn.change({"id": turn.id}, ended_at=now, ended_by=by)
    turn.ended_at, turn.ended_by = now, by
    return turn


def unfinished_until(hall_id: int, day: str, including: bool) -> list[str]:
    """Ids of the tickets of days before `day` (`including` it) that the day close ends, in issue order."""
    days = Ticket.business_date <= day if including else Ticket.business_date < day
    found = (
        Ticket.select(Ticket.id)
        .where(Ticket.hall == hall_id, days, Ticket.state.in_(TRANSITIONS["expire"][0]))
        .order_by(Ticket.issue_seq)
        .tuples()
    )
    return [id for (id,) in found]
