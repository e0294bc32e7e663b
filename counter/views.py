"""Rows → the shapes of counter/shapes.py: what staff see of tickets and counters."""

import logging
from typing import Any

from cryptography.fernet import InvalidToken

from counter.calling import in_hand, no_show_allowed_at, served_queues
from counter.stats import figures
from ticketing import clock, db, log
from ticketing.keyring import Keyring, UnknownKey
from ticketing.layout import IS_HELD
from ticketing.line import ahead, policy_of, waiting_in
from ticketing.models import Counter, Hall, Item, Queue, Ticket, TicketItem
from ticketing.routing import Place, Policy, in_order
from ticketing.rules import Rules
from ticketing.status import CALLED, HELD, LIVE, WAITING
from ticketing.views import can_reinstate, item_brief, items_of

SHOWN_WAITING = 50
logger = logging.getLogger("yichuang.identity")


def staff_ticket(
    ticket: Ticket, now: int, policy: Policy, rules: Rules, keyring: Keyring | None = None
) -> dict[str, Any]:
    """`keyring` unseals who it is: only given for the counter that has the ticket, after the call."""
    zone = ticket.hall.timezone
    until = ticket.called_at if ticket.called_at else (now if ticket.state == WAITING else ticket.ended_at or now)
    allowed = no_show_allowed_at(ticket, rules.no_show_seconds) if ticket.state == CALLED else None
    return {
        "id": ticket.id,
        "number": ticket.number,
        "queue": ticket.queue.code,
        "queue_name": ticket.queue.name,
        "state": ticket.state,
        "items": [item_brief(item, outcome) for item, outcome in items_of(ticket)],
        "priority": ticket.priority,
        "asked_priority": ticket.asked_priority,
        "channel": ticket.channel,
        "issued_at": clock.rfc3339(ticket.issued_at, zone),
        "arrived_at": clock.rfc3339(ticket.arrived_at, zone),
        "waited": seconds(until - ticket.arrived_at),
        "called_at": clock.rfc3339(ticket.called_at, zone),
        "begun_at": clock.rfc3339(ticket.begun_at, zone),
        "ended_at": clock.rfc3339(ticket.ended_at, zone),
        "calls": ticket.calls,
        "counter": ticket.counter.number if ticket.counter else None,
        "counter_name": ticket.counter.name if ticket.counter else None,
        "agent": ticket.agent.login if ticket.agent else None,
        "reserved_for": ticket.reserved_for.number if ticket.reserved_for else None,
        "hold_kind": ticket.hold_kind,
        "held_at": clock.rfc3339(ticket.held_at, zone),
        "ahead": ahead(ticket, now, policy) if ticket.state == WAITING else None,
        "postpones": ticket.postpones,
        "no_shows": ticket.no_shows,
        "can_no_show_at": clock.rfc3339(allowed, zone),
        "can_reinstate": can_reinstate(ticket, rules, db.today(ticket.hall, now)),
        "applicant": applicant(ticket, keyring),
    }


def seconds(milliseconds: int) -> float:
    return max(0, milliseconds) / 1000


def applicant(ticket: Ticket, keyring: Keyring | None) -> dict[str, Any] | None:
    """Who it is, whole: the one place where somebody looks at a person. Nobody does before the call."""
    if keyring is None or ticket.state not in (*LIVE, HELD):
        return None
    return told_of(ticket, keyring)


def told_of(ticket: Ticket, keyring: Keyring) -> dict[str, Any] | None:
    """What was told with the ticket. A text that no key opens must not keep a counter from its work: it is told to
    the log, and `run.py check` finds it."""
    if ticket.sealed is None:
        return None
    try:
        return keyring.unseal(ticket.sealed)
    except (UnknownKey, InvalidToken) as error:
        logger.error("what ticket %s was told can not be opened: %s", ticket.number, type(error).__name__)  # noqa: TRY400
        return None


