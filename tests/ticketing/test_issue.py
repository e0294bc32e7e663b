"""Issue: a number and its queue, or a coded refusal."""

import pytest

from counter import stats
from tests.cast import CODE
from ticketing import db, lifecycle
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish
from ticketing.models import Bundle, Hall, Queue, Ticket, TicketItem
from ticketing.views import ticket_view


def refused(cast, code, **wish):
    """The wish is refused so, and nothing has changed."""
    before = cast.rows()
    with pytest.raises(Refusal) as refusal:
        cast.issue(**wish)
    assert refusal.value.code == code
    assert cast.rows() == before
    return refusal.value


def update_queue(queue, **columns):
    Queue.update(**columns).where(Queue.id == queue.id).execute()


# -- routing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "queue"),
    [
        ({"items": ["T1"]}, "tax"),  # its own
        ({"items": ["T2"]}, "tax"),  # its department's
        ({"items": ["T1", "T2"]}, "tax"),
        ({"items": ["I1"]}, "general"),  # mapped to none
        ({"items": ["I1", "I2"]}, "general"),
        ({"items": ["T1", "I1"]}, "general"),  # one window for all of it
        ({"bundle": "B1"}, "general"),
        ({"queue": "pickup"}, "pickup"),
    ],
)
def test_the_queue_of_a_visit(cast, wish, queue):
    assert cast.issue(**wish).queue.code == queue


def test_a_bundle_with_a_queue_of_its_own_goes_there(cast):
    Bundle.update(queue=cast.pickup).where(Bundle.code == "B1").execute()
    ticket = cast.issue(bundle="B1")
    assert ticket.queue.code == "pickup"
    assert lifecycle.item_codes(ticket) == ["I1", "T1"]


def test_items_are_kept_once_each_in_the_order_asked(cast):
    ticket = cast.issue(items=["T2", "I1", "T2", "I2"])
    assert lifecycle.item_codes(ticket) == ["T2", "I1", "I2"]
    assert TicketItem.select().count() == 3


def test_what_is_not_in_the_catalogue_is_named(cast):
    refusal = refused(cast, "unknown_item", items=["I1", "X1", "X2"])
    assert [error["message"] for error in refusal.errors] == ["X1", "X2"]
    refused(cast, "unknown_bundle", bundle="X")
    refused(cast, "unknown_queue", queue="X")


# -- what a new ticket is ------------------------------------------------------------------------------------------


def test_a_new_ticket_waits_from_now_and_has_written_one_event(cast, at):
    ticket = cast.issue()
    (event,) = cast.events()
    assert (ticket.state, ticket.number, ticket.priority) == ("waiting", "A001", "normal")
    assert ticket.issued_at == ticket.arrived_at == at.now
    assert ticket.issue_seq == event.seq == 1
    assert event.type == "ticket.issued"
    assert event.public == {"number": "A001", "queue": "general", "zone": "east", "waiting": {"general": 1}}
    assert event.staff["channel"] == "kiosk"


def test_ids_are_96_random_bits_at_least_and_fit_into_an_address(cast):
    ids = {cast.issue().id for _ in range(20)}
    assert len(ids) == 20
    # 22 letters of 64 are 132 bits.
    assert all(len(id) >= 16 and id.replace("-", "").replace("_", "").isalnum() and id.isascii() for id in ids)


# -- refusals ------------------------------------------------------------------------------------------------------


def test_a_queue_closed_by_hand(cast):
    update_queue(cast.tax, closed=True)
    assert refused(cast, "queue_closed", items=["T1"]).facts == {"queue": "tax"}
    assert cast.issue().number == "A001"


def test_a_queue_outside_its_own_hours(cast, at):
    """Monday 09:00 is the test clock's start."""
    update_queue(cast.tax, hours={"week": {"1": [["09:30", "12:00"]]}})
    refused(cast, "queue_closed", queue="tax")
    at(30 * 60)
    assert cast.issue("tax").number == "D001"
    at(3 * 3600)
    refused(cast, "queue_closed", queue="tax")


def test_a_hall_outside_its_hours(cast, at):
    Hall.update(hours={"week": {"1": [["09:00", "12:00"]]}}).execute()
    assert cast.issue().number == "A001"
    at(3 * 3600)
    refused(cast, "hall_closed")


