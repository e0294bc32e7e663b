"""Numbers taken at once: none twice, none skipped; and one request sent many times over is one ticket."""

import pytest

from tests.cast import CODE
from tests.races.hammer import patiently, together
from tests.ticketing.consistency import faults
from ticketing import db, lifecycle
from ticketing.lifecycle import Wish
from ticketing.models import HallEvent, IdempotentAnswer, NumberSequence, Ticket

pytestmark = pytest.mark.race

WRITERS, EACH, EQUAL = 32, 6, 20
WISH = Wish(channel="kiosk", queue="general")


def issue():
    return db.write(CODE, lambda change: lifecycle.issue(change, WISH)).number


def test_32_writers_take_every_number_once(crowd):
    taken = together(WRITERS, lambda _: [patiently(issue) for _ in range(EACH)])
    numbers = sorted(number for numbers in taken for number in numbers)
    assert numbers == [f"A{number:03d}" for number in range(1, WRITERS * EACH + 1)]
    in_log = [event.public["number"] for event in HallEvent.select().order_by(HallEvent.seq)]
    assert in_log == numbers  # given in the order of the log
    assert faults(crowd.hall) == []


def test_half_of_them_failing_skip_none(crowd, monkeypatch):
    plain = lifecycle.tell

    def fails_now_and_then(change, type, ticket, *parts, **more):
        if ticket.priority == "army":
            raise RuntimeError("after its number")
        return plain(change, type, ticket, *parts, **more)

    monkeypatch.setattr(lifecycle, "tell", fails_now_and_then)
    broken = Wish(channel="kiosk", queue="general", priority="army")

    def work(index):
        wish = broken if index % 2 else WISH
        return patiently(lambda: db.write(CODE, lambda change: lifecycle.issue(change, wish)).number)

    results = together(WRITERS, work)
    assert sum(isinstance(result, RuntimeError) for result in results) == WRITERS // 2
    given = sorted(result for result in results if isinstance(result, str))
    assert given == [f"A{number:03d}" for number in range(1, WRITERS // 2 + 1)]


def test_control_without_guards_a_number_is_given_twice(cast, unguarded, monkeypatch):
    cast.issue()
    meet = unguarded(2)

    def careless_next(change, queue):
        last = NumberSequence.get().last
        meet()
        NumberSequence.update(last=last + 1).execute()
        return f"A{last + 1:03d}"

    monkeypatch.setattr(lifecycle, "next_number", careless_next)
    assert together(2, lambda _: issue()) == ["A002", "A002"]
    assert Ticket.select().where(Ticket.number == "A002").count() == 2


def test_the_constraint_stands_behind_the_guard(cast, unguarded, monkeypatch):
    """The same again with the unique number in place: one of them fails, and nothing of it stays."""
    cast.issue()
    meet = unguarded(2)
    Ticket._schema.create_indexes()

    def careless_next(change, queue):
        last = NumberSequence.get().last
        meet()
        return f"A{last + 1:03d}"

    monkeypatch.setattr(lifecycle, "next_number", careless_next)
    results = together(2, lambda _: issue())
    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "str"]
    assert Ticket.select().count() == 2


# -- one request, many times over ----------------------------------------------------------------------------------


def test_20_equal_posts_are_one_ticket_and_20_equal_answers(crowd, app):
    kiosk = {"Authorization": f"Bearer {crowd.token('kiosk')}", "Idempotency-Key": "the-one"}

    def post(_):
        client = app.test_client()
        while True:
            answer = client.post(f"/api/v1/halls/{CODE}/tickets", json={"queue": "general"}, headers=kiosk)
            if answer.json.get("code") not in ("in_progress", "busy"):
                return answer.status_code, answer.data

    answers = together(EQUAL, post)
    assert [answer[0] for answer in answers] == [201] * EQUAL
    assert len({answer[1] for answer in answers}) == 1
    assert Ticket.select().count() == IdempotentAnswer.select().count() == 1
    assert faults(crowd.hall) == []


@pytest.mark.parametrize("constraint", [True, False], ids=["behind_it_the_key_is_unique", "nor_a_unique_key"])
def test_control_without_the_lock_equal_requests_make_two_tickets(cast, unguarded, monkeypatch, constraint):
    """The key's constraint still refuses the second; with that gone too, both are issued."""
    once = db.Once("kiosk POST /tickets 1", {"queue": "general"})
    cast.issue()
    meet, plain = unguarded(2), db.answered

    def answered(*parts):
        seen = plain(*parts)
        meet()
        return seen

    def reply(change):
        return db.Reply(201, {"number": lifecycle.issue(change, WISH).number})

    monkeypatch.setattr(db, "answered", answered)
    if not constraint:
        monkeypatch.setattr(db, "remember", lambda *parts: None)
    together(2, lambda _: db.write(CODE, reply, once))
    assert Ticket.select().count() == (2 if constraint else 3)
