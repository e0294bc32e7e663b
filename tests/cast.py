"""One hall and its people, as every test knows them.

Hall `hall` (Asia/Shanghai, around the clock): queues general (A), tax (D), pickup (P); counters 1 and 2 serve general,
3 serves tax and general, 9 is the pick-up window. Classes: normal 1, appointment 2, elderly 4 (verify), army 4."""

from typing import Any

from counter import calling, sessions
from counter.staff import hasher
from door.who import make_token
from tests.door.answers import hold
from ticketing import db, history, lifecycle, log
from ticketing.lifecycle import Wish
from ticketing.models import (
    TABLES,
    Bundle,
    Counter,
    CounterQueue,
    Hall,
    HallEvent,
    Item,
    PriorityClass,
    Queue,
    Staff,
    Ticket,
    Zone,
)

PASSWORD = "open sesame 1"
# One hash for everybody: argon2 is slow on purpose.
HASH = hasher.hash(PASSWORD)
CODE = "hall"
# The verbs that lead a new ticket to each state; a no-show needs `no_show_calls=1, no_show_seconds=0`.
WAY: dict[str, tuple[str, ...]] = {
    "waiting": (),
    "called": ("call",),
    "serving": ("call", "begin"),
    "held": ("call", "begin", "hold"),
    "finished": ("call", "begin", "finish"),
    "no_show": ("call", "no_show"),
    "cancelled": ("cancel",),
    "expired": ("expire",),
}
AT_ONCE = {"no_show_calls": 1, "no_show_seconds": 0}  # rules of a hall that waits for nobody


