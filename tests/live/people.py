"""Who uses a running server in these tests: a hall's devices by HTTP, boards and phones by Socket.IO."""

from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import engineio
import requests
import socketio

from door.who import make_token
from tests.live.conftest import HALL, Server
from ticketing import db
from ticketing.models import Counter, Hall
from ticketing.table import database

keys = (f"key-{number}" for number in count(1))


@contextmanager
def opened(server: Server):
    """The server's own database, for this test's process."""
    db.open_database(server.environ["DATABASE_URL"], Path(server.environ["DATA_DIR"]) / "yichuang.sqlite3")
    try:
        with database.connection_context():
            yield
    finally:
        database.close_all()


class People:
    """The demo hall's devices. Each call is one request; a verb comes under a key of its own unless one is given."""

    def __init__(self, server: Server):
        self.server = server
        self.tokens: dict[Any, str] = {}
        with opened(server), db.outermost():
            hall = Hall.get(Hall.code == HALL)
            for role in ("kiosk", "board"):
                self.tokens[role] = make_token(role, hall, None)
            for counter in Counter.select().where(Counter.hall == hall):
                self.tokens[counter.number] = make_token("counter", hall, counter)

    def post(self, who: Any, path: str, body: Any = None, key: str | None = None, server: Server | None = None):
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        headers["Idempotency-Key"] = key or next(keys)
        url = (server or self.server).api(path.replace("{hall}", f"/halls/{HALL}"))
        return requests.post(url, json=body or {}, headers=headers, timeout=20)

    def get(self, who: Any, path: str):
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return requests.get(
            self.server.api(path.replace("{hall}", f"/halls/{HALL}")), headers=headers, timeout=20
        ).json()

    def issue(self, queue: str = "general", server: Server | None = None, **wish: Any) -> dict[str, Any]:
        answer = self.post("kiosk", "{hall}/tickets", {"queue": queue, **wish}, server=server)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def at(self, counter: int, verb: str, server: Server | None = None, **body: Any) -> Any:
        answer = self.post(counter, f"{{hall}}/counters/{counter}/{verb}", body, server=server)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def log(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while True:
            page = self.get("board", f"{{hall}}/events?after={len(events)}")
            events += page["items"]
            if page["next"] is None:
                return events

    def newest(self) -> int | None:
        """The newest seq; None while the server is away."""
        try:
            return self.get("board", "{hall}/events?after=0&limit=1").get("seq")
        except requests.RequestException:
            return None

    def told(self, type: str) -> list[dict[str, Any]]:
        return [event for event in self.log() if event["type"] == type]


class InOrder(engineio.Client):
    """The library handles each message in a thread of its own, so they overtake each other; here they may not."""

    def _trigger_event(self, event, *args, **kwargs):
        kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class Client(socketio.Client):
    def _engineio_client_class(self):
        return InOrder


class Screen:
    """A board that keeps the contract's rule (§4): applies last + 1, drops older, asks `replay` on a gap, and comes
    back by itself with what it knows."""

    def __init__(self, people: People, server: Server | None = None):
        self.people = people
        self.last: int | None = None
        self.events: list[dict[str, Any]] = []
        self.connects = 0
        self.client = Client(reconnection=True, reconnection_delay=0.1, reconnection_delay_max=0.2)
        for name, handler in (
            ("connect", self.connected),
            ("snapshot", self.begin),
            ("event", self.take),
            ("heartbeat", self.check),
        ):
            self.client.on(name, handler, namespace="/board")
        self.client.connect(
            (server or people.server).url, namespaces=["/board"], auth=self.auth, transports=["websocket"]
        )

    def auth(self) -> dict[str, Any]:
        known = {} if self.last is None else {"after": self.last}
        return {"token": self.people.tokens["board"], "hall": HALL, **known}

    def connected(self) -> None:
        self.connects += 1

    def begin(self, snapshot: dict[str, Any]) -> None:
        self.last = snapshot["seq"]

    def take(self, event: dict[str, Any]) -> None:
        if self.last is None or event["seq"] > self.last + 1:
            self.ask()
        elif event["seq"] == self.last + 1:
            self.last = event["seq"]
            self.events.append(event)

    def check(self, beat: dict[str, Any]) -> None:
        if self.last is not None and beat["seq"] > self.last:
            self.ask()

    def ask(self) -> None:
        self.client.emit("replay", {"after": self.last or 0}, namespace="/board")

    def seqs(self) -> list[int]:
        return [event["seq"] for event in list(self.events)]

    def heard(self, type: str, number: str) -> bool:
        return any(event["type"] == type and event.get("number") == number for event in list(self.events))

    def close(self) -> None:
        leave(self.client)


class Phone:
    """Somebody who looks at their number."""

    def __init__(self, server: Server, ticket: str):
        self.told: list[dict[str, Any]] = []
        self.client = Client(reconnection=True, reconnection_delay=0.1, reconnection_delay_max=0.2)
        self.client.on("changed", self.told.append, namespace="/ticket")
        self.client.connect(server.url, namespaces=["/ticket"], auth={"ticket": ticket}, transports=["websocket"])

    def close(self) -> None:
        leave(self.client)


def leave(client: Client) -> None:
    # The closing handshake may take seconds; nobody waits for it.
    Thread(target=client.shutdown, daemon=True).start()
