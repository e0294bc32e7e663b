"""The life of a ticket: every verb from every state. Allowed ones move it and write one event, all others are refused
with their code and change nothing at all."""

import pytest

from counter import calling
from tests.cast import AT_ONCE
from ticketing import lifecycle
from ticketing.errors import Refusal
from ticketing.status import STATES, TRANSITIONS

# The contract's table (§2), written out once more.
ALLOWED = {
    "call": {"waiting": "called"},
    "recall": {"called": "called"},
    "begin": {"called": "serving"},
    "finish": {"serving": "finished"},
    "no_show": {"called": "no_show"},
    "reinstate": {"no_show": "waiting"},
    "hold": {"serving": "held"},
    "resume": {"held": "serving"},
    "transfer": {"called": "waiting", "serving": "waiting"},
    "cancel": {"waiting": "cancelled", "called": "cancelled"},
    "expire": {"waiting": "expired", "called": "expired", "held": "expired"},
    "move": {"waiting": "waiting"},
    "postpone": {"waiting": "waiting"},
    "set_priority": {"waiting": "waiting"},
}
CODES = {
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
EVENTS = {
    "call": "ticket.called",
    "recall": "ticket.recalled",
    "begin": "ticket.serving",
    "finish": "ticket.finished",
    "no_show": "ticket.no_show",
    "reinstate": "ticket.reinstated",
    "hold": "ticket.held",
    "resume": "ticket.resumed",
    "transfer": "ticket.transferred",
    "cancel": "ticket.cancelled",
    "expire": "ticket.expired",
    "move": "ticket.moved",
    "postpone": "ticket.postponed",
    "set_priority": "ticket.priority_set",
}
# These act on the ticket in the counter's hand, so one that is in no hand is `stale_ticket`.
IN_HAND = ("recall", "begin", "finish", "no_show", "hold", "transfer")
# Counter 1 leads the ticket to its state; counter 2 is free, so that no refusal is for a busy counter.
VERBS = {
    "call": lambda change, ticket: calling.call(change, 2, ticket.number),
    "recall": lambda change, ticket: calling.recall(change, 1, ticket.id),
    "begin": lambda change, ticket: calling.begin(change, 1, ticket.id),
    "finish": lambda change, ticket: calling.finish(change, 1, ticket.id, None),
    "no_show": lambda change, ticket: calling.no_show(change, 1, ticket.id),
    "reinstate": lambda change, ticket: lifecycle.reinstate(change, ticket.id),
    "hold": lambda change, ticket: calling.hold(change, 1, ticket.id, "papers"),
    "resume": lambda change, ticket: calling.resume(change, 2, ticket.id),
    "transfer": lambda change, ticket: calling.transfer(change, 1, ticket.id, "tax", None, "keep"),
    "cancel": lambda change, ticket: lifecycle.cancel(change, ticket.id),
    "expire": lambda change, ticket: lifecycle.expire(change, ticket.id),
    "move": lambda change, ticket: lifecycle.move(change, ticket.id, "tax", None, None),
    "postpone": lambda change, ticket: lifecycle.postpone(change, ticket.id, 1),
    "set_priority": lambda change, ticket: lifecycle.set_priority(change, ticket.id, True),
}
PAIRS = [(verb, state) for verb in VERBS for state in STATES]
MOVES = [(verb, state) for verb, state in PAIRS if state in ALLOWED[verb]]
REFUSED = [(verb, state) for verb, state in PAIRS if state not in ALLOWED[verb]]


@pytest.fixture
def hall(cast, at):
    cast.rules(**AT_ONCE)
    cast.open(2)
    cast.bystander = cast.issue()
    return cast


def test_the_table_is_the_contracts():
    assert {verb: dict.fromkeys(states, end) for verb, (states, end) in TRANSITIONS.items()} == ALLOWED


@pytest.mark.parametrize(("verb", "state"), MOVES)
def test_an_allowed_verb_moves_the_ticket_and_writes_one_event(hall, verb, state):
    ticket = hall.led_to(state, priority="elderly")
    events, bystander = len(hall.events()), hall.fresh(hall.bystander)
    hall.write(lambda change: VERBS[verb](change, ticket))
    written = hall.events()[events:]
    assert hall.fresh(ticket).state == ALLOWED[verb][state]
    assert [(event.type, event.ticket_id) for event in written] == [(EVENTS[verb], ticket.id)]
    assert written[0].public["number"] == ticket.number
    assert hall.fresh(hall.hall).last_seq == written[0].seq
    assert hall.fresh(hall.bystander).__data__ == bystander.__data__


@pytest.mark.parametrize(("verb", "state"), REFUSED)
def test_any_other_verb_is_refused_and_changes_nothing(hall, verb, state):
    ticket = hall.led_to(state, priority="elderly")
    before = hall.rows()
    with pytest.raises(Refusal) as refused:
        hall.write(lambda change: VERBS[verb](change, ticket))
    in_no_hand = verb in IN_HAND and state not in ("called", "serving")
    assert refused.value.code == ("stale_ticket" if in_no_hand else CODES[verb])
    assert refused.value.status == 409
    assert hall.rows() == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_ticket_that_never_was_is_unknown(hall, verb):
    ticket = hall.issue()
    ticket.id = ticket.number = "none"
    before = hall.rows()
    with pytest.raises(Refusal, match="unknown_ticket"):
        hall.write(lambda change: VERBS[verb](change, ticket))
    assert hall.rows() == before


@pytest.mark.parametrize(("verb", "state"), [("call", "waiting"), ("finish", "serving"), ("cancel", "called")])
def test_a_verb_on_a_state_it_read_too_early_hits_no_row(hall, verb, state):
    """The UPDATE names the state it expects: a ticket that moved in between is refused, not overwritten."""
    ticket = hall.led_to(state)
    lifecycle.Ticket.update(state="expired").where(lifecycle.Ticket.id == ticket.id).execute()
    with pytest.raises(Refusal, match=CODES[verb]):
        hall.write(lambda change: lifecycle.transition(change, ticket, verb))
    assert hall.fresh(ticket).state == "expired"