def test_a_queue_with_as_many_waiting_as_it_takes(cast):
    update_queue(cast.general, max_waiting=2)
    cast.open(1)
    cast.issue()
    cast.issue()
    refused(cast, "queue_full")
    cast.call(1)
    assert cast.issue().number == "A003"


def test_a_queue_that_has_given_the_numbers_of_the_day(cast, at):
    update_queue(cast.general, daily_limit=2)
    cast.on_ticket("cancel", cast.issue())
    cast.issue()
    refused(cast, "queue_full")
    at.later(24 * 3600)
    assert cast.issue().number == "A001"


def test_a_person_with_a_number_that_is_still_valid(cast):
    cast.issue(identity_hash="one")
    refused(cast, "duplicate_ticket", identity_hash="one")
    refused(cast, "duplicate_ticket", queue="tax", identity_hash="one")
    assert cast.issue(identity_hash="other").number == "A002"
    assert cast.issue().number == "A003"


@pytest.mark.parametrize(
    ("state", "second"),
    [
        ("waiting", False),
        ("called", False),
        ("serving", False),
        ("held", False),
        ("finished", True),
        ("no_show", True),
        ("cancelled", True),
        ("expired", True),
    ],
)
def test_a_second_number_may_be_taken_when_the_first_has_ended(cast, state, second):
    cast.rules(no_show_calls=1, no_show_seconds=0)
    cast.led_to(state, identity_hash="one")
    if second:
        assert cast.issue(identity_hash="one").number == "A002"
    else:
        refused(cast, "duplicate_ticket", identity_hash="one")


def test_a_hall_may_allow_more_numbers_a_person(cast):
    cast.rules(live_per_identity=2)
    cast.issue(identity_hash="one")
    cast.issue(identity_hash="one")
    refused(cast, "duplicate_ticket", identity_hash="one")


def test_what_is_unknown_is_told_before_what_is_closed(cast):
    """422 comes before 409, in this as in every request."""
    update_queue(cast.general, closed=True)
    refused(cast, "unknown_priority", priority="king")


# -- priority ------------------------------------------------------------------------------------------------------


def test_a_class_without_verification_counts_at_once(cast):
    ticket = cast.issue(priority="army")
    assert (ticket.priority, ticket.asked_priority) == ("army", None)


def test_a_class_to_be_verified_counts_as_normal_until_a_desk_confirms_it(cast):
    ticket = cast.issue(priority="elderly")
    assert (ticket.priority, ticket.asked_priority) == ("normal", "elderly")


def test_normal_declared_is_normal(cast):
    assert cast.issue(priority="normal").priority == "normal"
    refused(cast, "unknown_priority", priority="king")


# -- appointments --------------------------------------------------------------------------------------------------


def test_an_appointments_clock_starts_at_its_booked_time(cast, at):
    ticket = cast.issue(booked_at=at.now + 600_000)
    assert ticket.priority == "appointment"
    assert (ticket.issued_at, ticket.arrived_at) == (at.now, at.now + 600_000)


def test_an_appointments_clock_starts_at_its_check_in_when_that_is_later(cast, at):
    assert cast.issue(booked_at=at.now - 600_000).arrived_at == at.now


def test_who_came_too_early_is_called_when_nobody_else_waits(cast, at):
    cast.open(1)
    early = cast.issue(booked_at=at.now + 600_000)
    normal = cast.issue()
    at.later(60)
    assert cast.call(1).id == normal.id
    cast.at_counter("begin", 1, normal)
    cast.at_counter("finish", 1, normal, None)
    assert cast.call(1).id == early.id


def test_with_an_appointment_another_class_may_be_declared(cast, at):
    ticket = cast.issue(booked_at=at.now + 600_000, priority="elderly")
    assert (ticket.priority, ticket.asked_priority) == ("appointment", "elderly")


# -- by HTTP -------------------------------------------------------------------------------------------------------


def test_the_answer_tells_all_an_applicant_needs(door):
    door.cast.open(1)
    door.cast.issue()
    answer = door.post("/halls/hall/tickets", {"items": ["I1"]}, who="kiosk")
    ticket = answer.json
    assert answer.status_code == 201
    assert (ticket["number"], ticket["state"], ticket["queue"], ticket["ahead"]) == ("A002", "waiting", "general", 1)
    assert (ticket["hall"], ticket["channel"], ticket["counters"]) == ("hall", "kiosk", ["1"])
    assert [item["code"] for item in ticket["items"]] == ["I1"]
    assert 0 < ticket["wait"]["p50"] < ticket["wait"]["p90"]
    assert ticket["track_url"] == f"http://localhost/t/{ticket['id']}"
    assert door.get(f"/tickets/{ticket['id']}").json["number"] == "A002"


