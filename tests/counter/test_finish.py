"""Finish: the visit ends, with an outcome for each item."""

import pytest

from ticketing.models import Queue, TicketItem, Turn

FINISH = "/halls/hall/counters/1/finish"


def outcomes(ticket):
    rows = TicketItem.select().where(TicketItem.ticket == ticket.id).order_by(TicketItem.place)
    return {row.item.code: (row.outcome, row.note) for row in rows}


def test_left_out_means_done_for_all(cast, at):
    ticket = cast.serving(items=["I1", "I2"])
    at.later(300)
    finished = cast.at_counter("finish", 1, ticket, None)
    assert (finished.state, finished.ended_at) == ("finished", at.now)
    assert outcomes(ticket) == {"I1": ("done", None), "I2": ("done", None)}
    assert cast.last().public["counter_now"] == {"counter": 1, "state": "open", "number": None, "serving": False}


def test_each_item_has_its_outcome_and_the_unnamed_are_done(door):
    ticket = door.cast.serving(items=["I1", "I2"])
    named = [{"item": "I2", "outcome": "supplement", "note": "Copy of the lease"}]
    answer = door.at(1, "finish", {"ticket": ticket.id, "outcomes": named})
    assert {item["code"]: item["outcome"] for item in answer.json["items"]} == {"I1": "done", "I2": "supplement"}
    assert outcomes(ticket) == {"I1": ("done", None), "I2": ("supplement", "Copy of the lease")}


@pytest.mark.parametrize("outcome", ["done", "accepted", "supplement", "rejected", "withdrawn", "advice"])
def test_every_outcome(door, outcome):
    ticket = door.cast.serving(items=["I1"])
    door.at(1, "finish", {"ticket": ticket.id, "outcomes": [{"item": "I1", "outcome": outcome}]})
    assert outcomes(ticket)["I1"][0] == outcome


def test_no_other_outcome(door):
    ticket = door.cast.serving(items=["I1"])
    body = {"ticket": ticket.id, "outcomes": [{"item": "I1", "outcome": "lost"}]}
    door.refused("invalid", "POST", FINISH, body, who="counter 1")


def test_an_item_that_is_not_on_the_ticket(door):
    ticket = door.cast.serving(items=["I1"])
    body = {"ticket": ticket.id, "outcomes": [{"item": "T1", "outcome": "done"}]}
    answer = door.refused("unknown_outcome_item", "POST", FINISH, body, who="counter 1")
    assert answer.json["errors"] == [{"field": "outcomes", "message": "T1"}]


def test_a_hall_may_make_outcomes_compulsory(door):
    door.cast.rules(outcomes_required=True)
    ticket = door.cast.serving(items=["I1", "I2"])
    one, both = [[{"item": code, "outcome": "done"} for code in codes] for codes in (["I1"], ["I1", "I2"])]
    for told in (None, [], one):
        body = {"ticket": ticket.id, "outcomes": told}
        door.refused("outcomes_required", "POST", FINISH, body, who="counter 1")
    assert door.at(1, "finish", {"ticket": ticket.id, "outcomes": both}).json["state"] == "finished"


def test_a_visit_without_items_needs_none(cast):
    cast.rules(outcomes_required=True)
    assert cast.at_counter("finish", 1, cast.serving(), None).state == "finished"


def test_the_turn_ends_and_the_queue_learns_how_long_it_took(cast, at):
    ticket = cast.serving()
    at.later(960)
    cast.at_counter("finish", 1, ticket, None)
    turn = Turn.get()
    assert (turn.ended_at - turn.begun_at, turn.ended_by) == (960_000, "finish")
    # From the usual 8 minutes one twentieth of the way to 16.
    assert Queue.get(Queue.code == "general").service_ms == pytest.approx((8 + 8 / 20) * 60_000)


def test_the_counter_is_free_for_the_next(cast):
    cast.at_counter("finish", 1, cast.serving(), None)
    following = cast.issue()
    assert cast.call(1).id == following.id
