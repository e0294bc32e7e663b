"""History: closed days leave the live tables by small pieces, and whoever asks for them finds them."""

from threading import Thread

import pytest

from counter import sweep
from tests.cast import AT_ONCE, CODE, WAY
from ticketing import clock, db, history, log
from ticketing.models import (
    HallEvent,
    NumberSequence,
    PastHallEvent,
    PastTicket,
    PastTicketItem,
    PastTurn,
    Rating,
    Ticket,
    TicketItem,
    Turn,
)
from ticketing.table import database

DAY = 24 * 3600
PAIRS = ((Ticket, PastTicket), (TicketItem, PastTicketItem), (Turn, PastTurn), (HallEvent, PastHallEvent))


@pytest.fixture
def small(monkeypatch):
    """Pieces of two tickets or three events, so that a day takes many."""
    monkeypatch.setattr(history, "TICKETS", 2)
    monkeypatch.setattr(history, "EVENTS", 3)
    monkeypatch.setattr(sweep, "PIECES", 1000)


def a_day(cast, at):
    """One ticket that ended in each way, and what they said; by state."""
    cast.rules(**AT_ONCE)
    tickets = {}
    for state in WAY:
        if state not in ("called", "serving", "held"):
            tickets[state] = cast.led_to(state, items=["I1", "T1"])
            at.later(60)
    return tickets


def everywhere():
    """{table: rows}, live and past together, each row as it is kept but for ids that are only counts."""
    shown = {}
    for live, past in PAIRS:
        names = [field.name for field in past._meta.sorted_fields if not field.auto_increment]
        rows = [row for table in (live, past) for row in table.select(*(getattr(table, n) for n in names)).tuples()]
        shown[live.__name__] = sorted(rows, key=repr)
    return shown


def live_rows():
    return [live.select().count() for live, _ in PAIRS]


def feed(cast):
    with db.snapshot():
        return [event.seq for event in cast.events()]


def test_today_stays_and_closed_days_go(cast, at):
    a_day(cast, at)
    sweep.sweep()
    assert PastTicket.select().count() == 0
    at.later(DAY)
    fresh = cast.issue()
    sweep.sweep()
    assert [row.id for row in Ticket.select()] == [fresh.id]
    assert TicketItem.select().count() == Turn.select().count() == 0
    assert {event.business_date for event in HallEvent.select()} == {"2026-11-24"}
    assert PastTicket.select().count() == 5 and PastTicketItem.select().count() == 10


def test_rows_go_over_as_they_are(cast, at):
    cast.issue(items=["I1", "T1"], sealed="sealed", identity_hash="hash")
    a_day(cast, at)
    at.later(DAY)
    sweep.end_earlier_days(cast.fresh(cast.hall))
    before = everywhere()
    sweep.keep_history()
    assert PastTicket.select().count() == 6
    assert everywhere() == before


def test_three_days_with_a_crash_in_every_piece_lose_and_double_nothing(cast, at, small, monkeypatch):
    carry, acknowledged = history.carry, []

    def cut_off(live, past, column, keys):
        carry(live, past, column, keys)
        if live is cut["table"]:
            cut["table"] = None
            raise RuntimeError("power cut")

    monkeypatch.setattr(history, "carry", cut_off)
    for _ in range(3):
        cut = {"table": None}
        acknowledged += [ticket.id for ticket in a_day(cast, at).values()]
        at.later(DAY)
        for live, _past in PAIRS:
            cut["table"] = live
            with pytest.raises(RuntimeError):
                sweep.sweep()
            kept = [row.id for table in (Ticket, PastTicket) for row in table.select(table.id)]
            assert sorted(kept) == sorted(acknowledged)
            assert feed(cast) == list(range(1, cast.fresh(cast.hall).last_seq + 1))
            assert sweep.inconsistencies(cast.hall, at.now) == []
    sweep.sweep()
    assert PastTicket.select().count() == len(acknowledged) == 15
    assert live_rows()[:3] == [0, 0, 0]


def test_any_number_of_passes_is_as_good_as_one(cast, at, small):
    a_day(cast, at)
    at.later(DAY)
    sweep.sweep()
    before = cast.rows()
    for _ in range(3):
        sweep.sweep()
    assert cast.rows() == before


