"""What a board shows: one consistent read (`snapshot`), and an event merged into it (`apply`, pure).

For every verb apply(snapshot before, its events) == snapshot after: tests/display/test_apply.py."""

import time
from collections.abc import Iterator
from typing import Any

from ticketing import clock, db, log
from ticketing.errors import Refusal
from ticketing.layout import IS_LIVE
from ticketing.log import SPOKEN
from ticketing.models import Counter, CounterQueue, Hall, HallEvent, Notice, Queue, Ticket, Zone
from ticketing.status import SERVING

CALLS = 24  # calls a board is told of
CALL_FIELDS = (
    *("seq", "at", "type", "number", "counter", "counter_name", "zone", "queue"),
    *("speech", "spoken", "audio", "speak_until", "business_date"),
)
PAGE = 500
KEEP_SECONDS = 5  # set-up changes and the end of a notice have no event: they show after this at the latest

Board = dict[str, Any]

# hall code: (what it was read at, when, the board); many boards that come back at once cost one read.
kept: dict[str, tuple[tuple[int, int], float, Board]] = {}


# -- events onto a board: pure -----------------------------------------------------------------------


def apply(board: Board, event: dict[str, Any]) -> Board:
    """The board after a public event; a tick only moves its seq."""
    after = board | {"seq": event["seq"], "at": event.get("at", board["at"])}
    if event["type"] in SPOKEN:
        after["calls"] = with_call(board["calls"], event)
    elif event["type"] == "day.closed":
        today = event["business_date"]
        after |= {"business_date": today, "calls": [c for c in board["calls"] if c["business_date"] == today]}
    elif event["type"] == "notice.posted":
        after["notices"] = [*without_notice(board, event), event["notice"]]
    elif event["type"] == "notice.withdrawn":
        after["notices"] = without_notice(board, event)
    if event.get("waiting"):
        after["waiting"] = board["waiting"] | event["waiting"]
    if event.get("counter_now"):
        after["counters"] = [with_now(counter, event) for counter in board["counters"]]
    return after


def with_call(calls: list[dict[str, Any]], event: dict[str, Any]) -> list[dict[str, Any]]:
    others = [call for call in calls if call["number"] != event["number"]]
    return [as_call(event), *others][:CALLS]


def as_call(event: dict[str, Any]) -> dict[str, Any]:
    return {field: event[field] for field in CALL_FIELDS if field in event}


def without_notice(board: Board, event: dict[str, Any]) -> list[dict[str, Any]]:
    return [notice for notice in board["notices"] if notice["id"] != event["notice"]["id"]]


