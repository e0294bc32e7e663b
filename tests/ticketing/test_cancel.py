"""Cancel: the applicant gives the number up, waiting or already called."""

import pytest

from ticketing.models import Turn


def test_a_waiting_one(door, at):
    ticket = door.cast.issue()
    at.later(30)
    answer = door.post(f"/tickets/{ticket.id}/cancel")
    assert (answer.status_code, answer.json["state"]) == (200, "cancelled")
    assert answer.json["ended_at"] == "2026-11-23T09:00:30.000+08:00"
    assert answer.json["ahead"] is None and answer.json["wait"] is None
    assert door.cast.last().public["waiting"] == {"general": 0}


def test_a_called_one_frees_the_counter(door):
    ticket = door.cast.led_to("called")
    door.post(f"/tickets/{ticket.id}/cancel")
    assert door.cast.last().public["counter_now"] == {"counter": 1, "state": "open", "number": None, "serving": False}
    assert Turn.get().ended_by == "cancel"
    following = door.cast.issue()
    assert door.cast.call(1).id == following.id


def test_one_that_was_reserved_is_reserved_no_more(cast):
    ticket = cast.serving()
    cast.at_counter("transfer", 1, ticket, None, 1, "keep")
    assert cast.on_ticket("cancel", ticket).reserved_for is None


@pytest.mark.parametrize("state", ["serving", "held", "finished", "no_show", "cancelled", "expired"])
def test_no_other(door, state):
    door.cast.rules(no_show_calls=1, no_show_seconds=0)
    ticket = door.cast.led_to(state)
    answer = door.refused("not_cancellable", "POST", f"/tickets/{ticket.id}/cancel")
    assert answer.json["state"] == state


def test_the_id_is_the_key_to_this_ticket_alone(door):
    mine, other = door.cast.issue(), door.cast.issue()
    door.refused("unknown_ticket", "POST", "/tickets/none/cancel")
    door.refused("unknown_ticket", "POST", f"/tickets/{mine.number}/cancel")
    door.post(f"/tickets/{mine.id}/cancel")
    assert door.cast.fresh(other).state == "waiting"
