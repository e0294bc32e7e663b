"""Rows → the shapes of ticketing/shapes.py: what an applicant may see of a ticket, a queue, a hall."""

from typing import Any

from ticketing import clock, db, hours, limits
from ticketing.errors import Refusal
from ticketing.layout import Layout, layout_of
from ticketing.lifecycle import closed_because, issued_today, mapped
from ticketing.line import ahead, policy_of, waiting_in
from ticketing.models import (
    Bundle,
    Counter,
    CounterQueue,
    Hall,
    Item,
    PastTicketItem,
    PriorityClass,
    Queue,
    Rating,
    Ticket,
    TicketItem,
    Zone,
)
from ticketing.routing import in_order
from ticketing.rules import Rules
from ticketing.status import FINISHED, HELD, LIVE, NO_SHOW, UNFINISHED, WAITING
from ticketing.table import looked_up

AT_A_COUNTER = (*LIVE, HELD)


def hall_by_code(code: str) -> Hall:
    hall = Hall.get_or_none(Hall.code == code)
    if hall is None:
        raise Refusal("unknown_hall")
    return hall


def zone_codes(hall: Hall) -> dict[int, str]:
    return dict(Zone.select(Zone.id, Zone.code).where(Zone.hall == hall).tuples())


def named(row: Any) -> dict[str, str]:
    return {"code": row.code, "name": row.name, "name_en": row.name_en}


# -- halls ------------------------------------------------------------------------------------------------------


def hall_brief(hall: Hall, now: int) -> dict[str, Any]:
    return named(hall) | {
        "timezone": hall.timezone,
        "address": hall.address,
        "open": hours.is_open(hall.hours, clock.local(now, hall.timezone)),
        "business_date": db.today(hall, now),
    }


def hall_view(hall: Hall, now: int) -> dict[str, Any]:
    zones = list(Zone.select().where(Zone.hall == hall).order_by(Zone.place, Zone.id))
    codes = {zone.id: zone.code for zone in zones}
    local = clock.local(now, hall.timezone)
    brief = hall_brief(hall, now)
    opens = None if brief["open"] else hours.next_opening(hall.hours, local)
    return brief | {
        "now": clock.rfc3339(now, hall.timezone),
        "zones": [named(zone) for zone in zones],
        "counters": counters_brief(hall, codes),
        "queues": [
            named(queue)
            | {"prefix": queue.prefix, "zone": codes.get(queue.zone_id), "general": queue.general}
            | {"identity": asked_identity(queue, [])}
            for queue in Queue.of_hall(hall)
        ],
        "priorities": [
            named(row) | {"weight": row.weight, "verify": row.verify} for row in PriorityClass.of_hall(hall)
        ],
        "bundles": [
            named(row) | {"items": row.items} for row in Bundle.select().where(Bundle.hall == hall).order_by(Bundle.id)
        ],
        "themes": themes(hall),
        "hours": hall.hours,
        "opens_at": opens.isoformat() if opens else None,
        "rules": db.rules_of(hall).model_dump(),
    }


def asked_identity(queue: Queue, items: list[Item]) -> dict[str, Any]:
    ask, kinds = limits.asked(queue, items)
    return {"ask": ask, "kinds": kinds}


def counters_brief(hall: Hall, zones: dict[int, str]) -> list[dict[str, Any]]:
    served: dict[int, list[str]] = {}
    rows = (
        CounterQueue.select(CounterQueue.counter, Queue.code)
        .join(Queue)
        .where(Queue.hall == hall)
        .order_by(CounterQueue.place)
        .tuples()
    )
    for counter_id, code in rows:
        served.setdefault(counter_id, []).append(code)
    return [
        {
            "counter": row.number,
            "name": row.name,
            "name_en": row.name_en,
            "zone": zones.get(row.zone_id),
            "kind": row.kind,
            "state": row.state,
            "queues": served.get(row.id, []),
        }
        for row in Counter.select().where(Counter.hall == hall).order_by(Counter.number)
    ]


def themes(hall: Hall) -> list[str]:
    """The catalogue's themes in its own order."""
    rows = Item.select(Item.theme).where(Item.hall == hall, Item.theme != "").order_by(Item.place, Item.id)
    return list(dict.fromkeys(theme for (theme,) in rows.tuples()))


def item_view(item: Item, queues: list[Queue]) -> dict[str, Any]:
    wanted = mapped(item, queues)
    queue = next(q for q in queues if (q.id == wanted if wanted else q.general))
    return named(item) | {
        "department": item.department,
        "theme": item.theme,
        "queue": queue.code,
        "usual_minutes": item.usual_minutes if item.usual_minutes is not None else queue.usual_minutes,
        "papers": item.papers,
        "identity": asked_identity(queue, [item]),
        "common": item.common,
        "initials": item.initials,
    }


# -- queues -----------------------------------------------------------------------------------------------------


def queues_view(hall: Hall, now: int) -> list[dict[str, Any]]:
    layout, zones, today = layout_of(hall), zone_codes(hall), db.today(hall, now)
    return [queue_state(hall, queue, layout, zones, today, now) for queue in layout.queues.values()]


