"""What must hold after any sequence of verbs: counts are the rows, a counter has one live ticket, the log no holes."""

import random
from collections import Counter as Tally

import pytest
from peewee import IntegrityError

from counter import balance, calling, sessions, sweep
from tests.ticketing.consistency import faults
from ticketing import lifecycle
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import HallEvent, NumberSequence, Queue, Ticket, Turn
from ticketing.status import LIVE, STATES
from ticketing.table import database

COUNTERS = (1, 2, 3, 9)
QUEUES = ("general", "tax", "pickup")
CLASSES = (None, None, "army", "elderly", "appointment")
STEPS = 160


class Walk:
    """One verb after the other, chosen by dice, most of them such that they fit."""

    def __init__(self, cast, at, seed):
        self.cast, self.at, self.dice = cast, at, random.Random(seed)
        self.done: Tally[str] = Tally()

    def step(self):
        verb = self.dice.choice(self.verbs())
        self.at.later(self.dice.choice((0, 1, 30, 400)))
        try:
            self.cast.write(verb)
        except Refusal as refusal:
            self.done[refusal.code] += 1

    def some(self, state):
        ids = [
            id for (id,) in Ticket.select(Ticket.id).where(Ticket.state == state).order_by(Ticket.issue_seq).tuples()
        ]
        return Ticket.get_by_id(self.dice.choice(ids)) if ids else Ticket(id="none", state=state)

    def verbs(self):
        """Each as often as it stands here."""
        dice, counter, queue = self.dice, self.dice.choice(COUNTERS), self.dice.choice(QUEUES)
        tickets = {state: self.some(state) for state in STATES}

        def here(state, verb, *parts):
            ticket = tickets[state]
            number = ticket.counter.number if ticket.counter_id else counter
            return lambda change: verb(change, number, ticket.id, *parts)

        def own(state, verb, *parts):
            return lambda change: verb(change, tickets[state].id, *parts)

        wish = Wish(channel="kiosk", queue=queue, priority=dice.choice(CLASSES))
        place = dice.choice(("keep", "front", "tail"))
        any_state = dice.choice(STATES)
        return [
            *[lambda change: lifecycle.issue(change, wish)] * 8,
            *[lambda change: calling.call(change, counter)] * 6,
            *[lambda change: sessions.open_counter(change, counter, None)] * 3,
            *[here("called", calling.begin)] * 4,
            *[here("serving", calling.finish, None)] * 3,
            here("called", calling.recall),
            *[here("called", calling.no_show)] * 2,
            here("serving", calling.hold, dice.choice(("papers", "kept"))),
            *[here("held", calling.resume)] * 2,
            here(dice.choice(LIVE), calling.transfer, queue, None, place),
            here(dice.choice(LIVE), calling.transfer, None, counter, place),
            own("no_show", lifecycle.reinstate),
            own("waiting", lifecycle.cancel),
            own("called", lifecycle.cancel),
            own("waiting", lifecycle.postpone, dice.randint(1, 10)),
            own("waiting", lifecycle.move, queue, None, place),
            own("waiting", lifecycle.set_priority, dice.random() < 0.5),
            own("held", lifecycle.expire),
            lambda change: sessions.pause_counter(change, counter, ""),
            lambda change: sessions.resume_counter(change, counter),
            lambda change: sessions.close_counter(change, counter),
            lambda change: balance.set_queues(change, counter, dice.sample(QUEUES, dice.randint(1, 3))),
            own(any_state, lifecycle.cancel),
            here(any_state, calling.finish, None),
        ]


@pytest.mark.parametrize("seed", range(6))
def test_after_any_walk_everything_fits_together(cast, at, seed):
    cast.rules(no_show_calls=1, no_show_seconds=0, reinstate_place=("after", "old", "tail")[seed % 3])
    walk = Walk(cast, at, seed)
    for number in range(STEPS):
        walk.step()
        if number % 20 == 0:
            assert faults(cast.hall) == []
    at.later(24 * 3600)
    sweep.sweep()
    assert faults(cast.hall) == []
    types = {event.type for event in cast.events()}
    assert len(types) >= 12, types  # the walk has been nearly everywhere
    assert walk.done  # and was refused now and then


def test_the_counts_told_with_the_events_are_the_counts(cast, at):
    """Boards never ask again: whoever adds up the log knows how many wait."""
    cast.rules(no_show_calls=1, no_show_seconds=0)
    walk = Walk(cast, at, 99)
    for _ in range(STEPS):
        walk.step()
    told = dict.fromkeys(QUEUES, 0)
    for event in cast.events():
        told |= (event.public or {}).get("waiting") or {}
    assert told == {queue.code: queue.waiting for queue in Queue.select()}
    assert sum(told.values()) > 3


def test_as_many_numbers_as_tickets(cast, at):
    walk = Walk(cast, at, 7)
    for _ in range(STEPS):
        walk.step()
    for sequence in NumberSequence.select():
        numbers = [
            t.number
            for t in Ticket.select().where(Ticket.number.startswith(sequence.prefix)).order_by(Ticket.issue_seq)
        ]
        assert numbers == [f"{sequence.prefix}{one:03d}" for one in range(1, sequence.last + 1)]


# -- the constraints behind the promises ---------------------------------------------------------------------------


def test_a_fault_would_be_found(cast):
    """The checks of this file see what they look for."""
    cast.open(1)
    cast.issue()
    cast.call(1)
    Queue.update(waiting=3).execute()
    HallEvent.delete().where(HallEvent.seq == 2).execute()
    Turn.delete().execute()
    assert len(faults(cast.hall)) == 3 + 1 + 1


def test_the_database_takes_no_second_live_ticket_at_a_counter(cast):
    cast.led_to("serving")
    second = cast.issue()
    for state in LIVE:
        with pytest.raises(IntegrityError), database.atomic():
            Ticket.update(state=state, counter=1).where(Ticket.id == second.id).execute()


def test_also_when_the_guard_is_bypassed(cast, monkeypatch):
    cast.led_to("serving")
    cast.issue()
    before = cast.rows()
    monkeypatch.setattr(calling, "in_hand", lambda counter: None)
    with pytest.raises(IntegrityError):
        cast.call(1)
    assert cast.rows() == before


def test_the_database_takes_no_seq_twice(cast):
    cast.issue()
    event = cast.last()
    with pytest.raises(IntegrityError), database.atomic():
        HallEvent.insert(**{**event.__data__, "id": None}).execute()


def test_the_database_takes_no_state_that_is_not_one(cast):
    ticket = cast.issue()
    with pytest.raises(IntegrityError), database.atomic():
        Ticket.update(state="lost").where(Ticket.id == ticket.id).execute()


def test_a_verb_inside_another_write_is_a_fault_of_the_program(cast):
    """One verb, one transaction: a nested one would be committed or undone with the other."""
    with pytest.raises(RuntimeError, match="outermost"):
        cast.write(lambda change: cast.issue())
    assert Ticket.select().count() == 0
