"""The manager's acts: which counters serve what, notices, queues opened and closed by hand."""

from counter.calling import counter_of
from counter.sessions import tell_counter
from ticketing import clock
from ticketing.db import Change
from ticketing.errors import Refusal
from ticketing.lifecycle import queue_by_code
from ticketing.models import Counter, CounterQueue, Notice, Queue, Staff, Zone


def set_queues(change: Change, number: int, codes: list[str]) -> Counter:
    """The queues a counter serves, in this order; takes effect with its next call."""
    counter = counter_of(change, number)
    wanted = [queue_by_code(change, code) for code in dict.fromkeys(codes)]
    CounterQueue.delete().where(CounterQueue.counter == counter).execute()
    CounterQueue.insert_many(
        [{"counter": counter.id, "queue": queue.id, "place": place} for place, queue in enumerate(wanted)]
    ).execute()
    tell_counter(change, "counter.queues_changed", counter, {"queues": [queue.code for queue in wanted]})
    return counter


def set_queue_closed(change: Change, code: str, closed: bool) -> Queue:
    """Stop or go on giving numbers; those who wait are called all the same."""
    queue = queue_by_code(change, code)
    if queue.closed != closed:
        Queue.update(closed=closed).where(Queue.id == queue.id).execute()
        queue.closed = closed
        type = "queue.closed" if closed else "queue.opened"
        change.append(type, public={"queue": code, "waiting": {code: queue.waiting}})
    return queue


def post_notice(change: Change, text: str, zone: str | None, minutes: float | None, staff: Staff | None) -> Notice:
    where = None
    if zone is not None:
        where = Zone.get_or_none((Zone.hall == change.hall) & (Zone.code == zone))
        if where is None:
            raise Refusal("invalid", errors=[{"field": "zone", "message": zone}])
    until = None if minutes is None else change.now + int(minutes * 60_000)
    notice = Notice.create(hall=change.hall, zone=where, text=text, posted_at=change.now, until=until, posted_by=staff)
    shown = {"id": notice.id, "text": text, "zone": zone, "until": clock.rfc3339(until, change.hall.timezone)}
    change.append("notice.posted", public={"notice": shown})
    return notice


def withdraw_notice(change: Change, notice_id: int) -> Notice:
    notice = Notice.get_or_none((Notice.hall == change.hall) & (Notice.id == notice_id))
    if notice is None:
        raise Refusal("unknown_notice")
    if notice.withdrawn_at is None:
        Notice.update(withdrawn_at=change.now).where(Notice.id == notice.id).execute()
        notice.withdrawn_at = change.now
        change.append("notice.withdrawn", public={"notice": {"id": notice.id}})
    return notice
