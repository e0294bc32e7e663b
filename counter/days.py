"""What each business day came to, from the live tables and history together. Durations in seconds.

Each row of `turn` counts in the queue and on the day it belongs to, each ticket in the queue it ended in and on the day
it was issued. Percentiles are by nearest rank: the smallest duration that at least so many of all do not exceed."""

import csv
import time
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

from ticketing import clock, db
from ticketing.errors import invalid
from ticketing.models import Hall, Queue
from ticketing.status import CANCELLED, EXPIRED, FINISHED, NO_SHOW
from ticketing.table import database

LONGEST = 366  # days told at once
BLANKS = " \t\r\n\v\f\u200b\ufeff"  # what some spreadsheets pass over
SPANS = {"wait": ("waited_from", "called_at"), "walk": ("called_at", "begun_at"), "service": ("begun_at", "ended_at")}
ENDS = {"finished": FINISHED, "no_show": NO_SHOW, "cancelled": CANCELLED, "expired": EXPIRED}

TICKETS = """
SELECT queue_id, state, count(*) FROM (
 SELECT queue_id, state FROM ticket WHERE hall_id = ? AND business_date = ?
 UNION ALL
 SELECT queue_id, state FROM past_ticket WHERE hall_id = ? AND business_date = ?
) AS both_tables GROUP BY queue_id, state
"""
# By queue: how many, their sum, how many within a limit, p50 and p90 of the queue, and those of the whole day as far as
# they are found in this queue (the smallest over the queues is the day's).
DURATIONS = """
WITH span AS (
 SELECT queue_id, {end} - {begin} AS ms FROM turn WHERE hall_id = ? AND business_date = ?
 UNION ALL
 SELECT queue_id, {end} - {begin} FROM past_turn WHERE hall_id = ? AND business_date = ?
), placed AS (
 SELECT queue_id, ms,
  row_number() OVER (PARTITION BY queue_id ORDER BY ms) AS place, count(*) OVER (PARTITION BY queue_id) AS many,
  row_number() OVER (ORDER BY ms) AS place_of_all, count(*) OVER () AS all_many
 FROM span WHERE ms IS NOT NULL
)
SELECT queue_id, count(*), sum(CASE WHEN ms > 0 THEN ms ELSE 0 END), sum(CASE WHEN ms <= ? THEN 1 ELSE 0 END),
 min(CASE WHEN place * 2 >= many THEN ms END), min(CASE WHEN place * 10 >= many * 9 THEN ms END),
 min(CASE WHEN place_of_all * 2 >= all_many THEN ms END),
 min(CASE WHEN place_of_all * 10 >= all_many * 9 THEN ms END)
FROM placed GROUP BY queue_id
"""

Rows = list[tuple[Any, ...]]  # (queue id, …)


def report(hall: Hall, first: str | None, last: str | None, now: int) -> list[dict[str, Any]]:
    """The days with visits from `first` to `last` (counter/shapes.DayReport), oldest first; as asked by nobody, today
    and the six days before."""
    until = clock.as_date(last or db.today(hall, now))
    since = clock.as_date(first) if first else until - timedelta(days=6)
    if not 0 <= (until - since).days < LONGEST:
        raise invalid("from", f"no later than to, and at most {LONGEST} days")
    told = []
    for n in range((until - since).days + 1):
        told += read(hall, (since + timedelta(days=n)).isoformat())
        time.sleep(0)  # on an event loop SQLite keeps everybody waiting for one day's read, not for a year's
    return told


def read(hall: Hall, date: str) -> list[dict[str, Any]]:
    """The one day, or nothing where nobody came; from one consistent read."""
    target = int(db.rules_of(hall).wait_target_minutes * 60_000)
    with db.snapshot():
        tickets = rows_of(TICKETS, hall, date)
        spans = {name: rows_of(DURATIONS.format(begin=a, end=b), hall, date, target) for name, (a, b) in SPANS.items()}
    if not tickets and not any(spans.values()):
        return []
    of_queues = [
        {"queue": queue.code, "name": queue.name, "name_en": queue.name_en}
        | figures(of(queue, tickets), {name: of(queue, rows) for name, rows in spans.items()}, whole=False)
        for queue in Queue.of_hall(hall)
    ]
    seen = [queue for queue in of_queues if queue["issued"] or any(queue[name] for name in SPANS)]
    return [{"business_date": date} | figures(tickets, spans, whole=True) | {"by_queue": seen}]


