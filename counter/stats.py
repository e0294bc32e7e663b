"""Today's figures, for an agent and for the manager. Durations in seconds."""

from typing import Any

from peewee import fn

from ticketing import clock, db, log
from ticketing.layout import IS_LIVE, layout_of
from ticketing.models import Counter, CounterQueue, Hall, HallEvent, Notice, Queue, Staff, Ticket, Turn
from ticketing.rules import Rules
from ticketing.status import FINISHED, SERVING, WAITING

HISTORY_STEPS, HISTORY_MS = 12, 15 * 60_000  # points a quarter apart


def figures(counter: Counter, now: int) -> dict[str, Any]:
    """Today's own figures: the agent's who sits here, else the counter's."""
    turns = Turn.select().where(Turn.counter == counter, Turn.business_date == db.today(counter.hall, now))
    if counter.agent_id:
        turns = turns.where(Turn.agent == counter.agent_id)
    rows = list(turns)
    waits = [t.called_at - t.waited_from for t in rows if t.called_at and t.waited_from is not None]
    walks = [t.begun_at - t.called_at for t in rows if t.begun_at and t.called_at]
    services = [(t.ended_at or now) - t.begun_at for t in rows if t.begun_at]
    return {
        "called": sum(t.called_at is not None for t in rows),
        "finished": sum(t.ended_by == "finish" for t in rows),
        "no_shows": sum(t.ended_by == "no_show" for t in rows),
        "wait_mean": mean(waits),
        "walk_mean": mean(walks),
        "service_mean": mean([t.ended_at - t.begun_at for t in rows if t.begun_at and t.ended_at]),
        "serving_seconds": sum(services) / 1000,
    }


def mean(milliseconds: list[int]) -> float | None:
    return round(max(0, sum(milliseconds)) / len(milliseconds) / 1000, 1) if milliseconds else None


def load(hall_code: str, now: int | None = None) -> dict[str, Any]:
    """The manager's whole picture (counter/shapes.Load), from one consistent read."""
    now = now or clock.now()
    with db.snapshot():
        hall = Hall.get(Hall.code == hall_code)
        rules = db.rules_of(hall)
        today = db.today(hall, now)
        queues = queue_loads(hall, today, now)
        counters = counter_loads(hall, today)
        return {
            "seq": log.newest(hall.id),
            "now": clock.rfc3339(now, hall.timezone),
            "headline": headline(hall, rules, today, queues, counters),
            "queues": queues,
            "counters": counters,
            "alerts": alerts(rules, queues, counters, now, hall),
            "notices": notices(hall, now),
            "rules": {
                "alert_wait_minutes": rules.alert_wait_minutes,
                "alert_waiting": rules.alert_waiting,
                "alert_service_minutes": rules.alert_service_minutes,
                "wait_target_minutes": rules.wait_target_minutes,
            },
        }


def queue_loads(hall: Hall, today: str, now: int) -> list[dict[str, Any]]:
    layout = layout_of(hall)
    zones = {zone.id: zone.code for zone in hall.zones}
    oldest = dict(
        Ticket.select(Ticket.queue, fn.MIN(Ticket.arrived_at))
        .where(Ticket.hall == hall, Ticket.business_date == today, Ticket.state == WAITING)
        .group_by(Ticket.queue)
        .tuples()
    )
    issued = counts_by_queue(hall, today)
    finished = counts_by_queue(hall, today, FINISHED)
    history = waiting_history(hall, today, layout.queues, now)
    return [
        {
            "code": queue.code,
            "name": queue.name,
            "name_en": queue.name_en,
            "prefix": queue.prefix,
            "zone": zones.get(queue.zone_id),
            "closed": queue.closed,
            "waiting": queue.waiting,
            "longest_wait": max(0, now - oldest[id]) / 1000 if id in oldest else None,
            "wait": layout.wait(queue, queue.waiting),
            "counters_open": len(layout.serving(queue)),
            "issued": issued.get(id, 0),
            "finished": finished.get(id, 0),
            "history": history[queue.code],
        }
        for id, queue in layout.queues.items()
    ]


