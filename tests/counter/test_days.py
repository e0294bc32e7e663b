"""The report of earlier days: the same figures wherever their rows are, percentiles worked out by hand."""

import csv
import random
from io import StringIO
from math import ceil

import pytest

from counter import days, sweep
from tests.cast import AT_ONCE, CODE
from ticketing import db, history
from ticketing.models import PastTicket, Queue, Ticket, Turn

DAYS = "/halls/hall/days"
DAY = 24 * 3600


def visit(cast, at, wait=60, walk=10, service=300, queue="general", number=3):
    ticket = cast.issue(queue)
    at.later(wait)
    cast.call(number, ticket.number)
    at.later(walk)
    cast.at_counter("begin", number, ticket)
    at.later(service)
    return cast.at_counter("finish", number, ticket, None)


@pytest.fixture
def monday(door, at):
    """Ten waits of 1 to 10 minutes in two queues, and one ticket that ended in each other way."""
    cast = door.cast
    cast.rules(**AT_ONCE, wait_target_minutes=3)
    cast.open(3)
    for minute in random.Random(1).sample(range(1, 11), 10):
        visit(cast, at, wait=60 * minute, walk=minute, service=100, queue="tax" if minute > 8 else "general")
    cast.led_to("cancelled")
    cast.led_to("no_show", queue="general")
    cast.issue()
    return door


WHOLE = {
    "issued": 13,
    "finished": 10,
    "no_show": 1,
    "cancelled": 1,
    # Eleven calls: the no-show's after 0 s.
    "wait": {"p50": 300.0, "p90": 540.0, "mean": 300.0},
    "walk": {"p50": 5.0, "p90": 9.0, "mean": 5.5},
    "service": {"p50": 100.0, "p90": 100.0, "mean": 100.0},
    "within_target": 0.364,
}
TAX = {"issued": 2, "finished": 2, "wait": {"p50": 540.0, "p90": 600.0, "mean": 570.0}, "within_target": 0.0}


def told(day, wanted):
    return {name: day[name] for name in wanted}


def test_today_is_told_as_it_stands(monday):
    (day,) = monday.get(DAYS, who="max").json["items"]
    assert (day["business_date"], day["expired"]) == ("2026-11-23", 0)
    assert told(day, WHOLE) == WHOLE
    by_queue = {queue["queue"]: queue for queue in day["by_queue"]}
    assert list(by_queue) == ["general", "tax"]
    assert told(by_queue["tax"], TAX) == TAX
    assert by_queue["general"]["issued"] == 11 and by_queue["general"]["wait"]["p90"] == 480.0


def test_a_day_in_history_is_told_alike(monday, at):
    before = monday.get(DAYS, who="max").json["items"][0]
    at.later(DAY)
    sweep.sweep()
    assert Ticket.select().count() == Turn.select().count() == 0
    (after,) = monday.get(DAYS, who="max").json["items"]
    assert after == before | {"expired": 1, "by_queue": after["by_queue"]}


def test_a_day_half_moved_is_told_alike(monday, at, monkeypatch):
    at.later(DAY)
    sweep.end_earlier_days(monday.cast.fresh(monday.cast.hall))
    whole = monday.get(DAYS, who="max").json
    monkeypatch.setattr(history, "TICKETS", 2)
    for moved in (2, 4, 6):
        db.write(CODE, history.move_some)
        assert PastTicket.select().count() == moved
        assert monday.get(DAYS, who="max").json == whole


def test_percentiles_are_exact(cast, at):
    """By nearest rank, for any number of waits: as sorting them tells."""
    cast.rules(**AT_ONCE)
    draw = random.Random(7)
    cast.open(3)
    waits = {"": [], "general": [], "tax": []}
    for _ in range(24):
        wait, queue = draw.choice([0, 5, 30, 30, 31, draw.randrange(3000)]), draw.choice(["general", "tax"])
        waits[""].append(wait)
        waits[queue].append(wait)
        visit(cast, at, wait=wait, queue=queue)
        (day,) = days.read(cast.hall, "2026-11-23")
        for told in (day, *day["by_queue"]):
            ordered = sorted(waits[told.get("queue", "")])
            assert told["wait"]["p50"] == ordered[ceil(len(ordered) / 2) - 1]
            assert told["wait"]["p90"] == ordered[ceil(len(ordered) * 9 / 10) - 1]
    assert min(map(len, waits.values())) >= 10