def queue_state(
    hall: Hall, queue: Queue, layout: Layout, zones: dict[int, str], today: str, now: int
) -> dict[str, Any]:
    issued = issued_today(queue, today) if queue.daily_limit is not None else None
    reason = closed_because(now, hall, queue, issued)
    serving = layout.serving(queue)
    return named(queue) | {
        "prefix": queue.prefix,
        "zone": zones.get(queue.zone_id),
        "general": queue.general,
        "open": reason is None,
        "closed_because": reason,
        "waiting": queue.waiting,
        "counters_open": len(serving),
        "counters": [counter.name for counter in serving],
        "wait": layout.wait(queue, queue.waiting),
    }


# -- tickets ----------------------------------------------------------------------------------------------------


def ticket_view(ticket: Ticket, now: int, base_url: str = "") -> dict[str, Any]:
    """What the holder of the ticket's id may see of it."""
    hall = ticket.hall
    rules = db.rules_of(hall)
    layout = layout_of(hall)
    queue = layout.queue(ticket.queue_id)
    counter = ticket.counter if ticket.state in AT_A_COUNTER else None
    items = items_of(ticket)
    rating = Rating.get_or_none(Rating.ticket == ticket.id) if ticket.state == FINISHED else None
    zone = counter.zone if counter and counter.zone else queue.zone
    return {
        "id": ticket.id,
        "number": ticket.number,
        "hall": hall.code,
        "hall_name": hall.name,
        "queue": queue.code,
        "queue_name": queue.name,
        "queue_name_en": queue.name_en,
        "zone": zone.code if zone else None,
        "state": ticket.state,
        "items": [item_brief(item, outcome) for item, outcome in items],
        "papers": list(dict.fromkeys(paper for item, _ in items for paper in item.papers)),
        "priority": ticket.priority,
        "asked_priority": ticket.asked_priority,
        "channel": ticket.channel,
        "business_date": ticket.business_date,
        **times(ticket, hall.timezone),
        **standing(ticket, layout, rules, now),
        "counter": counter.number if counter else None,
        "counter_name": counter.name if counter else None,
        "hold_kind": ticket.hold_kind,
        "postpones_left": max(0, rules.postpone_times - ticket.postpones) if ticket.state == WAITING else 0,
        "no_shows": ticket.no_shows,
        "can_reinstate": can_reinstate(ticket, rules, db.today(hall, now)),
        "rating": rating.level if rating else None,
        "track_url": f"{base_url}/t/{ticket.id}",
    }


def times(ticket: Ticket, zone: str) -> dict[str, str | None]:
    columns = ("issued_at", "called_at", "begun_at", "ended_at")
    return {name: clock.rfc3339(getattr(ticket, name), zone) for name in columns}


def standing(ticket: Ticket, layout: Layout, rules: Rules, now: int) -> dict[str, Any]:
    """Where it stands in line: ahead, wait, and which open counters may call it."""
    queue = layout.queue(ticket.queue_id)
    serving = layout.serving(queue)
    if ticket.reserved_for_id:
        serving = [counter for counter in layout.open_counters if counter.id == ticket.reserved_for_id]
    before = ahead(ticket, now, policy_of(ticket.hall, rules)) if ticket.state == WAITING else None
    return {
        "ahead": before,
        "wait": None if before is None else layout.wait(queue, before),
        "counters": [counter.name for counter in serving],
        "served": bool(serving),
    }


def items_of(ticket: Ticket) -> list[tuple[Item, str | None]]:
    places = looked_up(TicketItem, [(TicketItem.ticket, ticket.id)], "ORDER BY place")
    return [(place.item, place.outcome) for place in map(TicketItem.of_columns, places)] or past_items_of(ticket)


def past_items_of(ticket: Ticket) -> list[tuple[Item, str | None]]:
    if ticket.state in UNFINISHED:
        return []
    rows = PastTicketItem.select().where(PastTicketItem.ticket == ticket.id).order_by(PastTicketItem.place)
    return [(Item.get_by_id(row.item), row.outcome) for row in rows]


def item_brief(item: Item, outcome: str | None) -> dict[str, Any]:
    return named(item) | {"outcome": outcome}


def can_reinstate(ticket: Ticket, rules: Rules, today: str) -> bool:
    return ticket.state == NO_SHOW and ticket.business_date == today and ticket.reinstates < rules.reinstate_times


# -- what phones are told ---------------------------------------------------------------------------------------


def ticket_changed(ticket: Ticket) -> dict[str, Any]:
    """State and place of one ticket, as its phone is told."""
    if ticket.state != WAITING:
        return changed(ticket, None, None)
    hall = ticket.hall
    stand = standing(ticket, layout_of(hall), db.rules_of(hall), clock.now())
    return changed(ticket, stand["ahead"], stand["wait"])


def changed(ticket: Ticket, before: int | None, wait: dict[str, float] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"state": ticket.state, "ahead": before, "wait": wait}
    if ticket.state in AT_A_COUNTER and ticket.counter:
        told |= {"counter": ticket.counter.number, "counter_name": ticket.counter.name}
    return told


def places(hall: Hall, queue_code: str, now: int) -> list[tuple[str, int, dict[str, float] | None]]:
    """(ticket id, ahead, wait) of everybody who waits in a queue, the order computed once."""
    layout = layout_of(hall)
    queue = layout.by_code(queue_code)
    if queue is None:
        return []
    policy = policy_of(hall, db.rules_of(hall))
    line = in_order(waiting_in(queue.id), now, policy)
    return [(place.id, before, layout.wait(queue, before)) for before, place in enumerate(line)]
