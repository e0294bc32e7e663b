"""Call: the next by the hall's rule, or a given number."""

import pytest

from counter import sessions
from ticketing import line
from ticketing.errors import Refusal
from ticketing.models import CounterQueue, Ticket, Turn

MINUTE = 60


def refused(cast, code, *call):
    before = cast.rows()
    with pytest.raises(Refusal) as refusal:
        cast.call(*call)
    assert refusal.value.code == code
    assert cast.rows() == before
    return refusal.value


def call_all(cast, number=1):
    """The numbers one counter calls, one after the other, until nobody waits."""
    called = []
    while ticket := cast.call(number):
        called.append(ticket.number)
        cast.at_counter("begin", number, ticket)
        cast.at_counter("finish", number, ticket, None)
    return called


# -- who is next ---------------------------------------------------------------------------------------------------


def test_the_contracts_example(cast, at):
    """5 priority minutes × 4 stand behind 21 normal minutes and before 19."""
    cast.open(1)
    at(0)
    cast.issue()  # A001 will have waited 21 minutes
    at(2 * MINUTE)
    cast.issue()  # A002: 19
    at(16 * MINUTE)
    cast.issue(priority="army")  # A003: 5
    at(21 * MINUTE)
    assert call_all(cast) == ["A001", "A003", "A002"]


def test_nobody_waits(cast):
    cast.open(1)
    before = cast.rows()
    assert cast.call(1) is None
    assert cast.rows() == before


def test_the_same_moment_goes_by_issue_order(cast, at):
    cast.open(1)
    numbers = [cast.issue().number for _ in range(5)]
    assert call_all(cast) == numbers


def test_one_older_than_the_guard_goes_before_all_younger_ones(cast, at):
    cast.open(1)
    cast.issue()
    at(20 * MINUTE)
    cast.issue(priority="army")
    at(60 * MINUTE)
    assert Ticket.get(Ticket.id == cast.call(1).id).number == "A002"
    at(60 * MINUTE + 1)
    cast.open(2)
    cast.issue(priority="army")
    assert cast.call(2).number == "A001"


def test_a_hall_may_choose_its_guard(cast, at):
    cast.rules(guard_minutes=10)
    cast.open(1)
    cast.issue()
    at(9 * MINUTE)
    cast.issue(priority="army")
    at(12 * MINUTE)  # 12 against 4 × 3: the same score, but A001 is older than the guard
    assert call_all(cast) == ["A001", "A002"]


def test_strict_goes_by_class_then_by_arrival(cast, at):
    cast.rules(order="strict")
    cast.open(1)
    for minute, priority in enumerate((None, "appointment", "army", "appointment", "army")):
        at(minute * 30 * MINUTE)
        cast.issue(priority=priority)
    assert call_all(cast) == ["A003", "A005", "A002", "A004", "A001"]


def test_those_put_in_front_go_first_and_earlier_ones_before_later_ones(cast, at):
    cast.open(1)
    tickets = [cast.issue() for _ in range(4)]
    at(5)
    cast.on_ticket("move", tickets[3], None, None, "front")
    cast.on_ticket("move", tickets[2], None, None, "front")
    cast.issue(priority="army")
    at(3600)
    assert call_all(cast) == ["A004", "A003", "A005", "A001", "A002"]


def test_a_counter_calls_from_all_the_queues_it_serves(cast, at):
    cast.open(3)
    cast.issue("pickup")
    at(1)
    cast.issue()
    at(2)
    cast.issue("tax")
    at(3)
    cast.issue()
    at(10)
    assert call_all(cast, 3) == ["A001", "D001", "A002"]


def test_a_ticket_for_another_counter_is_left_to_it(cast, at):
    cast.open(1)
    cast.open(2)
    first = cast.serving(3)
    cast.at_counter("transfer", 3, first, None, 2, "keep")
    second = cast.issue()
    at(5)
    assert cast.call(1).id == second.id
    assert cast.call(2).id == first.id