def rows_of(statement: str, hall: Hall, date: str, *more: int) -> Rows:
    values = (hall.id, date, hall.id, date, *more)
    return database.execute_sql(statement.replace("?", database.param), values).fetchall()


def of(queue: Queue, rows: Rows) -> Rows:
    return [row for row in rows if row[0] == queue.id]


def figures(tickets: Rows, spans: dict[str, Rows], whole: bool) -> dict[str, Any]:
    waits = spans["wait"]
    return {
        "issued": sum(count for _, _, count in tickets),
        **{name: sum(count for _, state, count in tickets if state == end) for name, end in ENDS.items()},
        **{name: duration(rows, whole) for name, rows in spans.items()},
        "within_target": round(sum(row[3] for row in waits) / sum(row[1] for row in waits), 3) if waits else None,
    }


def duration(rows: Rows, whole: bool) -> dict[str, float] | None:
    """From rows of DURATIONS: of one queue, or of all queues of a day."""
    if not rows:
        return None
    p50, p90 = (6, 7) if whole else (4, 5)
    return {
        "p50": seconds(min(row[p50] for row in rows if row[p50] is not None)),
        "p90": seconds(min(row[p90] for row in rows if row[p90] is not None)),
        "mean": seconds(sum(row[2] for row in rows) / sum(row[1] for row in rows)),
    }


def seconds(milliseconds: Any) -> float:
    """A clock that was set back in between makes no wait shorter than none."""
    return round(max(0.0, float(milliseconds)) / 1000, 1)


# -- as a table for spreadsheets ----------------------------------------------------------------------------------


def _(msgid: str) -> str:
    return msgid  # marks the text for the catalogues


HEADINGS = {
    "business_date": _("Day"),
    "queue": _("Queue code"),
    "name": _("Queue"),
    "issued": _("Issued"),
    "finished": _("Finished"),
    "no_show": _("No-show"),
    "cancelled": _("Cancelled"),
    "expired": _("Expired"),
    "wait_p50": _("Wait, median (s)"),
    "wait_p90": _("Wait, 90 % within (s)"),
    "wait_mean": _("Wait, mean (s)"),
    "walk_p50": _("To the counter, median (s)"),
    "walk_p90": _("To the counter, 90 % within (s)"),
    "walk_mean": _("To the counter, mean (s)"),
    "service_p50": _("Service, median (s)"),
    "service_p90": _("Service, 90 % within (s)"),
    "service_mean": _("Service, mean (s)"),
    "within_target": _("Share called in time"),
}


def as_csv(days: list[dict[str, Any]], heading: Callable[[str], str]) -> str:
    """A line a day, with an empty queue, and one for each of its queues. The byte order mark tells Excel that it is
    UTF-8."""
    out = StringIO()
    out.write("\ufeff")
    lines = csv.writer(out)
    lines.writerow(heading(words) for words in HEADINGS.values())
    for day in days:
        for row in ({"queue": "", "name": ""} | day, *day["by_queue"]):
            flat = row | {f"{name}_{part}": n for name in SPANS for part, n in (row[name] or {}).items()}
            names = {"business_date": day["business_date"]} | {name: harmless(row[name]) for name in ("queue", "name")}
            lines.writerow((flat | names).get(column) for column in HEADINGS)
    return out.getvalue()


def harmless(text: str) -> str:
    """A spreadsheet would compute a text that begins like a formula, be it after blanks or in full-width signs."""
    begins = unicodedata.normalize("NFKC", text).lstrip(BLANKS)
    return f"'{text}" if begins.startswith(("=", "+", "-", "@")) or text.startswith(("\t", "\r", "\n")) else text