def counts_by_queue(hall: Hall, today: str, state: str | None = None) -> dict[int, int]:
    found = Ticket.select(Ticket.queue, fn.COUNT(Ticket.id)).where(Ticket.hall == hall, Ticket.business_date == today)
    if state:
        found = found.where(Ticket.state == state)
    return dict(found.group_by(Ticket.queue).tuples())


def waiting_history(hall: Hall, today: str, queues: dict[int, Queue], now: int) -> dict[str, list[int]]:
    """The waiting count of each queue at the last eleven full quarters, and now."""
    quarter = now // HISTORY_MS
    known = past.get(hall.id)
    if known is None or known[0] != (today, quarter):
        known = past[hall.id] = ((today, quarter), counts_at_quarters(hall, today, quarter))
    counts = known[1]
    return {queue.code: [mark.get(queue.code, 0) for mark in counts] + [queue.waiting] for queue in queues.values()}


# By hall id: (business day, quarter) and the counts at the quarters before; what was does not change any more.
past: dict[int, tuple[tuple[str, int], list[dict[str, int]]]] = {}


def counts_at_quarters(hall: Hall, today: str, quarter: int) -> list[dict[str, int]]:
    """By queue code, from the log's own counts, at each of the quarters up to `quarter`, oldest first."""
    events = (
        HallEvent.select(HallEvent.at, HallEvent.public)
        .where(HallEvent.hall == hall, HallEvent.business_date == today, HallEvent.public.is_null(False))
        .order_by(HallEvent.seq)
        .tuples()
        .iterator()
    )
    known: dict[str, int] = {}
    marks: list[dict[str, int]] = []
    ends = [(quarter - back) * HISTORY_MS for back in reversed(range(HISTORY_STEPS - 1))]
    for at, public in events:
        while len(marks) < len(ends) and at > ends[len(marks)]:
            marks.append(dict(known))
        known.update(public.get("waiting") or {})
    return marks + [dict(known)] * (len(ends) - len(marks))


def counter_loads(hall: Hall, today: str) -> list[dict[str, Any]]:
    zones = {zone.id: zone.code for zone in hall.zones}
    live = {ticket.counter_id: ticket for ticket in Ticket.select().where(Ticket.hall == hall, IS_LIVE)}
    staff = {row.id: row for row in Staff.select(Staff.id, Staff.login, Staff.name)}
    finished = dict(
        Turn.select(Turn.counter, fn.COUNT(Turn.id))
        .where(Turn.hall == hall, Turn.business_date == today, Turn.ended_by == "finish")
        .group_by(Turn.counter)
        .tuples()
    )
    served: dict[int, list[str]] = {}
    rows = CounterQueue.select(CounterQueue.counter, Queue.code).join(Queue).where(Queue.hall == hall)
    for counter_id, code in rows.order_by(CounterQueue.place).tuples():
        served.setdefault(counter_id, []).append(code)
    return [
        counter_load(counter, live.get(counter.id), staff, zones, served.get(counter.id, []), finished, hall.timezone)
        for counter in Counter.select().where(Counter.hall == hall).order_by(Counter.number)
    ]


def counter_load(
    counter: Counter,
    ticket: Ticket | None,
    staff: dict[int, Staff],
    zones: dict[int, str],
    queues: list[str],
    finished: dict[int, int],
    timezone: str,
) -> dict[str, Any]:
    agent = staff.get(counter.agent_id)
    since = (ticket.begun_at or ticket.called_at) if ticket else None
    return {
        "counter": counter.number,
        "name": counter.name,
        "name_en": counter.name_en,
        "zone": zones.get(counter.zone_id),
        "kind": counter.kind,
        "state": counter.state,
        "pause_reason": counter.pause_reason,
        "since": clock.rfc3339(counter.since, timezone),
        "agent": agent.login if agent else None,
        "agent_name": agent.name if agent else None,
        "ticket": ticket.number if ticket else None,
        "ticket_state": ticket.state if ticket else None,
        "ticket_since": clock.rfc3339(since, timezone),
        "queues": queues,
        "finished": finished.get(counter.id, 0),
    }


