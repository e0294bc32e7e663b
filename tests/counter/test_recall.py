"""Recall and begin: announce again, then the applicant is there."""

from ticketing.models import Turn


def test_a_recall_is_counted_and_announced_again(cast, at):
    ticket = cast.led_to("called")
    called_at = at.now
    at.later(15)
    again = cast.at_counter("recall", 1, ticket)
    assert (again.state, again.calls, again.called_at, again.last_called_at) == ("called", 2, called_at, at.now)
    assert cast.last().type == "ticket.recalled"
    assert cast.last().public["number"] == ticket.number
    assert Turn.select().count() == 1


def test_begin_starts_the_service_of_the_same_turn(cast, at):
    ticket = cast.led_to("called")
    at.later(20)
    begun = cast.at_counter("begin", 1, ticket)
    assert (begun.state, begun.begun_at) == ("serving", at.now)
    turn = Turn.get()
    assert (turn.begun_at - turn.called_at, turn.ended_at) == (20_000, None)
    assert cast.last().public["counter_now"]["serving"] is True


def test_another_counters_ticket_is_stale(door):
    door.cast.led_to("called")
    ticket = door.cast.issue()
    door.cast.open(2)
    door.cast.call(2)
    path = "/halls/hall/counters/1/{verb}"
    for verb in ("recall", "begin", "finish", "no-show", "hold"):
        door.refused("stale_ticket", "POST", path.format(verb=verb), {"ticket": ticket.id}, who="counter 1")


def test_a_counter_without_a_ticket_means_a_stale_one(door):
    door.cast.open(1)
    ticket = door.cast.issue()
    for verb in ("recall", "begin", "finish", "no-show", "hold"):
        door.refused("stale_ticket", "POST", f"/halls/hall/counters/1/{verb}", {"ticket": ticket.id}, who="counter 1")


def test_recall_and_begin_by_http(door):
    ticket = door.cast.led_to("called")
    assert door.at(1, "recall", {"ticket": ticket.id}).json["calls"] == 2
    assert door.at(1, "begin", {"ticket": ticket.id}).json["state"] == "serving"
    assert door.get(f"/tickets/{ticket.id}").json["counter_name"] == "1"