def counter_view(counter: Counter, now: int, keyring: Keyring | None = None) -> dict[str, Any]:
    hall = counter.hall
    rules = db.rules_of(hall)
    policy = policy_of(hall, rules)
    queues = served_queues(counter)
    codes = dict(Queue.select(Queue.id, Queue.code).where(Queue.hall == hall).tuples())
    ticket = in_hand(counter)
    line = waiting_for(counter, queues, now, policy)
    return {
        "counter": counter.number,
        "name": counter.name,
        "name_en": counter.name_en,
        "zone": counter.zone.code if counter.zone else None,
        "kind": counter.kind,
        "state": counter.state,
        "pause_reason": counter.pause_reason,
        "since": clock.rfc3339(counter.since, hall.timezone),
        "agent": counter.agent.login if counter.agent else None,
        "agent_name": counter.agent.name if counter.agent else None,
        "queues": [codes[id] for id in queues],
        "ticket": staff_ticket(ticket, now, policy, rules, keyring) if ticket else None,
        "held": [
            staff_ticket(held, now, policy, rules, keyring if held.counter_id == counter.id else None)
            for held in held_for(counter, queues)
        ],
        "waiting": waiting_lines(line[:SHOWN_WAITING], codes, now),
        "waiting_count": len(line),
        "figures": figures(counter, now),
        "seq": log.newest(hall.id),
        "now": clock.rfc3339(now, hall.timezone),
    }


def waiting_for(counter: Counter, queues: list[int], now: int, policy: Policy) -> list[str]:
    """Ids of everybody this counter may call, in the order of calling."""
    places = {place.id: place for queue in queues for place in waiting_in(queue)}
    foreign = Ticket.select(Ticket.id).where(
        Ticket.hall == counter.hall_id,
        Ticket.business_date == db.today(counter.hall, now),
        Ticket.state == WAITING,
        Ticket.reserved_for.is_null(False),
        Ticket.reserved_for != counter,
    )
    for (id,) in foreign.tuples():
        places.pop(id, None)
    own = Ticket.select().where(Ticket.reserved_for == counter, Ticket.state == WAITING)
    for ticket in own:
        places.setdefault(ticket.id, place_of(ticket))
    return [place.id for place in in_order(places.values(), now, policy)]


def place_of(ticket: Ticket) -> Place:
    return Place(ticket.id, ticket.priority, ticket.arrived_at, ticket.front_seq, ticket.issue_seq)


def waiting_lines(ids: list[str], codes: dict[int, str], now: int) -> list[dict[str, Any]]:
    tickets = {ticket.id: ticket for ticket in Ticket.select().where(Ticket.id.in_(ids))} if ids else {}
    names: dict[str, list[str]] = {}
    if ids:
        rows = TicketItem.select(TicketItem.ticket, Item.name).join(Item).where(TicketItem.ticket.in_(ids))
        for id, name in rows.order_by(TicketItem.place).tuples():
            names.setdefault(id, []).append(name)
    return [
        {
            "id": id,
            "number": tickets[id].number,
            "queue": codes[tickets[id].queue_id],
            "items": names.get(id, []),
            "priority": tickets[id].priority,
            "waited": seconds(now - tickets[id].arrived_at),
            "reserved": tickets[id].reserved_for_id is not None,
        }
        for id in ids
    ]


def held_for(counter: Counter, queues: list[int]) -> list[Ticket]:
    """Held tickets this counter may resume: its own, and any that went for papers in a queue it serves."""
    own = Ticket.counter == counter
    papers = (Ticket.hold_kind == "papers") & Ticket.queue.in_(queues or [0])
    return list(Ticket.select().where(Ticket.hall == counter.hall_id, IS_HELD, own | papers).order_by(Ticket.held_at))


def tickets_found(hall: Hall, query: Any, now: int) -> list[Ticket]:
    """The desk's look-up among today's tickets, newest first."""
    found = Ticket.select().where(Ticket.hall == hall, Ticket.business_date == db.today(hall, now))
    if query.number is not None:
        found = found.where(Ticket.number == query.number.upper())
    if query.state is not None:
        found = found.where(Ticket.state == query.state)
    if query.queue is not None:
        found = found.join(Queue).where(Queue.code == query.queue)
    if query.asked_priority is not None:
        found = found.where(Ticket.asked_priority.is_null(not query.asked_priority))
    if query.after is not None:
        before = Ticket.select(Ticket.issue_seq).where(Ticket.id == query.after)
        found = found.where(Ticket.issue_seq < before)
    return list(found.order_by(Ticket.issue_seq.desc()).limit(query.limit + 1))
