"""Open, pause, resume and close a counter. Saying it again is no fault, changes nothing and writes no event."""

import pytest

from counter import sessions
from ticketing.errors import Refusal

PATH = "/halls/hall/counters/1/{verb}"


def at_counter(cast, verb, *parts):
    return cast.write(lambda change: getattr(sessions, f"{verb}_counter")(change, *parts))


def unchanged(cast, verb, *parts):
    """It answers, and nothing has changed."""
    before = cast.rows()
    counter = at_counter(cast, verb, *parts)
    assert cast.rows() == before
    return counter


def refused(cast, code, verb, *parts):
    before = cast.rows()
    with pytest.raises(Refusal) as refusal:
        at_counter(cast, verb, *parts)
    assert refusal.value.code == code
    assert cast.rows() == before
    return refusal.value


# -- open ----------------------------------------------------------------------------------------------------------


def test_an_agent_opens_a_counter(cast, at):
    counter = cast.open(1, "alice")
    assert (counter.state, counter.agent.login, counter.since) == ("open", "alice", at.now)
    event = cast.last()
    assert event.type == "counter.opened"
    assert (event.public["counter"], event.public["counter_now"]["state"]) == (1, "open")
    assert event.staff["agent"] == "alice" and "agent" not in event.public


def test_opening_again_changes_nothing(cast):
    cast.open(1, "alice")
    assert unchanged(cast, "open", 1, cast.staff["alice"]).state == "open"
    assert unchanged(cast, "open", 1, None).agent.login == "alice"


def test_another_agents_counter_is_taken(cast):
    cast.open(1, "alice")
    assert refused(cast, "counter_taken", "open", 1, cast.staff["bob"]).facts == {"counter": 1}
    at_counter(cast, "pause", 1, "")
    refused(cast, "counter_taken", "open", 1, cast.staff["bob"])


def test_an_agent_sits_down_at_a_counter_its_device_has_opened(cast):
    cast.open(1)
    assert cast.open(1, "alice").agent.login == "alice"


def test_nobody_sits_at_two_counters(cast):
    cast.open(1, "alice")
    assert refused(cast, "agent_elsewhere", "open", 2, cast.staff["alice"]).facts == {"counter": 1}
    at_counter(cast, "pause", 1, "")
    refused(cast, "agent_elsewhere", "open", 2, cast.staff["alice"])
    at_counter(cast, "close", 1)
    assert cast.open(2, "alice").state == "open"


def test_a_counter_that_is_not_there(cast):
    refused(cast, "unknown_counter", "open", 77, None)


# -- pause and resume ----------------------------------------------------------------------------------------------


def test_a_pause_has_a_reason_that_boards_do_not_hear(cast, at):
    cast.open(1, "alice")
    counter = at_counter(cast, "pause", 1, "Tea")
    assert (counter.state, counter.pause_reason, counter.agent.login) == ("paused", "Tea", "alice")
    assert cast.last().type == "counter.paused"
    assert cast.last().staff["pause_reason"] == "Tea"
    assert "Tea" not in str(cast.last().public)
    assert unchanged(cast, "pause", 1, "Lunch").pause_reason == "Tea"


def test_going_on_after_a_pause(cast):
    cast.open(1)
    at_counter(cast, "pause", 1, "Tea")
    counter = at_counter(cast, "resume", 1)
    assert (counter.state, counter.pause_reason) == ("open", None)
    assert cast.last().type == "counter.resumed"
    unchanged(cast, "resume", 1)


def test_a_closed_counter_neither_pauses_nor_goes_on(cast):
    refused(cast, "counter_not_open", "pause", 1, "")
    refused(cast, "counter_not_open", "resume", 1)


# -- close ---------------------------------------------------------------------------------------------------------


def test_a_closed_counter_has_no_agent(cast):
    cast.open(1, "alice")
    counter = at_counter(cast, "close", 1)
    assert (counter.state, counter.agent, counter.pause_reason) == ("closed", None, None)
    assert cast.last().type == "counter.closed"
    unchanged(cast, "close", 1)


def test_a_paused_counter_closes(cast):
    cast.open(1)
    at_counter(cast, "pause", 1, "Tea")
    assert at_counter(cast, "close", 1).state == "closed"


@pytest.mark.parametrize("verb", [("close", 1), ("pause", 1, "")])
@pytest.mark.parametrize("state", ["called", "serving"])
def test_with_a_ticket_in_hand_it_is_busy(cast, state, verb):
    cast.led_to(state)
    refused(cast, "counter_busy", *verb)


def test_a_held_ticket_does_not_keep_it_open(cast):
    ticket = cast.led_to("held")
    at_counter(cast, "close", 1)
    cast.open(2)
    assert cast.at_counter("resume", 2, ticket).state == "serving"


def test_what_was_reserved_for_it_is_everybodys_when_it_closes(cast):
    """So that nobody is lost in a line that no counter calls."""
    ticket = cast.serving()
    cast.at_counter("transfer", 1, ticket, None, 1, "keep")
    cast.open(2)
    assert cast.call(2) is None
    at_counter(cast, "close", 1)
    assert cast.call(2).id == ticket.id


# -- by HTTP -------------------------------------------------------------------------------------------------------


def test_the_whole_day_with_a_counter_token_alone(door):
    assert door.at(1, "open").json["state"] == "open"
    assert door.at(1, "open").json["agent"] is None
    assert door.at(1, "open", {"agent": "alice"}).json["agent_name"] == "Alice"
    assert door.at(1, "pause", {"reason": "Tea"}).json["pause_reason"] == "Tea"
    assert door.at(1, "resume").json["state"] == "open"
    assert door.at(1, "close").json["state"] == "closed"


def test_an_agent_opens_for_themselves_only(door):
    assert door.at(1, "open", who="alice").json["agent"] == "alice"
    assert door.at(1, "open", {"agent": "alice"}, who="alice").status_code == 200
    door.refused("forbidden", "POST", PATH.format(verb="open"), {"agent": "bob"}, who="alice")
    door.refused("counter_taken", "POST", PATH.format(verb="open"), who="bob")


def test_a_manager_opens_for_an_agent(door):
    assert door.at(1, "open", {"agent": "bob"}, who="max").json["agent"] == "bob"
    door.refused("unknown_agent", "POST", "/halls/hall/counters/2/open", {"agent": "nobody"}, who="max")


@pytest.mark.parametrize("verb", ["pause", "resume", "close", "call"])
def test_another_agents_counter_is_not_theirs(door, verb):
    door.cast.open(1, "alice")
    door.refused("forbidden", "POST", PATH.format(verb=verb), who="bob")
    assert door.at(1, "pause", who="max").status_code == 200


def test_a_stranger_is_refused_before_the_body_is_read(door):
    """403 comes before 422."""
    door.cast.open(1, "alice")
    door.refused("forbidden", "POST", PATH.format(verb="call"), {"nonsense": 1}, who="bob")
    door.refused("forbidden", "POST", PATH.format(verb="finish"), {"ticket": "none"}, who="bob")


def test_the_view_of_a_counter(door, at):
    door.cast.open(3, "alice")
    view = door.get("/halls/hall/counters/3", "counter 3").json
    assert (view["counter"], view["state"], view["agent"], view["zone"]) == (3, "open", "alice", "east")
    assert (view["queues"], view["ticket"], view["held"], view["waiting"]) == (["tax", "general"], None, [], [])
    assert view["seq"] == door.cast.last().seq
    assert view["since"] == view["now"] == "2026-11-23T09:00:00.000+08:00"
