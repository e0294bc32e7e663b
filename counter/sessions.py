"""Open, pause and close a counter. A repeated request changes nothing and writes no event."""

from typing import Any

from counter.calling import counter_of, in_hand
from ticketing.db import Change
from ticketing.errors import Refusal
from ticketing.lifecycle import counter_part
from ticketing.models import Counter, Staff, Ticket
from ticketing.status import WAITING


def open_counter(change: Change, number: int, agent: Staff | None) -> Counter:
    counter = counter_of(change, number)
    if counter.state != "closed":
        if agent is None or counter.agent_id == agent.id:
            return counter
        if counter.agent_id is not None:
            raise Refusal("counter_taken", counter=number)
    refuse_two_counters(change, counter, agent)
    state = "open" if counter.state == "closed" else counter.state
    return changed(change, counter, "counter.opened", state=state, agent=agent, pause_reason=None)


def refuse_two_counters(change: Change, counter: Counter, agent: Staff | None) -> None:
    if agent is None:
        return
    other = Counter.get_or_none(
        (Counter.hall == change.hall)
        & (Counter.agent == agent)
        & (Counter.state != "closed")
        & (Counter.id != counter.id)
    )
    if other:
        raise Refusal("agent_elsewhere", counter=other.number)


def pause_counter(change: Change, number: int, reason: str) -> Counter:
    counter = counter_of(change, number)
    if counter.state == "closed":
        raise Refusal("counter_not_open", state=counter.state)
    if counter.state == "paused":
        return counter
    refuse_busy(counter)
    return changed(change, counter, "counter.paused", state="paused", pause_reason=reason or None)


def resume_counter(change: Change, number: int) -> Counter:
    counter = counter_of(change, number)
    if counter.state == "closed":
        raise Refusal("counter_not_open", state=counter.state)
    if counter.state == "open":
        return counter
    return changed(change, counter, "counter.resumed", state="open", pause_reason=None)


def close_counter(change: Change, number: int) -> Counter:
    """Closed for now; tickets reserved for it are free for every counter of their queue, so none is lost."""
    counter = counter_of(change, number)
    if counter.state == "closed":
        return counter
    refuse_busy(counter)
    Ticket.update(reserved_for=None).where(Ticket.reserved_for == counter, Ticket.state == WAITING).execute()
    return changed(change, counter, "counter.closed", state="closed", agent=None, pause_reason=None)


def refuse_busy(counter: Counter) -> None:
    if in_hand(counter):
        raise Refusal("counter_busy")


def changed(change: Change, counter: Counter, type: str, **columns: Any) -> Counter:
    Counter.update(**columns, since=change.now).where(Counter.id == counter.id).execute()
    counter = Counter.get_by_id(counter.id)
    tell_counter(change, type, counter)
    return counter


def tell_counter(change: Change, type: str, counter: Counter, public: dict[str, Any] | None = None) -> None:
    change.append(
        type,
        public={
            **counter_part(counter, in_hand(counter)),
            "zone": counter.zone.code if counter.zone else None,
            **(public or {}),
        },
        staff={
            "agent": counter.agent.login if counter.agent else None,
            "pause_reason": counter.pause_reason,
        },
    )