def headline(
    hall: Hall, rules: Rules, today: str, queues: list[dict[str, Any]], counters: list[dict[str, Any]]
) -> dict[str, Any]:
    longest = [queue["longest_wait"] for queue in queues if queue["longest_wait"] is not None]
    return {
        "waiting": sum(queue["waiting"] for queue in queues),
        "longest_wait": max(longest, default=None),
        "within_target": within_target(hall, rules, today),
        "target_seconds": rules.wait_target_minutes * 60,
        "counters_open": sum(counter["state"] == "open" for counter in counters),
        "counters": len(counters),
        "issued": sum(queue["issued"] for queue in queues),
        "finished": sum(queue["finished"] for queue in queues),
    }


def within_target(hall: Hall, rules: Rules, today: str) -> float | None:
    """Share of today's calls that came within the hall's target."""
    called = Turn.select().where(
        Turn.hall == hall, Turn.business_date == today, Turn.called_at.is_null(False), Turn.waited_from.is_null(False)
    )
    total = called.count()
    if not total:
        return None
    target_ms = int(rules.wait_target_minutes * 60_000)
    return round(called.where(Turn.called_at - Turn.waited_from <= target_ms).count() / total, 3)


def alerts(
    rules: Rules, queues: list[dict[str, Any]], counters: list[dict[str, Any]], now: int, hall: Hall
) -> list[dict[str, Any]]:
    """What needs the manager now, with a counter that could help where there is one."""
    told: list[dict[str, Any]] = []
    for queue in queues:
        help_from = suggestion(queue["code"], queues, counters)
        if queue["waiting"] and not queue["counters_open"]:
            told.append(alert("not_served", queue["waiting"], 0, queue=queue["code"], suggest_counter=help_from))
            continue
        wait, limit = queue["longest_wait"] or 0, rules.alert_wait_minutes * 60
        if wait > limit:
            told.append(alert("long_wait", wait, limit, queue=queue["code"], suggest_counter=help_from))
        elif queue["waiting"] > rules.alert_waiting:
            told.append(
                alert(
                    "long_queue",
                    queue["waiting"],
                    rules.alert_waiting,
                    queue=queue["code"],
                    suggest_counter=help_from,
                )
            )
    return told + long_services(rules, now, hall)


def alert(code: str, value: float, limit: float, **about: Any) -> dict[str, Any]:
    return {"code": code, "value": value, "limit": limit, "queue": None, "counter": None, "number": None} | about


def long_services(rules: Rules, now: int, hall: Hall) -> list[dict[str, Any]]:
    limit = rules.alert_service_minutes * 60
    serving = Ticket.select().where(Ticket.hall == hall, IS_LIVE, Ticket.state == SERVING)
    return [
        alert("long_service", (now - t.begun_at) / 1000, limit, counter=t.counter.number, number=t.number)
        for t in serving
        if now - t.begun_at > limit * 1000
    ]


def suggestion(code: str, queues: list[dict[str, Any]], counters: list[dict[str, Any]]) -> int | None:
    """The open counter that does not serve this queue and has least waiting in its own, if that is less."""
    waiting = {queue["code"]: queue["waiting"] for queue in queues}
    able = [c for c in counters if c["state"] == "open" and code not in c["queues"] and c["kind"] != "guide"]
    best = min(able, key=lambda c: (sum(waiting[q] for q in c["queues"]), c["counter"]), default=None)
    if best is None or sum(waiting[q] for q in best["queues"]) >= waiting[code]:
        return None
    return best["counter"]


def notices(hall: Hall, now: int) -> list[dict[str, Any]]:
    shown = Notice.select().where(
        Notice.hall == hall, Notice.withdrawn_at.is_null(), Notice.until.is_null() | (Notice.until > now)
    )
    return [notice_view(notice) for notice in shown.order_by(Notice.id)]


def notice_view(notice: Notice) -> dict[str, Any]:
    zone = notice.hall.timezone
    return {
        "id": notice.id,
        "text": notice.text,
        "zone": notice.zone.code if notice.zone else None,
        "posted_at": clock.rfc3339(notice.posted_at, zone),
        "until": clock.rfc3339(notice.until, zone),
    }
