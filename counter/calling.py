"""The verbs at a counter. Each names the ticket it means; each runs inside db.write and appends one event."""

from typing import Any

from ticketing.db import Change
from ticketing.errors import Refusal
from ticketing.estimate import running_mean
from ticketing.lifecycle import (
    end_turn,
    item_codes,
    not_called,
    placed,
    queue_by_code,
    tell,
    ticket_of,
    transition,
)
from ticketing.line import candidates, policy_of
from ticketing.models import Counter, Queue, Ticket, TicketItem, Turn
from ticketing.routing import first
from ticketing.status import CALLED, HELD, LIVE, SERVING, WAITING
from ticketing.table import looked_up, rows

SERVED = "SELECT queue_id FROM counter_queue WHERE counter_id = ? ORDER BY place"
ITEMS = """SELECT ticket_item.id, item.code FROM ticket_item JOIN item ON item.id = ticket_item.item_id
    WHERE ticket_item.ticket_id = ?"""

# Nobody is served longer: a counter was forgotten, or the clock has stepped. Estimates learn nothing from it.
LONGEST_SERVICE_MS = 4 * 3600 * 1000

KEPT_HERE = ("kept", "waiting")  # kinds of hold that only the same counter resumes


def counter_of(change: Change, number: int) -> Counter:
    counter = Counter.get_or_none((Counter.hall == change.hall) & (Counter.number == number))
    if counter is None:
        raise Refusal("unknown_counter")
    return counter


def in_hand(counter: Counter) -> Ticket | None:
    """The one live ticket of a counter."""
    found = looked_up(Ticket, [(Ticket.counter, counter)], "AND state IN ('called', 'serving')")
    return Ticket.of_columns(found[0]) if found else None


def served_queues(counter: Counter) -> list[int]:
    return [queue for (queue,) in rows(SERVED, counter.id)]


def free_open_counter(change: Change, number: int) -> Counter:
    counter = counter_of(change, number)
    if in_hand(counter):
        raise Refusal("counter_busy")
    if counter.state != "open":
        raise Refusal("counter_not_open", state=counter.state)
    return counter


def meant(change: Change, number: int, ticket_id: str) -> tuple[Counter, Ticket]:
    """The counter and the ticket it means, which must be the one in its hand."""
    counter = counter_of(change, number)
    ticket = ticket_of(change, ticket_id)
    if ticket.state not in LIVE or ticket.counter_id != counter.id:
        raise Refusal("stale_ticket")
    return counter, ticket


def call(change: Change, number: int, ticket_number: str | None = None) -> Ticket | None:
    """The next by the hall's rule, or a given number of today; None when nobody waits."""
    counter = free_open_counter(change, number)
    queues = served_queues(counter)
    if ticket_number is None:
        policy = policy_of(change.hall, change.rules)
        best = first(candidates(counter.id, queues, policy), change.now, policy)
        if best is None:
            return None
        ticket = Ticket.get_by_id(best.id)
    else:
        ticket = callable_number(change, counter, queues, ticket_number)
    waited_from = ticket.arrived_at
    waiting = transition(
        change,
        ticket,
        "call",
        counter=counter.id,
        agent=counter.agent_id,
        calls=1,
        called_at=change.now,
        last_called_at=change.now,
        begun_at=None,
        front_seq=None,
        reserved_for=None,
    )
    Turn.create(**turn_at(change, counter, ticket), waited_from=waited_from, called_at=change.now)
    tell(change, "ticket.called", ticket, waiting, counter)
    return ticket


def callable_number(change: Change, counter: Counter, queues: list[int], number: str) -> Ticket:
    ticket = Ticket.get_or_none(
        (Ticket.hall == change.hall) & (Ticket.business_date == change.today) & (Ticket.number == number.upper())
    )
    if ticket is None:
        raise Refusal("unknown_ticket")
    if ticket.state != WAITING:
        raise Refusal("not_waiting", state=ticket.state)
    if ticket.reserved_for_id not in (None, counter.id):
        raise Refusal("reserved")
    if ticket.queue_id not in queues and ticket.reserved_for_id != counter.id:
        raise Refusal("not_served")
    return ticket


def turn_at(change: Change, counter: Counter, ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket": ticket.id,
        "hall": change.hall,
        "business_date": change.today,
        "counter": counter,
        "agent": counter.agent_id,
        "queue": ticket.queue_id,
    }


def recall(change: Change, number: int, ticket_id: str) -> Ticket:
    counter, ticket = meant(change, number, ticket_id)
    waiting = transition(change, ticket, "recall", calls=ticket.calls + 1, last_called_at=change.now)
    tell(change, "ticket.recalled", ticket, waiting, counter)
    return ticket


def begin(change: Change, number: int, ticket_id: str) -> Ticket:
    counter, ticket = meant(change, number, ticket_id)
    waiting = transition(change, ticket, "begin", begun_at=change.now)
    Turn.change({"ticket": ticket.id, "ended_at": None}, begun_at=change.now)
    tell(change, "ticket.serving", ticket, waiting, counter)
    return ticket


def finish(change: Change, number: int, ticket_id: str, outcomes: list[dict[str, Any]] | None) -> Ticket:
    """The visit ends, with one outcome for each item (`done` where none is named)."""
    counter, ticket = meant(change, number, ticket_id)
    if ticket.state == SERVING:
        record_outcomes(change, ticket, outcomes)
    turn = end_turn(ticket, change.now, "finish")
    waiting = transition(change, ticket, "finish", ended_at=change.now)
    if turn and turn.begun_at and 0 <= (service_ms := change.now - turn.begun_at) <= LONGEST_SERVICE_MS:
        learn_service_time(ticket, service_ms)
    tell(change, "ticket.finished", ticket, waiting, counter)
    return ticket


