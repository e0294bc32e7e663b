"""Hold and resume: the applicant leaves for papers, papers are kept, or something is waited for."""

import pytest

from counter import sessions
from ticketing.errors import Refusal
from ticketing.models import Turn

KINDS = ("papers", "kept", "waiting")


def held(cast, kind, number=1, **wish):
    return cast.at_counter("hold", number, cast.serving(number, **wish), kind)


def refused(cast, code, number, ticket):
    before = cast.rows()
    with pytest.raises(Refusal) as refusal:
        cast.at_counter("resume", number, ticket)
    assert refusal.value.code == code
    assert cast.rows() == before
    return refusal.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_held_ticket_keeps_its_number_and_leaves_the_counter_free(cast, at, kind):
    ticket = held(cast, kind)
    assert (ticket.state, ticket.number, ticket.hold_kind, ticket.held_at) == ("held", "A001", kind, at.now)
    assert ticket.counter.number == 1
    assert cast.last().public["counter_now"]["number"] is None
    assert cast.last().staff["hold_kind"] == kind
    assert "hold_kind" not in cast.last().public
    other = cast.issue()
    assert cast.call(1).id == other.id


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_counter_resumes_any_of_them(cast, at, kind):
    ticket = held(cast, kind)
    at.later(600)
    resumed = cast.at_counter("resume", 1, ticket)
    assert (resumed.state, resumed.number, resumed.begun_at) == ("serving", "A001", at.now)
    assert (resumed.hold_kind, resumed.held_at, resumed.held_ms) == (None, None, 600_000)


def test_for_papers_any_counter_of_the_queue_may_resume(cast):
    ticket = held(cast, "papers")
    cast.open(2)
    assert cast.at_counter("resume", 2, ticket).counter.number == 2
    assert cast.call(1) is None  # nobody waits, and counter 1 is free


def test_for_papers_but_not_a_counter_of_other_queues(cast):
    ticket = held(cast, "papers")
    cast.open(9)
    refused(cast, "not_served", 9, ticket)


@pytest.mark.parametrize("kind", ["kept", "waiting"])
def test_what_is_kept_here_only_this_counter_resumes(cast, kind):
    ticket = held(cast, kind)
    cast.open(2)
    assert refused(cast, "held_elsewhere", 2, ticket).facts == {"counter": 1}


def test_resuming_needs_a_free_counter(cast):
    ticket = held(cast, "kept")
    other = cast.issue()
    cast.call(1)
    refused(cast, "counter_busy", 1, ticket)
    cast.at_counter("begin", 1, other)
    refused(cast, "counter_busy", 1, ticket)
    cast.at_counter("finish", 1, other, None)
    assert cast.at_counter("resume", 1, ticket).state == "serving"


def test_resuming_needs_an_open_counter(cast):
    ticket = held(cast, "kept")
    cast.write(lambda change: sessions.pause_counter(change, 1, ""))
    refused(cast, "counter_not_open", 1, ticket)
    cast.write(lambda change: sessions.close_counter(change, 1))
    refused(cast, "counter_not_open", 1, ticket)


def test_held_time_is_charged_to_nobody(cast, at):
    """Two turns, with the held time between them."""
    ticket = cast.serving()
    at.later(100)
    cast.at_counter("hold", 1, ticket, "papers")
    at.later(3600)
    cast.open(2, "bob")
    cast.at_counter("resume", 2, ticket)
    at.later(50)
    cast.at_counter("finish", 2, ticket, None)
    first, second = Turn.select().order_by(Turn.id)
    assert (first.ended_by, first.ended_at - first.begun_at, first.counter.number) == ("hold", 100_000, 1)
    assert (second.ended_by, second.ended_at - second.begun_at, second.agent.login) == ("finish", 50_000, "bob")
    assert (second.waited_from, second.called_at) == (None, None)


def test_held_times_add_up(cast, at):
    ticket = cast.serving()
    for _ in range(3):
        cast.at_counter("hold", 1, ticket, "waiting")
        at.later(60)
        cast.at_counter("resume", 1, ticket)
    assert cast.fresh(ticket).held_ms == 180_000


def test_counters_see_what_they_may_resume(door):
    papers = held(door.cast, "papers")
    kept = held(door.cast, "kept")
    for number in (2, 9):
        door.cast.open(number)

    def seen(number):
        view = door.get(f"/halls/hall/counters/{number}", f"counter {number}").json
        return {ticket["number"] for ticket in view["held"]}

    assert seen(1) == {papers.number, kept.number}
    assert seen(2) == {papers.number}
    assert seen(9) == set()


def test_hold_and_resume_by_http(door):
    ticket = door.cast.serving()
    answer = door.at(1, "hold", {"ticket": ticket.id, "kind": "kept"})
    assert (answer.json["state"], answer.json["hold_kind"]) == ("held", "kept")
    assert door.get(f"/tickets/{ticket.id}").json["hold_kind"] == "kept"
    body = {"ticket": ticket.id, "kind": "lunch"}
    door.refused("invalid", "POST", "/halls/hall/counters/1/hold", body, who="counter 1")
    assert door.at(1, "resume-ticket", {"ticket": ticket.id}).json["state"] == "serving"
    assert door.at(1, "hold", {"ticket": ticket.id}).json["hold_kind"] == "papers"
