"""How a hall stands at this moment: its queues, which open counters serve them, which of those are free."""

from dataclasses import dataclass, field

from peewee import SQL

from ticketing.estimate import servers_for, wait_range
from ticketing.models import Hall, Queue
from ticketing.table import rows

# Written out, not bound: only then does SQLite see that the partial indexes on these tickets answer it.
IS_LIVE = SQL("state IN ('called', 'serving')")
IS_HELD = SQL("state = 'held'")
OPEN_COUNTERS = """SELECT counter.id, counter.number, counter.name, counter.name_en, counter_queue.queue_id, ticket.id
    FROM counter JOIN counter_queue ON counter_queue.counter_id = counter.id
    LEFT JOIN ticket ON ticket.counter_id = counter.id AND ticket.state IN ('called', 'serving')
    WHERE counter.hall_id = ? AND counter.state = 'open' ORDER BY counter.number, counter_queue.place"""


@dataclass
class OpenCounter:
    id: int
    number: int
    name: str
    name_en: str
    queues: list[str] = field(default_factory=list)


@dataclass
class Layout:
    queues: dict[int, Queue]
    open_counters: list[OpenCounter]
    busy: set[int]  # ids of open counters with a live ticket

    def queue(self, queue_id: int) -> Queue:
        return self.queues[queue_id]

    def by_code(self, code: str) -> Queue | None:
        return next((queue for queue in self.queues.values() if queue.code == code), None)

    def serving(self, queue: Queue) -> list[OpenCounter]:
        return [counter for counter in self.open_counters if queue.code in counter.queues]

    def wait(self, queue: Queue, ahead: int) -> dict[str, float] | None:
        """Seconds until called, {p50, p90}, with so many ahead; None when no open counter serves the queue."""
        waiting = {other.code: other.waiting for other in self.queues.values()}
        servers = servers_for(queue.code, waiting, (counter.queues for counter in self.open_counters))
        idle = sum(counter.id not in self.busy for counter in self.serving(queue))
        return wait_range(ahead, servers, idle, service_seconds(queue))


def service_seconds(queue: Queue) -> float:
    return queue.usual_minutes * 60 if queue.service_ms is None else queue.service_ms / 1000


def layout_of(hall: Hall) -> Layout:
    queues = {queue.id: queue for queue in Queue.of_hall(hall)}
    counters: dict[int, OpenCounter] = {}
    busy = set()
    for id, number, name, name_en, queue_id, ticket in rows(OPEN_COUNTERS, hall.id):
        if ticket is not None:
            busy.add(id)
        counters.setdefault(id, OpenCounter(id, number, name, name_en)).queues.append(queues[queue_id].code)
    return Layout(queues, list(counters.values()), busy)
