"""A hall filled by SQL is one that the server could have made itself."""

from bench.filling import add_finished, add_waiting
from counter.sweep import inconsistencies
from tests.cast import CODE, Cast
from ticketing import clock
from ticketing.models import HallEvent, Ticket, Turn


def count(state: str) -> int:
    return Ticket.select().where(Ticket.state == state).count()


def test_as_many_more_wait_as_were_asked_for_and_they_are_counted(cast: Cast):
    cast.issue()
    cast.issue("tax")
    add_waiting(CODE, 101)
    assert count("waiting") == 103
    assert {queue.waiting for queue in (cast.fresh(cast.general), cast.fresh(cast.tax))} == {51, 52}
    assert not inconsistencies(cast.fresh(cast.hall), clock.now())


def test_who_was_added_first_in_line_is_called_first(cast: Cast):
    issued = cast.issue()
    add_waiting(CODE, 3)
    cast.open(1)
    called = cast.call(1)
    assert called.arrived_at == issued.arrived_at - 2


def test_finished_days_lie_behind_with_their_turns_and_a_whole_log(cast: Cast):
    done = cast.led_to("finished")
    before = cast.fresh(cast.hall).last_seq
    add_finished(CODE, 4000, today=False)
    dates = {ticket.business_date for ticket in Ticket.select().where(Ticket.id != done.id)}
    assert len(dates) == 2 and max(dates) < done.business_date
    assert (count("finished"), Turn.select().count()) == (4001, 4001)
    assert [event.seq for event in cast.events()] == list(range(1, before + 4000 + 1))
    assert not inconsistencies(cast.fresh(cast.hall), clock.now())
    cast.issue()
    assert cast.last().seq == before + 4001 and HallEvent.select().count() == before + 4001


def test_tickets_finished_today_can_be_added_too(cast: Cast):
    done = cast.led_to("finished")
    add_finished(CODE, 300, today=True)
    assert Ticket.select().where(Ticket.business_date == done.business_date).count() == 301
    assert not inconsistencies(cast.fresh(cast.hall), clock.now())
