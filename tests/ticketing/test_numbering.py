"""Numbers: prefix + padded sequence per hall, prefix and business day; none twice, none skipped."""

import pytest
from peewee import IntegrityError

from ticketing import db, lifecycle
from ticketing.errors import Refusal
from ticketing.models import Hall, NumberSequence, PriorityClass, Queue, Ticket
from ticketing.numbering import written

HOUR = 3600


def set_queue(queue, **columns):
    Queue.update(**columns).where(Queue.id == queue.id).execute()


def numbers(cast, count, queue="general"):
    return [cast.issue(queue).number for _ in range(count)]


def test_each_queue_counts_for_itself(cast):
    assert numbers(cast, 2) == ["A001", "A002"]
    assert numbers(cast, 2, "tax") == ["D001", "D002"]
    assert numbers(cast, 1) == ["A003"]


def test_queues_of_one_prefix_share_their_numbers(cast):
    set_queue(cast.tax, prefix="A")
    assert [cast.issue(queue).number for queue in ("general", "tax", "general")] == ["A001", "A002", "A003"]


def test_past_999_the_number_grows_and_is_never_cut(cast):
    cast.issue()
    NumberSequence.update(last=998).execute()
    assert numbers(cast, 3) == ["A999", "A1000", "A1001"]


@pytest.mark.parametrize(
    ("sequence", "width", "text"), [(1, 3, "A001"), (1, 4, "A0001"), (12, 1, "A12"), (9999, 3, "A9999")]
)
def test_written(sequence, width, text):
    assert written("A", sequence, width) == text


def test_the_first_number_the_width_and_the_step_are_the_halls(cast):
    set_queue(cast.general, first=100, width=4, step=5)
    assert numbers(cast, 3) == ["A0100", "A0105", "A0110"]


@pytest.mark.parametrize("failing", ["unknown_priority", "duplicate_ticket", "queue_full"])
def test_a_refused_issue_skips_no_number(cast, failing):
    cast.issue(identity_hash="one")
    if failing == "queue_full":
        set_queue(cast.general, max_waiting=1)
    wish = {"unknown_priority": {"priority": "king"}, "duplicate_ticket": {"identity_hash": "one"}, "queue_full": {}}
    with pytest.raises(Refusal, match=failing):
        cast.issue(**wish[failing])
    set_queue(cast.general, max_waiting=None)
    assert cast.issue().number == "A002"


def test_an_issue_that_breaks_off_after_its_number_skips_none(cast, monkeypatch):
    """Whatever goes wrong, the sequence goes back with the rest of the transaction."""
    cast.issue()

    def break_off(*_):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("ticketing.lifecycle.tell", break_off)
        with pytest.raises(RuntimeError, match="power cut"):
            cast.issue()
    assert Ticket.select().count() == 1
    assert cast.issue().number == "A002"


def test_a_cancelled_number_is_not_given_again(cast):
    cast.on_ticket("cancel", cast.issue())
    assert cast.issue().number == "A002"


def test_the_database_itself_takes_no_number_twice(cast):
    ticket = cast.issue()
    columns = ticket.__data__ | {"id": "another"}
    with pytest.raises(IntegrityError), Ticket._meta.database.atomic():
        Ticket.insert(**columns).execute()


# -- the business day ----------------------------------------------------------------------------------------------


def test_numbers_restart_with_the_business_day(cast, at):
    at(14.99 * HOUR)  # 23:59 in Shanghai
    assert numbers(cast, 2) == ["A001", "A002"]
    at(15 * HOUR)
    ticket = cast.issue()
    assert (ticket.number, ticket.business_date) == ("A001", "2026-11-24")


def test_the_halls_own_zone_decides_the_day(cast, at):
    Hall.update(timezone="Asia/Urumqi").execute()
    cast.issue()
    at(15 * HOUR)  # midnight in Shanghai, 22:00 in Urumqi
    assert cast.issue().number == "A002"
    at(17 * HOUR)
    assert cast.issue().number == "A001"


def test_a_hall_may_begin_its_day_later(cast, at):
    """A hall that works past midnight: its day begins at five in the morning."""
    cast.rules(day_starts="05:00")
    cast.issue()
    at(19 * HOUR)  # 04:00
    ticket = cast.issue()
    assert (ticket.number, ticket.business_date) == ("A002", "2026-11-23")
    at(20 * HOUR)
    ticket = cast.issue()
    assert (ticket.number, ticket.business_date) == ("A001", "2026-11-24")


def test_two_halls_give_the_same_numbers(cast):
    other = Hall.create(code="other", name="Other")
    Queue.create(hall=other, code="general", name="General", prefix="A", general=True)
    PriorityClass.create(hall=other, code="normal", name="normal")
    assert cast.issue().number == "A001"
    wish = lifecycle.Wish(channel="kiosk", queue="general")
    assert db.write("other", lambda change: lifecycle.issue(change, wish)).number == "A001"
    assert [event.seq for event in other.hallevent_set] == [1]