@pytest.mark.parametrize(
    ("who", "channel"),
    [("kiosk", "kiosk"), ("integration", "api"), ("gina", "desk"), ("alice", "desk"), ("max", "desk")],
)
def test_the_channel_comes_from_the_role(door, who, channel):
    assert door.post("/halls/hall/tickets", {"queue": "tax"}, who=who).json["channel"] == channel


def test_the_channel_may_be_told(door):
    body = {"queue": "tax", "channel": "phone"}
    assert door.post("/halls/hall/tickets", body, who="integration").json["channel"] == "phone"
    assert door.post("/halls/hall/tickets", body | {"channel": "post"}, who="integration").status_code == 422


def test_an_appointment_is_its_own_channel(door):
    body = {"queue": "tax", "appointment": {"at": "2026-11-23T10:00:00+08:00"}}
    assert door.post("/halls/hall/tickets", body, who="kiosk").json["channel"] == "appointment"


@pytest.mark.parametrize(
    "body", [{}, {"items": ["I1"], "queue": "tax"}, {"items": []}, {"bundle": "B1", "items": ["I1"]}]
)
def test_exactly_one_way_in(door, body):
    door.refused("invalid", "POST", "/halls/hall/tickets", body, who="kiosk")


def test_an_id_number_is_checked_and_finds_the_second_number(door):
    good, same, wrong = "11010519491231002X", " 11010519491231002x ", "110105194912310021"
    assert door.post("/halls/hall/tickets", {"queue": "tax", "id_number": good}, who="kiosk").status_code == 201
    door.refused("duplicate_ticket", "POST", "/halls/hall/tickets", {"queue": "tax", "id_number": same}, who="kiosk")
    door.refused("bad_id_number", "POST", "/halls/hall/tickets", {"queue": "tax", "id_number": wrong}, who="kiosk")
    assert Ticket.select().count() == 1


def test_a_bad_id_number_takes_no_number(door):
    wrong = {"queue": "tax", "id_number": "1"}
    door.refused("bad_id_number", "POST", "/halls/hall/tickets", wrong, who="kiosk")
    assert door.post("/halls/hall/tickets", {"queue": "tax"}, who="kiosk").json["number"] == "D001"


def test_what_no_open_counter_serves_is_taken_and_told(door):
    ticket = door.post("/halls/hall/tickets", {"items": ["T1"]}, who="kiosk").json
    assert (ticket["served"], ticket["wait"], ticket["counters"], ticket["ahead"]) == (False, None, [], 0)
    alerts = stats.load(CODE)["alerts"]
    assert [(alert["code"], alert["queue"], alert["value"]) for alert in alerts] == [("not_served", "tax", 1)]
    door.cast.open(3)
    now = door.get(f"/tickets/{ticket['id']}").json
    assert (now["served"], now["counters"]) == (True, ["3"])
    assert now["wait"] == {"p50": 0.0, "p90": 0.0}
    assert stats.load(CODE)["alerts"] == []


def test_the_hall_at_its_door_tells_why_a_queue_gives_no_number(door, at):
    update_queue(door.cast.tax, closed=True)
    update_queue(door.cast.pickup, max_waiting=0)
    told = {queue["code"]: queue["closed_because"] for queue in door.get("/halls/hall/queues").json["items"]}
    assert told == {"general": None, "tax": "queue_closed", "pickup": "queue_full"}
    Hall.update(hours={"week": {"2": [["09:00", "12:00"]]}}).execute()
    told = {queue["code"]: queue["closed_because"] for queue in door.get("/halls/hall/queues").json["items"]}
    assert set(told.values()) == {"hall_closed"}


def test_a_ticket_is_told_with_its_halls_own_offset(cast, at):
    Hall.update(timezone="Asia/Urumqi").execute()
    ticket = cast.issue()
    ticket.hall = cast.fresh(cast.hall)
    assert ticket_view(ticket, at.now)["issued_at"] == "2026-11-23T07:00:00.000+06:00"


def test_the_hall_of_a_wish_is_the_writes(cast):
    with pytest.raises(Refusal, match="unknown_hall"):
        db.write("nowhere", lambda change: lifecycle.issue(change, Wish(channel="kiosk", queue="tax")))