def record_outcomes(change: Change, ticket: Ticket, outcomes: list[dict[str, Any]] | None) -> None:
    codes = item_codes(ticket)
    named = {outcome["item"]: outcome for outcome in outcomes or []}
    if stray := [code for code in named if code not in codes]:
        raise Refusal("unknown_outcome_item", errors=[{"field": "outcomes", "message": code} for code in stray])
    if change.rules.outcomes_required and len(named) < len(codes):
        raise Refusal("outcomes_required")
    for id, code in rows(ITEMS, ticket.id):
        outcome = named.get(code, {})
        TicketItem.change({"id": id}, outcome=outcome.get("outcome", "done"), note=outcome.get("note"))


def learn_service_time(ticket: Ticket, service_ms: int) -> None:
    queue = Queue.get_by_id(ticket.queue_id)
    mean = running_mean(queue.service_ms, queue.usual_minutes * 60_000, service_ms)
    Queue.change({"id": queue.id}, service_ms=mean)


def no_show(change: Change, number: int, ticket_id: str) -> Ticket:
    """The called applicant did not come; allowed after the hall's minimum calls and seconds."""
    counter, ticket = meant(change, number, ticket_id)
    if ticket.state == CALLED:
        refuse_too_early(change, ticket)
    return miss(change, counter, ticket)


def refuse_too_early(change: Change, ticket: Ticket) -> None:
    calls_left, seconds_left = left_until_no_show(change, ticket)
    if calls_left or seconds_left:
        raise Refusal("too_early", calls_left=calls_left, seconds_left=seconds_left)


def left_until_no_show(change: Change, ticket: Ticket) -> tuple[int, float]:
    """Calls and seconds still missing to the hall's minimum."""
    allowed_at = no_show_allowed_at(ticket, change.rules.no_show_seconds)
    return max(0, change.rules.no_show_calls - ticket.calls), max(0, allowed_at - change.now) / 1000


def no_show_allowed_at(ticket: Ticket, seconds: float) -> int:
    return ticket.called_at + int(seconds * 1000)


def miss(change: Change, counter: Counter, ticket: Ticket) -> Ticket:
    end_turn(ticket, change.now, "no_show")
    waiting = transition(change, ticket, "no_show", ended_at=change.now, no_shows=ticket.no_shows + 1)
    tell(change, "ticket.no_show", ticket, waiting, counter)
    return ticket


def miss_overdue(change: Change, ticket_id: str) -> Ticket | None:
    """The sweep's no-show: of a ticket called longer ago than `no_show_auto_seconds`; None when it moved on, or the
    hall's minimum of calls and seconds, which holds for the sweep too, has not been."""
    ticket = ticket_of(change, ticket_id)
    limit = change.rules.no_show_auto_seconds
    if ticket.state != CALLED or limit is None or change.now - ticket.last_called_at < limit * 1000:
        return None
    if any(left_until_no_show(change, ticket)):
        return None
    return miss(change, ticket.counter, ticket)


def hold(change: Change, number: int, ticket_id: str, kind: str) -> Ticket:
    """`papers`: the applicant left for papers; `kept`: papers kept here; `waiting`: e.g. a seal being made."""
    counter, ticket = meant(change, number, ticket_id)
    end_turn(ticket, change.now, "hold")
    waiting = transition(change, ticket, "hold", hold_kind=kind, held_at=change.now)
    tell(change, "ticket.held", ticket, waiting, counter, staff={"hold_kind": kind})
    return ticket


def resume(change: Change, number: int, ticket_id: str) -> Ticket:
    """Go on with a held ticket, at a free counter: the same one, or for `papers` any that serves its queue."""
    ticket = ticket_of(change, ticket_id)
    if ticket.state != HELD:
        raise Refusal("not_held", state=ticket.state)
    counter = free_open_counter(change, number)
    if ticket.counter_id != counter.id:
        if ticket.hold_kind in KEPT_HERE:
            raise Refusal("held_elsewhere", counter=ticket.counter.number)
        if ticket.queue_id not in served_queues(counter):
            raise Refusal("not_served")
    waiting = transition(
        change,
        ticket,
        "resume",
        counter=counter.id,
        agent=counter.agent_id,
        begun_at=change.now,
        held_ms=ticket.held_ms + change.now - ticket.held_at,
        held_at=None,
        hold_kind=None,
    )
    Turn.create(**turn_at(change, counter, ticket), begun_at=change.now)
    tell(change, "ticket.resumed", ticket, waiting, counter)
    return ticket


def transfer(
    change: Change, number: int, ticket_id: str, queue: str | None, to_counter: int | None, place: str
) -> Ticket:
    """Back into line for a queue, or reserved for a counter; the number is kept."""
    target = None if to_counter is None else counter_of(change, to_counter)
    found = None if queue is None else queue_by_code(change, queue)
    counter, ticket = meant(change, number, ticket_id)
    goal: dict[str, Any] = {"reserved_for": target and target.id}
    if target is not None and target.state == "closed":
        raise Refusal("counter_not_open", state=target.state)
    if found is not None:
        if found.id == ticket.queue_id:
            raise Refusal("same_queue")
        goal["queue"] = found.id
    end_turn(ticket, change.now, "transfer")
    waiting = transition(
        change,
        ticket,
        "transfer",
        **goal,
        **placed(change, place),
        **not_called(),
        transfers=ticket.transfers + 1,
    )
    tell(change, "ticket.transferred", ticket, waiting, counter, staff={"reserved_for": to_counter})
    return ticket