def test_a_ticket_for_this_counter_is_called_also_from_a_queue_it_does_not_serve(cast, at):
    cast.open(1)
    first = cast.serving(3, queue="tax")
    cast.at_counter("transfer", 3, first, None, 1, "keep")
    at(5)
    cast.issue()
    assert cast.call(1).id == first.id


# -- what a call writes --------------------------------------------------------------------------------------------


def test_a_called_ticket_is_at_the_counter_with_its_agent(cast, at):
    cast.open(1, "alice")
    ticket = cast.issue()
    at(90)
    cast.call(1)
    called = cast.fresh(ticket)
    assert (called.state, called.counter.number, called.agent.login, called.calls) == ("called", 1, "alice", 1)
    assert called.called_at == called.last_called_at == at.now
    assert called.front_seq is None and called.reserved_for is None
    turn = Turn.get()
    assert (turn.waited_from, turn.called_at, turn.ended_at) == (ticket.arrived_at, at.now, None)
    assert turn.agent.login == "alice"


def test_a_call_is_told_with_the_counter_and_the_new_count(cast):
    cast.open(1)
    cast.issue()
    cast.issue()
    cast.call(1)
    public = cast.last().public
    assert (public["number"], public["counter"], public["counter_name"], public["queue"]) == ("A001", 1, "1", "general")
    assert public["waiting"] == {"general": 1}
    assert public["counter_now"] == {"counter": 1, "state": "open", "number": "A001", "serving": False}


# -- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["called", "serving"])
def test_a_counter_with_a_ticket_in_hand_is_busy(cast, state):
    cast.led_to(state)
    other = cast.issue()
    refused(cast, "counter_busy", 1)
    refused(cast, "counter_busy", 1, other.number)


def test_a_closed_or_paused_counter_calls_nobody(cast):
    cast.issue()
    assert refused(cast, "counter_not_open", 1).facts == {"state": "closed"}
    cast.open(1)
    cast.write(lambda change: sessions.pause_counter(change, 1, "tea"))
    assert refused(cast, "counter_not_open", 1).facts == {"state": "paused"}


def test_a_counter_that_is_not_there(cast):
    refused(cast, "unknown_counter", 77)


# -- by number -----------------------------------------------------------------------------------------------------


def test_a_given_number_is_called_out_of_turn(cast):
    cast.open(1)
    cast.issue()
    cast.issue()
    assert cast.call(1, "A002").number == "A002"


def test_a_number_may_be_typed_in_small_letters(cast):
    cast.open(1)
    cast.issue()
    assert cast.call(1, "a001").number == "A001"


def test_a_number_nobody_has_today(cast, at):
    cast.open(1)
    refused(cast, "unknown_ticket", 1, "A001")
    cast.issue()
    at.later(24 * 3600)
    refused(cast, "unknown_ticket", 1, "A001")


@pytest.mark.parametrize("state", ["called", "serving", "held", "finished", "no_show", "cancelled", "expired"])
def test_a_number_that_does_not_wait(cast, state):
    cast.rules(no_show_calls=1, no_show_seconds=0)
    ticket = cast.led_to(state)
    cast.open(2)
    assert refused(cast, "not_waiting", 2, ticket.number).facts == {"state": state}


def test_a_number_of_a_queue_that_the_counter_does_not_serve(cast):
    cast.open(1)
    refused(cast, "not_served", 1, cast.issue("tax").number)


def test_a_number_that_is_kept_for_another_counter(cast):
    cast.open(2)
    cast.open(1)
    ticket = cast.serving(3)
    cast.at_counter("transfer", 3, ticket, None, 2, "keep")
    refused(cast, "reserved", 1, ticket.number)
    assert cast.call(2, ticket.number).id == ticket.id


# -- by HTTP -------------------------------------------------------------------------------------------------------