def test_one_pass_moves_so_much_and_no_more(cast, at, small, monkeypatch):
    a_day(cast, at)
    at.later(DAY)
    monkeypatch.setattr(sweep, "PIECES", 1)
    sweep.sweep()
    assert PastTicket.select().count() == 2 and PastHallEvent.select().count() == 0
    sweep.sweep()
    assert PastTicket.select().count() == 4


def test_who_is_served_over_the_end_of_the_day_stays_until_that_day_is_over(cast, at):
    """Its last turn counts in the figures of the day it is in."""
    ticket = cast.led_to("serving")
    at.later(DAY)
    sweep.sweep()
    assert Ticket.get_by_id(ticket.id).state == "serving"
    cast.at_counter("hold", 1, ticket, "papers")
    cast.at_counter("resume", 1, ticket)
    cast.at_counter("finish", 1, ticket, None)
    sweep.sweep()
    assert Ticket.get_by_id(ticket.id) and PastTicket.select().count() == 0
    at.later(DAY)
    sweep.sweep()
    assert PastTicket.get_by_id(ticket.id) and PastTurn.select().count() == 2


def test_a_clock_set_back_makes_no_closed_day_live_again(cast, at):
    first = cast.issue()
    sweep.sweep()
    at.later(DAY)
    sweep.sweep()
    assert PastTicket.get_by_id(first.id)
    at(60)
    second = cast.led_to("cancelled")
    sweep.sweep()
    assert (first.business_date, second.business_date) == ("2026-11-23", "2026-11-24")
    assert Ticket.get_by_id(second.id)
    at(2 * DAY)
    sweep.sweep()
    assert PastTicket.select().count() == 2


def test_numbers_of_old_days_are_remembered(cast, at):
    """Else a clock that was a month ahead would, once it is put right, give one of them again."""
    cast.issue()
    for _ in range(40):
        at.later(DAY)
        sweep.sweep()
    assert NumberSequence.select().count() == 1
    at(60)
    sweep.close_day(CODE)
    again = cast.issue()
    assert (again.business_date, again.number) == ("2026-11-23", "A002")


def test_the_newest_event_never_goes(cast, at):
    cast.led_to("cancelled")
    at.later(DAY)
    database.execute_sql("UPDATE hall SET closed_until = '2026-11-24'")
    sweep.keep_history()
    assert [event.seq for event in HallEvent.select()] == [3] and log.newest(cast.hall.id) == 3


# -- who asks for the past -----------------------------------------------------------------------------------------


@pytest.fixture
def yesterday(door, at):
    """A finished and a missed ticket in history, by state."""
    door.cast.rules(**AT_ONCE)
    tickets = {state: door.cast.led_to(state, items=["I1", "T1"]) for state in ("finished", "no_show")}
    at.later(DAY)
    sweep.sweep()
    assert Ticket.select().count() == 0
    return tickets


def test_the_holder_of_an_old_number_finds_it(door, at):
    ticket = door.cast.led_to("finished", items=["I1", "T1"])
    before = door.get(f"/tickets/{ticket.id}").json
    at.later(DAY)
    sweep.sweep()
    assert Ticket.select().count() == 0
    after = door.get(f"/tickets/{ticket.id}").json
    assert after == before and [item["code"] for item in after["items"]] == ["I1", "T1"]
    page = door.app.test_client().get(f"/t/{ticket.id}")
    assert page.status_code == 200 and ticket.number in page.get_data(as_text=True)
    assert door.get(f"/tickets/{ticket.id}/qr.svg").status_code == 200


def test_an_old_visit_is_rated_once(door, yesterday, at):
    path = f"/tickets/{yesterday['finished'].id}/rating"
    assert door.post(path, {"level": 4}).json["rating"] == 4
    door.refused("already_rated", "POST", path, {"level": 5})
    assert Rating.get().level == 4 and door.cast.last().type == "ticket.rated"
    door.refused("not_finished", "POST", f"/tickets/{yesterday['no_show'].id}/rating", {"level": 5})
    at.later(8 * DAY)
    door.refused("rating_over", "POST", f"/tickets/{yesterday['finished'].id}/rating", {"level": 5})


def test_a_rating_stays_when_its_ticket_goes(door, at):
    ticket = door.cast.led_to("finished")
    door.post(f"/tickets/{ticket.id}/rating", {"level": 2})
    at.later(DAY)
    sweep.sweep()
    assert PastTicket.get_by_id(ticket.id) and door.get(f"/tickets/{ticket.id}").json["rating"] == 2