def test_days_without_visits_are_left_out(door, at):
    door.cast.open(3)
    for gap in (1, 3, 2):
        visit(door.cast, at)
        at.later(gap * DAY)
        sweep.sweep()

    def dates(path):
        return [day["business_date"] for day in door.get(path, who="max").json["items"]]

    assert dates(DAYS) == ["2026-11-23", "2026-11-24", "2026-11-27"]
    assert dates(f"{DAYS}?from=2026-11-24&to=2026-11-26") == ["2026-11-24"]
    assert dates(f"{DAYS}?to=2026-11-24") == ["2026-11-23", "2026-11-24"]
    assert dates(f"{DAYS}?from=2025-11-29") == ["2026-11-23", "2026-11-24", "2026-11-27"]
    at.later(7 * DAY)
    assert dates(DAYS) == []


@pytest.mark.parametrize(
    "query",
    (
        *("from=2026-11-24&to=2026-11-23", "from=2025-11-23&to=2026-11-24", "from=2026-11-24", "from=20261123"),
        *("from=2026-02-30", "to=yesterday", "format=xml", "day=1"),
    ),
)
def test_what_is_no_span_of_days_is_refused(door, at, query):
    door.refused("invalid", "GET", f"{DAYS}?{query}", who="max")


def test_programs_may_ask_too(monday):
    assert len(monday.get(DAYS, who="integration").json["items"]) == 1


def test_another_halls_visits_count_nowhere_else(monday, at):
    other = type(monday.cast.hall).create(code="other", name="Other", rules={})
    assert days.report(other, None, None, at.now) == []
    at.later(DAY)
    sweep.sweep()
    assert days.report(other, None, None, at.now) == []


# -- as a table ----------------------------------------------------------------------------------------------------


def table(answer):
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    assert answer.get_data().startswith(b"\xef\xbb\xbf")
    _, *rows = csv.reader(StringIO(answer.get_data().decode("utf-8-sig"), newline=""))
    return [dict(zip(days.HEADINGS, row, strict=True)) for row in rows]


def test_the_table_says_the_same(monday):
    json = monday.get(DAYS, who="max").json["items"][0]
    rows = table(monday.get(f"{DAYS}?format=csv", who="max"))
    assert [row["queue"] for row in rows] == ["", "general", "tax"]
    assert rows[0]["business_date"] == "2026-11-23" and rows[0]["issued"] == "13"
    assert float(rows[0]["wait_p90"]) == json["wait"]["p90"] and float(rows[0]["within_target"]) == 0.364
    assert float(rows[2]["service_mean"]) == 100.0


@pytest.mark.parametrize(("language", "heading"), [("zh-CN", "\u65e5\u671f"), ("en", "Day")])
def test_its_headings_are_in_the_readers_language(monday, language, heading):
    answer = monday.ask("GET", f"{DAYS}?format=csv", who="max", Accept_Language=language)
    assert answer.get_data().decode("utf-8-sig").startswith(f"{heading},")


def test_what_a_program_accepts_decides_where_nothing_is_asked(monday):
    as_csv = {"Accept": "text/csv"}
    assert len(table(monday.ask("GET", DAYS, who="max", **as_csv))) == 3
    assert monday.ask("GET", f"{DAYS}?format=json", who="max", **as_csv).mimetype == "application/json"
    assert monday.ask("GET", DAYS, who="max", Accept="*/*").mimetype == "application/json"
    assert "attachment" in monday.get(f"{DAYS}?format=csv", who="max").headers["Content-Disposition"]


@pytest.mark.parametrize("name", ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"))
def test_no_name_is_a_formula(monday, name):
    Queue.update(name=name).where(Queue.code == "tax").execute()
    rows = table(monday.get(f"{DAYS}?format=csv", who="max"))
    assert rows[2]["name"] == f"'{name}"
