"""Who looks at which ticket on a phone, and what each has to be told. Telling them is display/push.py's."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ticketing import clock, db, history, views
from ticketing.models import Hall, HallEvent, Ticket

logger = logging.getLogger(__name__)

PHONE_SECONDS = 1.0  # a waiting line is told to its phones at most this often

Tell = Callable[[str, dict[str, Any]], None]  # ticket id, what changed


@dataclass
class Phone:
    """A ticket that somebody looks at: where it stands, and what was told last."""

    hall_id: int
    queue: str
    told: dict[str, Any] | None = None
    clients: set[str] = field(default_factory=set)


class Phones:
    """Tells each watched ticket of its own changes at once, and of its place when its line moves."""

    def __init__(self, tell: Tell, sleep: Callable[[float], None]):
        self.tell_phone = tell
        self.sleep = sleep
        self.watched: dict[str, Phone] = {}
        self.moved: set[tuple[int, str]] = set()  # (hall id, queue code): lines to be told
        self.poked = threading.Event()

    def join(self, ticket: Ticket, client: str) -> None:
        phone = self.watched.setdefault(ticket.id, Phone(ticket.hall_id, ticket.queue.code))
        phone.clients.add(client)

    def leave(self, ticket_id: str, client: str) -> None:
        phone = self.watched.get(ticket_id)
        if phone is None:
            return
        phone.clients.discard(client)
        if not phone.clients:
            del self.watched[ticket_id]

    def hear(self, hall: Hall, event: HallEvent) -> None:
        if not self.watched:
            return
        if event.ticket_id in self.watched:
            self.tell_of_itself(event.ticket_id)
        lines = {(phone.hall_id, phone.queue) for phone in self.watched.values() if phone.hall_id == hall.id}
        touched = touched_queues(event)
        self.moved |= {line for line in lines if touched is None or line[1] in touched}
        if self.moved:
            self.poked.set()

    def tell_of_itself(self, ticket_id: str) -> None:
        with db.connection():
            ticket = history.ticket(ticket_id)
            if ticket is None:
                return
            told, queue = views.ticket_changed(ticket), ticket.queue.code
        phone = self.watched.get(ticket_id)
        if phone:
            phone.queue = queue
            self.tell(ticket_id, phone, told)

    def tell(self, ticket_id: str, phone: Phone, told: dict[str, Any]) -> None:
        phone.told = told
        self.tell_phone(ticket_id, told)

    def work(self) -> None:
        while True:
            self.poked.wait()
            self.poked.clear()
            lines, self.moved = self.moved, set()
            for hall_id, queue in lines:
                try:
                    self.tell_line(hall_id, queue)
                except Exception:
                    logger.exception("phones: no word to queue %s", queue)
            self.sleep(PHONE_SECONDS)

    def tell_line(self, hall_id: int, queue: str) -> None:
        """The order of one line, computed once; only who stands elsewhere than told hears of it."""
        with db.snapshot():
            places = views.places(Hall.get_by_id(hall_id), queue, clock.now())
        for ticket_id, ahead, wait in places:
            phone = self.watched.get(ticket_id)
            told = {"state": "waiting", "ahead": ahead, "wait": wait}
            if phone and stands_elsewhere(phone.told, told):
                self.tell(ticket_id, phone, told)


def touched_queues(event: HallEvent) -> set[str] | None:
    """Queues whose line an event moved; None = any, because a counter's state changes every estimate."""
    public: dict[str, Any] = event.public or {}
    if event.type.startswith("counter."):
        return None
    return {*public.get("waiting", {}), *([public["queue"]] if "queue" in public else [])}


def stands_elsewhere(told: dict[str, Any] | None, now: dict[str, Any]) -> bool:
    """Another place, or a forecast that is another by a minute; it runs down by itself between two tellings."""
    if told is None or told["state"] != now["state"] or told["ahead"] != now["ahead"]:
        return True
    before, after = told["wait"], now["wait"]
    if before is None or after is None:
        return before is not after
    return abs(before["p50"] - after["p50"]) >= 60