def test_verbs_on_an_old_number_are_refused_by_its_state(door, yesterday):
    finished, missed = yesterday["finished"].id, yesterday["no_show"].id
    door.refused("not_cancellable", "POST", f"/tickets/{finished}/cancel")
    door.refused("day_over", "POST", f"/halls/hall/tickets/{missed}/reinstate", who="gina")
    door.refused("not_waiting", "POST", f"/halls/hall/tickets/{missed}/move", {"place": "front"}, who="max")
    door.refused("stale_ticket", "POST", "/halls/hall/counters/1/recall", {"ticket": missed}, who="counter 1")
    door.refused("unknown_ticket", "GET", "/tickets/never-was")


def test_staff_look_up_todays_numbers_only(door, yesterday):
    number = yesterday["finished"].number
    assert door.get(f"/halls/hall/tickets?number={number}", who="gina").json["items"] == []
    fresh = door.cast.issue()
    found = door.get(f"/halls/hall/tickets?number={fresh.number}", who="gina").json["items"]
    assert [row["id"] for row in found] == [fresh.id]


def test_the_feed_crosses_the_border_without_a_hole(door, at, small):
    for _ in range(2):
        a_day(door.cast, at)
        at.later(DAY)
        sweep.sweep()
    a_day(door.cast, at)
    seqs, after = [], 0
    while after is not None:
        page = door.get(f"/halls/hall/events?after={after}&limit=7", who="board").json
        assert len(page["items"]) == 7 or page["next"] is None
        seqs += [event["seq"] for event in page["items"]]
        after = page["next"]
    assert PastHallEvent.select().count() > 20
    assert seqs == list(range(1, door.cast.fresh(door.cast.hall).last_seq + 1))


def test_the_feed_is_whole_at_every_moment_of_a_move(cast, at, small, monkeypatch):
    a_day(cast, at)
    at.later(DAY)
    sweep.end_earlier_days(cast.fresh(cast.hall))
    whole = list(range(1, cast.fresh(cast.hall).last_seq + 1))
    moved = []
    while db.write(CODE, history.move_some):
        with db.snapshot():
            assert [event.seq for event in log.since(cast.hall.id, 0)] == whole
            for after in whole:
                assert [event.seq for event in log.since(cast.hall.id, after, limit=2)] == whole[after : after + 2]
        moved.append(PastHallEvent.select().count())
    assert len(set(moved)) > 3


def seqs_while_everything_is_moved(cast, monkeypatch):
    """The log's seqs, read while another connection moves the rest of the day between the two tables' reads."""
    read = log.page

    def move_all():
        with db.connection():
            while db.write(CODE, history.move_some):
                pass

    def read_then_move(statement, *parts):
        rows = read(statement, *parts)
        if statement is log.SINCE:
            mover = Thread(target=move_all)
            mover.start()
            mover.join()
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(log, "page", read_then_move)
        return [event.seq for event in log.since(cast.hall.id, 0)]


@pytest.fixture
def half_moved(cast, at, small):
    a_day(cast, at)
    at.later(DAY)
    sweep.end_earlier_days(cast.fresh(cast.hall))
    while not PastHallEvent.select().exists():
        db.write(CODE, history.move_some)
    return list(range(1, cast.fresh(cast.hall).last_seq + 1))


def test_one_consistent_read_sees_each_event_once_during_a_move(cast, half_moved, monkeypatch):
    with db.snapshot():
        assert seqs_while_everything_is_moved(cast, monkeypatch) == half_moved
    assert HallEvent.select().count() < 3


def test_without_it_some_are_seen_twice(cast, half_moved, monkeypatch):
    """The control of the test before."""
    seen = seqs_while_everything_is_moved(cast, monkeypatch)
    assert len(seen) > len(set(seen))


def test_check_counts_both(cast, at):
    a_day(cast, at)
    at.later(DAY)
    sweep.sweep()
    assert sweep.inconsistencies(cast.hall, clock.now()) == []
    PastHallEvent.delete().where(PastHallEvent.seq == 3).execute()
    assert len(sweep.inconsistencies(cast.hall, clock.now())) == 1
