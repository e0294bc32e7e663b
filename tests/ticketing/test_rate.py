"""Rate: one rating a visit, 5 best to 1 worst, for a week."""

import pytest

from ticketing.models import Rating

DAY = 86_400


@pytest.fixture
def finished(door, at):
    return door.cast.led_to("finished")


def path(ticket):
    return f"/tickets/{ticket.id}/rating"


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_finished_visit(door, finished, level):
    body = {"level": level, "reasons": ["Friendly"], "comment": "Quick"}
    answer = door.post(path(finished), body)
    assert (answer.status_code, answer.json["rating"], answer.json["state"]) == (200, level, "finished")
    kept = Rating.get()
    assert (kept.level, kept.reasons, kept.comment) == (level, ["Friendly"], "Quick")


def test_boards_hear_only_a_tick_and_nobody_hears_the_words(door, finished):
    door.post(path(finished), {"level": 1, "comment": "Slow"})
    event = door.cast.last()
    assert (event.type, event.public) == ("ticket.rated", None)
    assert event.staff == {"number": "A001", "level": 1}
    told = door.get(f"/halls/hall/events?after={event.seq - 1}", "board").json["items"]
    assert told == [{"seq": event.seq, "type": "tick"}]


def test_once(door, finished):
    door.post(path(finished), {"level": 5})
    door.refused("already_rated", "POST", path(finished), {"level": 1})
    assert Rating.get().level == 5


@pytest.mark.parametrize("state", ["waiting", "called", "serving", "held", "no_show", "cancelled", "expired"])
def test_only_a_finished_visit(door, state):
    door.cast.rules(no_show_calls=1, no_show_seconds=0)
    door.refused("not_finished", "POST", path(door.cast.led_to(state)), {"level": 5})


def test_for_a_week(door, at, finished):
    at.later(7 * DAY)
    assert door.post(path(finished), {"level": 4}).status_code == 200


def test_no_longer(door, at, finished):
    at.later(7 * DAY + 1)
    door.refused("rating_over", "POST", path(finished), {"level": 4})


@pytest.mark.parametrize(
    "body",
    [{}, {"level": 0}, {"level": 6}, {"level": 2.5}, {"level": 5, "stars": 5}, {"level": 5, "comment": "x" * 501}]
    + [{"level": 5, "reasons": ["x"] * 11}, {"level": 5, "reasons": ["x" * 41]}],
)
def test_what_it_may_say(door, finished, body):
    door.refused("invalid", "POST", path(finished), body)