class Cast:
    """Makes the hall, and says the verbs as the tests want to read them."""

    def __init__(self) -> None:
        self.hall = Hall.create(code=CODE, name="Test hall", name_en="Test hall", rules={})
        self.zone = Zone.create(hall=self.hall, code="east", name="East")
        self.west = Zone.create(hall=self.hall, code="west", name="West")
        self.general = self.queue("general", "A", general=True, zone=self.zone)
        self.tax = self.queue("tax", "D", zone=self.west, departments=["Tax office"])
        self.pickup = self.queue("pickup", "P", zone=self.west)
        for number, queues in ((1, ["general"]), (2, ["general"]), (3, ["tax", "general"]), (9, ["pickup"])):
            self.counter(number, queues)
        for rank, (code, weight, verify) in enumerate(
            (("army", 4, False), ("elderly", 4, True), ("appointment", 2, False), ("normal", 1, False))
        ):
            PriorityClass.create(hall=self.hall, code=code, name=code, weight=weight, rank=rank, verify=verify)
        for code, queue, department in (
            ("I1", None, ""),
            ("I2", None, ""),
            ("T1", self.tax, ""),
            ("T2", None, "Tax office"),
        ):
            Item.create(
                hall=self.hall, code=code, name=f"Item {code}", department=department, queue=queue, papers=["id card"]
            )
        Bundle.create(hall=self.hall, code="B1", name="Bundle", items=["I1", "T1"])
        self.staff = {
            login: Staff.create(login=login, name=login.title(), role=role, hall=self.hall, password_hash=HASH)
            for login, role in (
                ("alice", "agent"),
                ("bob", "agent"),
                ("gina", "desk"),
                ("max", "manager"),
            )
        }
        self.staff["root"] = Staff.create(login="root", name="Root", role="admin", password_hash=HASH)

    def queue(self, code: str, prefix: str, **columns: Any) -> Queue:
        return Queue.create(hall=self.hall, code=code, name=code.title(), prefix=prefix, **columns)

    def counter(self, number: int, queues: list[str]) -> Counter:
        counter = Counter.create(hall=self.hall, number=number, name=str(number), zone=self.zone)
        for place, code in enumerate(queues):
            queue = Queue.get(Queue.hall == self.hall, Queue.code == code)
            CounterQueue.create(counter=counter, queue=queue, place=place)
        return counter

    def rules(self, **rules: Any) -> None:
        Hall.update(rules=rules).where(Hall.id == self.hall.id).execute()

    def token(self, role: str, counter: int | None = None) -> str:
        row = Counter.get(Counter.hall == self.hall, Counter.number == counter) if counter else None
        return make_token(role, self.hall, row)

    # -- verbs, each in its own transaction ----------------------------------------------------------------------

    def write(self, verb: Any) -> Any:
        return db.write(CODE, verb)

    def issue(self, queue: str | None = "general", **wish: Any) -> Ticket:
        if "items" in wish or "bundle" in wish:
            queue = None
        return self.write(lambda change: lifecycle.issue(change, Wish(channel="kiosk", queue=queue, **wish)))

    def open(self, number: int, agent: str | None = None) -> Counter:
        person = self.staff[agent] if agent else None
        return self.write(lambda change: sessions.open_counter(change, number, person))

    def call(self, number: int, ticket: str | None = None) -> Ticket | None:
        return self.write(lambda change: calling.call(change, number, ticket))

    def at_counter(self, verb: str, number: int, ticket: Ticket, *parts: Any) -> Ticket:
        return self.write(lambda change: getattr(calling, verb)(change, number, ticket.id, *parts))

    def on_ticket(self, verb: str, ticket: Ticket, *parts: Any) -> Ticket:
        return self.write(lambda change: getattr(lifecycle, verb)(change, ticket.id, *parts))

    def serving(self, number: int = 1, **wish: Any) -> Ticket:
        """A ticket that is being served at a freshly opened counter."""
        self.open(number)
        self.issue(**wish)
        ticket = self.call(number)
        return self.at_counter("begin", number, ticket)

    def led_to(self, state: str, number: int = 1, **wish: Any) -> Ticket:
        """A ticket in `state`, by the verbs that lead there, at a freshly opened counter."""
        self.open(number)
        ticket = self.issue(**wish)
        for verb in WAY[state]:
            if verb == "call":
                self.call(number, ticket.number)
            elif verb == "hold":
                self.at_counter("hold", number, ticket, "papers")
            elif verb == "finish":
                self.at_counter("finish", number, ticket, None)
            elif verb in ("cancel", "expire"):
                self.on_ticket(verb, ticket)
            else:
                self.at_counter(verb, number, ticket)
        return self.fresh(ticket)

    # -- looking -------------------------------------------------------------------------------------------------

    def fresh(self, row: Any) -> Any:
        """As it is now; a ticket wherever it is, history too."""
        found = history.ticket(row.id) if isinstance(row, Ticket) else type(row).get_by_id(row.get_id())
        assert found is not None
        return found

    def events(self) -> list[HallEvent]:
        """The whole log, history too."""
        return log.since(self.hall.id, 0, limit=100_000)

    def last(self) -> HallEvent:
        return self.events()[-1]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table: what must be the same after a refusal."""
        return {table.__name__: sorted(table.select().tuples(), key=repr) for table in TABLES}


class Door:
    """The HTTP door as everybody finds it: `door.post("/halls/hall/tickets", {"queue": "tax"}, who="kiosk")`.

    `who` is a device's role ("kiosk", "counter 1"), the login of somebody of the cast, or nobody."""

    def __init__(self, app: Any, cast: Cast) -> None:
        self.app, self.cast = app, cast
        self.kept: dict[str, tuple[Any, dict[str, str]]] = {}

    def known(self, who: str | None) -> tuple[Any, dict[str, str]]:
        """The browser or device of somebody, and the headers it sends."""
        key = who or "nobody"
        if key not in self.kept:
            self.kept[key] = self.signed_in(who) if who in self.cast.staff else self.device(who)
        return self.kept[key]

    def device(self, who: str | None) -> tuple[Any, dict[str, str]]:
        if who is None:
            return self.app.test_client(), {}
        role, _, counter = who.partition(" ")
        token = self.cast.token(role, int(counter) if counter else None)
        return self.app.test_client(), {"Authorization": f"Bearer {token}"}

    def signed_in(self, login: str) -> tuple[Any, dict[str, str]]:
        """As the sign-in leaves a browser, without argon2's tenth of a second."""
        client, person = self.app.test_client(), self.cast.staff[login]
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = f"{person.id}:{person.epoch}", True
        return client, {"X-CSRFToken": client.get("/api/v1/session").json["csrf"]}

    def ask(self, method: str, path: str, body: Any = None, who: str | None = None, **headers: str) -> Any:
        client, known = self.known(who)
        told = known | {name.replace("_", "-"): value for name, value in headers.items()}
        facts = {} if body is None else {"json": body}
        answer = client.open(f"/api/v1{path}", method=method, headers=told, **facts)
        hold(self.app, method, answer)
        return answer

    def get(self, path: str, who: str | None = None) -> Any:
        return self.ask("GET", path, who=who)

    def post(self, path: str, body: Any = None, who: str | None = None, **headers: str) -> Any:
        return self.ask("POST", path, body, who, **headers)

    def at(self, number: int, verb: str, body: Any = None, who: str | None = None, **headers: str) -> Any:
        """A verb at a counter, by its own device unless somebody else is named."""
        return self.post(f"/halls/{CODE}/counters/{number}/{verb}", body, who or f"counter {number}", **headers)

    def refused(
        self, code: str, method: str, path: str, body: Any = None, who: str | None = None, **headers: str
    ) -> Any:
        """The request is refused with this code, as a problem, and changes nothing."""
        self.known(who)
        before = self.cast.rows()
        answer = self.ask(method, path, body, who, **headers)
        assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
        assert (answer.json["code"], answer.json["status"]) == (code, answer.status_code)
        assert self.cast.rows() == before
        return answer