def test_the_answer_is_the_ticket_or_204(door):
    door.cast.open(1)
    assert door.at(1, "call").status_code == 204
    door.cast.issue(items=["I1"])
    answer = door.at(1, "call")
    assert answer.status_code == 200
    assert (answer.json["number"], answer.json["state"], answer.json["counter"]) == ("A001", "called", 1)
    assert [item["code"] for item in answer.json["items"]] == ["I1"]


def test_by_number_and_its_refusals(door):
    cast, call = door.cast, "/halls/hall/counters/1/call"
    cast.open(1)
    cast.issue("tax")
    door.refused("unknown_ticket", "POST", call, {"ticket": "A009"}, who="counter 1")
    door.refused("not_served", "POST", call, {"ticket": "D001"}, who="counter 1")
    cast.issue()
    assert door.at(1, "call", {"ticket": "A001"}).json["number"] == "A001"
    door.refused("counter_busy", "POST", call, who="counter 1")


def test_only_the_counter_that_has_called_may_see_who_it_is(door):
    told = {"queue": "general", "name": "某某", "phone": "13800138000", "id_number": "11010519491231002X"}
    door.post("/halls/hall/tickets", told, who="kiosk")
    door.cast.open(1, "alice")
    assert all(
        "applicant" not in waiting for waiting in door.get("/halls/hall/counters/1", "counter 1").json["waiting"]
    )
    applicant = {name: told[name] for name in ("name", "phone", "id_number")}
    assert door.at(1, "call").json["applicant"] == applicant
    for who in ("counter 1", "alice"):
        assert door.get("/halls/hall/counters/1", who).json["ticket"]["applicant"] == applicant
    for who in ("max", "bob", "root"):
        assert door.get("/halls/hall/counters/1", who).json["ticket"]["applicant"] is None
    listed = door.get("/halls/hall/tickets", "alice").json["items"]
    assert [one["applicant"] for one in listed] == [None]


def test_after_the_visit_nobody_sees_who_it_was(door):
    door.post("/halls/hall/tickets", {"queue": "general", "name": "某某"}, who="kiosk")
    door.cast.open(1)
    ticket = door.at(1, "call").json["id"]
    door.at(1, "begin", {"ticket": ticket})
    assert door.at(1, "finish", {"ticket": ticket}).json["applicant"] is None


def test_the_counters_list_is_in_the_order_of_calling(door, at):
    cast = door.cast
    cast.open(3)
    for second, (queue, priority) in enumerate(
        (("general", None), ("tax", "army"), ("general", "army"), ("pickup", None))
    ):
        at(second)
        cast.issue(queue, priority=priority)
    at(600)
    view = door.get("/halls/hall/counters/3", "counter 3").json
    assert [waiting["number"] for waiting in view["waiting"]] == ["D001", "A002", "A001"]
    assert view["waiting_count"] == 3
    assert call_all(cast, 3) == ["D001", "A002", "A001"]


def test_the_list_holds_what_is_reserved_for_it_and_not_what_is_for_others(door, at):
    cast = door.cast
    cast.open(1)
    cast.open(2)
    ticket = cast.serving(3, queue="tax")
    cast.at_counter("transfer", 3, ticket, None, 2, "keep")
    assert [waiting["number"] for waiting in door.get("/halls/hall/counters/2", "counter 2").json["waiting"]] == [
        "D001"
    ]
    assert door.get("/halls/hall/counters/1", "counter 1").json["waiting"] == []


def test_a_call_reads_only_the_heads_however_many_wait(cast):
    """One row for each queue and class that somebody waits in."""
    cast.open(1)
    for _ in range(30):
        cast.issue()
    rule = line.policy_of(cast.hall, cast.write(lambda change: change.rules))
    queues = [row.queue_id for row in CounterQueue.select().where(CounterQueue.counter == 1)]
    assert len(line.candidates(1, queues, rule)) == 1
