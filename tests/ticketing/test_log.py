"""The hall log by HTTP: every seq once, in order, at most 500 a page; ticks for what boards may not hear."""

from counter import balance
from tests.cast import CODE
from ticketing import db, lifecycle, log
from ticketing.errors import Refusal
from ticketing.lifecycle import Wish


def page(door, query=""):
    return door.get(f"/halls/hall/events{query}", "board").json


def fill(count):
    wish = Wish(channel="kiosk", queue="general")
    db.commit([db.Job(CODE, lambda change: lifecycle.issue(change, wish), None) for _ in range(count)])


def test_an_empty_log(door):
    assert page(door) == {"items": [], "seq": 0, "next": None}


def test_pages_hold_500_at_most_and_lead_to_the_newest(door):
    fill(501)
    first = page(door)
    assert [event["seq"] for event in first["items"]] == list(range(1, 501))
    assert (first["seq"], first["next"]) == (501, 500)
    second = page(door, f"?after={first['next']}")
    assert [event["seq"] for event in second["items"]] == [501]
    assert (second["seq"], second["next"]) == (501, None)


def test_a_smaller_page(door):
    fill(5)
    told = page(door, "?after=1&limit=2")
    assert ([event["seq"] for event in told["items"]], told["next"]) == ([2, 3], 3)


def test_after_the_newest_there_is_nothing(door):
    fill(1)
    assert page(door, "?after=1") == {"items": [], "seq": 1, "next": None}
    assert page(door, "?after=99")["items"] == []


def test_each_event_tells_when_in_the_halls_own_time(door, at):
    fill(1)
    (event,) = page(door)["items"]
    assert (event["at"], event["type"]) == ("2026-11-23T09:00:00.000+08:00", "ticket.issued")


def test_both_feeds_carry_every_seq(cast):
    ticket = cast.led_to("finished")
    cast.on_ticket("rate", ticket, 5, [], None)
    cast.write(lambda change: balance.post_notice(change, "x", None, None, None))
    hall = cast.fresh(cast.hall)
    public = [log.as_public(event, hall) for event in cast.events()]
    staff = [log.as_staff(event, hall) for event in cast.events()]
    assert [event["seq"] for event in public] == [event["seq"] for event in staff] == list(range(1, hall.last_seq + 1))
    hidden = [(one["seq"], two["type"]) for one, two in zip(public, staff, strict=True) if one["type"] == "tick"]
    assert hidden == [(hall.last_seq - 1, "ticket.rated")]
    assert all(two | one == two for one, two in zip(public, staff, strict=True) if one["type"] != "tick")


def test_staff_hear_of_which_ticket(cast):
    ticket = cast.issue(items=["I1"], priority="elderly")
    told = log.as_staff(cast.last(), cast.fresh(cast.hall))
    assert (told["ticket"], told["items"], told["asked_priority"]) == (ticket.id, ["I1"], "elderly")


def test_listeners_hear_after_the_commit_and_not_of_refusals(cast):
    heard = []
    log.listen(lambda hall, seq: heard.append((hall, seq, len(cast.events()))))
    cast.issue()
    try:
        cast.issue("moon")
    except Refusal:
        heard.append("refused")
    cast.open(1)
    assert heard == [(CODE, 1, 1), "refused", (CODE, 2, 2)]


def test_what_a_call_says_is_fixed_when_it_is_written(door, at, monkeypatch):
    """A replay after the words have changed says what was said then."""
    door.cast.led_to("called")
    before = page(door, "?after=2")["items"]
    assert before[0]["speech"]["zh-CN"] == "请A001号到1号窗口办理"
    assert before[0]["speak_until"] == "2026-11-23T09:01:00.000+08:00"
    monkeypatch.setattr(log, "announcer", lambda *_: {"speech": {"zh-CN": "…"}})
    at.later(3600)
    assert page(door, "?after=2")["items"] == before