def with_now(counter: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    now = event["counter_now"]
    if counter["counter"] != now["counter"]:
        return counter
    changed = {"queues": event["queues"]} if "queues" in event else {}
    return counter | changed | {field: now[field] for field in ("state", "number", "serving")}


# -- one consistent read ------------------------------------------------------------------------------


def snapshot(hall_code: str) -> Board:
    with db.snapshot():
        hall = Hall.get_or_none(Hall.code == hall_code)
        if hall is None:
            raise Refusal("unknown_hall")
        head = (hall.last_seq, newest_at(hall))
        known = kept.get(hall_code)
        if known and known[0] == head and time.monotonic() - known[1] < KEEP_SECONDS:
            return known[2]
        board = read(hall)
    kept[hall_code] = (head, time.monotonic(), board)
    return board


def newest_at(hall: Hall) -> int:
    """With the seq it tells a restored log from the one known: the same seq was written at another time."""
    event = HallEvent.get_or_none((HallEvent.hall == hall) & (HallEvent.seq == hall.last_seq))
    return event.at if event else 0


def read(hall: Hall) -> Board:
    now = clock.now()
    today = db.today(hall, now)
    zones = {zone.id: zone for zone in Zone.select().where(Zone.hall == hall).order_by(Zone.place, Zone.id)}
    queues = list(Queue.select().where(Queue.hall == hall).order_by(Queue.place, Queue.id))
    codes = {zone.id: zone.code for zone in zones.values()}
    return {
        "hall": hall.code,
        "name": hall.name,
        "name_en": hall.name_en,
        "timezone": hall.timezone,
        "business_date": today,
        "seq": hall.last_seq,
        "at": clock.rfc3339(now, hall.timezone),
        "zones": [{"code": z.code, "name": z.name, "name_en": z.name_en} for z in zones.values()],
        "queues": [
            {
                "code": q.code,
                "name": q.name,
                "name_en": q.name_en,
                "prefix": q.prefix,
                "zone": codes.get(q.zone_id),
            }
            for q in queues
        ],
        "counters": counters(hall, codes),
        "calls": calls(hall, today),
        "waiting": {queue.code: queue.waiting for queue in queues},
        "notices": notices(hall, codes, now),
        "speak_times": db.rules_of(hall).speak_times,
    }


def counters(hall: Hall, zones: dict[int, str]) -> list[dict[str, Any]]:
    live = Ticket.select(Ticket.counter, Ticket.number, Ticket.state).where(Ticket.hall == hall, IS_LIVE)
    in_hand = {counter: (number, state) for counter, number, state in live.tuples()}
    served = queues_served(hall)
    rows = []
    for counter in Counter.select().where(Counter.hall == hall).order_by(Counter.number):
        number, state = in_hand.get(counter.id, (None, None))
        rows.append(
            {
                "counter": counter.number,
                "name": counter.name,
                "name_en": counter.name_en,
                "zone": zones.get(counter.zone_id),
                "kind": counter.kind,
                "state": counter.state,
                "number": number,
                "serving": state == SERVING,
                "queues": served.get(counter.id, []),
            }
        )
    return rows


def queues_served(hall: Hall) -> dict[int, list[str]]:
    rows = (
        CounterQueue.select(CounterQueue.counter, Queue.code)
        .join(Queue)
        .where(Queue.hall == hall)
        .order_by(CounterQueue.place, CounterQueue.id)
        .tuples()
    )
    served: dict[int, list[str]] = {}
    for counter, code in rows:
        served.setdefault(counter, []).append(code)
    return served


def calls(hall: Hall, today: str) -> list[dict[str, Any]]:
    """The newest call or recall of each number since the day began, newest first."""
    found: dict[str, dict[str, Any]] = {}
    for seq in called_backwards(hall, today):
        event = HallEvent.get((HallEvent.hall == hall) & (HallEvent.seq == seq))
        found.setdefault(event.public["number"], as_call(log.as_public(event, hall)))
        if len(found) == CALLS:
            break
    return list(found.values())


def called_backwards(hall: Hall, today: str) -> Iterator[int]:
    """Seqs of today's calls, newest first: the log is read from its end by pages, never beyond today."""
    before = hall.last_seq + 1
    while True:
        page = list(
            HallEvent.select(HallEvent.seq, HallEvent.type, HallEvent.business_date)
            .where(HallEvent.hall == hall, HallEvent.seq < before)
            .order_by(HallEvent.seq.desc())
            .limit(PAGE)
            .tuples()
        )
        for seq, type, date in page:
            if date != today:
                return
            if type in SPOKEN:
                yield seq
        if len(page) < PAGE:
            return
        before = page[-1][0]


def notices(hall: Hall, zones: dict[int, str], now: int) -> list[dict[str, Any]]:
    rows = Notice.select().where(
        Notice.hall == hall, Notice.withdrawn_at.is_null(), Notice.until.is_null() | (Notice.until > now)
    )
    return [
        {
            "id": notice.id,
            "text": notice.text,
            "zone": zones.get(notice.zone_id),
            "until": clock.rfc3339(notice.until, hall.timezone),
        }
        for notice in rows.order_by(Notice.id)
    ]
