"""The people and devices of a hall, each on its own connection; every one writes down what it asked and heard."""

import asyncio
import itertools
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from bench.plan import Applicant
from bench.wire import Answer, Http, Lost, Socket

EVENT = b'["event",{"seq":'
LOOK_SECONDS = 3.0  # an idle counter looks by itself about this often; the board wakes it before
STRANGER_SECONDS = 5  # a ticket that nobody here knows after this is somebody else's
BUSY_CODES = ("in_progress", "busy")


@dataclass
class Server:
    host: str
    port: int
    hall: str
    tokens: dict[Any, str]  # "kiosk", "board", and each counter's number

    def path(self, rest: str) -> str:
        return f"/api/v1/halls/{self.hall}{rest}"

    def http(self, who: Any = None) -> Http:
        return Http(self.host, self.port, self.tokens.get(who, ""))


@dataclass
class Acknowledged:
    """A change the server said yes to."""

    verb: str
    number: str
    counter: int | None
    asked_at: float
    heard_at: float


@dataclass
class Notebook:
    """What all of them wrote down."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)  # (verb, code)
    broken: list[str] = field(default_factory=list)
    requests: int = 0


class Day:
    """One replayed day: its clock, its notebook, and who of the counters has nothing to do."""

    def __init__(self, server: Server, speed: float, seed: int):
        self.server, self.speed = server, speed
        self.chance = Random(seed + 1)
        self.notes = Notebook()
        self.by_ticket: dict[str, Applicant] = {}
        self.idle: dict[int, CounterAgent] = {}
        self.agents: dict[int, CounterAgent] = {}
        self.keys = (f"{seed}-{time.time_ns()}-{n}" for n in itertools.count())
        self.open = True
        self.visits = 0  # applicants who are not through yet

    async def pass_time(self, seconds: float) -> None:
        """Seconds of the hall; with no speed the day goes as fast as it can."""
        await asyncio.sleep(seconds / self.speed if self.speed else 0)

    async def change(
        self, http: Http, verb: str, path: str, body: dict[str, Any] | None = None, twice: bool = False
    ) -> Answer:
        """A change under a key; asked again when the line broke or the server was busy."""
        key = next(self.keys)
        while True:
            self.notes.requests += 1
            try:
                answer = await http.post(path, body, key)
            except (Lost, TimeoutError) as error:
                self.notes.broken.append(f"{verb}: no answer: {error!r}")
                return Answer(599, b"", 0, 0)
            if answer.code not in BUSY_CODES:
                break
        if twice:
            self.same(verb, answer, await http.post(path, body, key))
        if answer.status in (200, 201):
            self.write_down(verb, answer, path)
        elif answer.status != 204:
            self.notes.refused.append((verb, answer.code or str(answer.status)))
        return answer

    def same(self, verb: str, first: Answer, second: Answer) -> None:
        if (first.status, first.body) != (second.status, second.body):
            self.notes.broken.append(f"{verb}: the same key was answered {second.status} after {first.status}")

    def write_down(self, verb: str, answer: Answer, path: str) -> None:
        number = answer.body.get("number", "")
        counter = int(path.split("/counters/")[1].split("/")[0]) if "/counters/" in path else None
        self.notes.acknowledged.append(Acknowledged(verb, number, counter, answer.asked_at, answer.heard_at))

    def line_moved(self, waiting: dict[str, int]) -> None:
        """Somebody waits: one idle counter of that queue presses Next."""
        for queue, count in waiting.items():
            if count:
                agent = next((agent for agent in self.idle.values() if queue in agent.queues), None)
                if agent:
                    agent.wake()

    async def who_has(self, ticket: str) -> Applicant | None:
        """A counter may call a number before the kiosk has read the answer that gave it."""
        deadline = time.monotonic() + STRANGER_SECONDS
        while ticket not in self.by_ticket and time.monotonic() < deadline:
            await asyncio.sleep(0.001)
        return self.by_ticket.get(ticket)

    def through(self) -> None:
        self.visits -= 1


class CounterAgent:
    """Works one counter with its token: next, wait for the walk, begin, serve, finish."""

    def __init__(self, day: Day, number: int, queues: list[str]):
        self.day, self.number, self.queues = day, number, queues
        day.agents[number] = self
        self.http = day.server.http(number)
        self.held: deque[tuple[float, Applicant]] = deque()  # (loop time to resume at, who)
        self.called_for = asyncio.Event()

    def wake(self) -> None:
        self.day.idle.pop(self.number, None)
        self.called_for.set()

    async def act(self, verb: str, body: dict[str, Any] | None = None) -> Answer:
        path = self.day.server.path(f"/counters/{self.number}/{verb}")
        return await self.day.change(self.http, verb, path, body)

    async def work(self) -> None:
        while self.day.open or self.held:
            if self.held and self.held[0][0] <= asyncio.get_running_loop().time():
                await self.go_on(self.held.popleft()[1])
                continue
            answer = await self.act("call")
            if answer.status == 200:
                await self.attend(await self.day.who_has(answer.body["id"]), answer.body["id"])
            else:
                await self.rest()
        await self.act("close")

    async def rest(self) -> None:
        """Until somebody waits, or a held ticket is due; looks by itself now and then, but not all at one moment."""
        self.called_for.clear()
        self.day.idle[self.number] = self
        patience = LOOK_SECONDS * self.day.chance.uniform(0.5, 1.5)
        if self.held:
            patience = min(patience, self.held[0][0] - asyncio.get_running_loop().time())
        try:
            await asyncio.wait_for(self.called_for.wait(), max(0.001, patience))
        except TimeoutError:
            self.day.idle.pop(self.number, None)

    async def attend(self, who: Applicant | None, ticket: str) -> None:
        """From the call on. `who` is None for somebody else's ticket: it is served all the same."""
        if who is None:
            await self.act("begin", {"ticket": ticket})
            await self.act("finish", {"ticket": ticket})
            return
        if who.called_again or who.fate == "no_show":
            await self.day.pass_time(who.walk)
            await self.act("recall", {"ticket": ticket})
        await self.day.pass_time(who.walk)
        if who.fate == "no_show":
            await self.miss(who)
        elif (await self.act("begin", {"ticket": ticket})).status == 200:
            await self.serve(who)
        # else the applicant cancelled on the way

    async def miss(self, who: Applicant) -> None:
        answer = await self.act("no-show", {"ticket": who.ticket})
        while answer.code == "too_early":
            if answer.body.get("calls_left"):
                await self.act("recall", {"ticket": who.ticket})
            await asyncio.sleep(answer.body.get("seconds_left", 0.1))
            answer = await self.act("no-show", {"ticket": who.ticket})
        who.fate = "finish"  # if they come back
        if who.comes_back:
            asyncio.get_running_loop().create_task(come_back(self.day, who))
        else:
            self.day.through()

    async def serve(self, who: Applicant) -> None:
        await self.day.pass_time(who.service)
        fate, who.fate = who.fate, "finish"
        if fate == "transfer":
            await self.transfer(who)
        elif fate == "transfer_to_counter":
            await self.transfer_to_counter(who)
        elif fate == "hold":
            await self.hold(who)
        else:
            await self.finish(who)

    async def transfer(self, who: Applicant) -> None:
        """To another queue of this counter's own, or where that is the only one, to another counter of it."""
        queue = self.day.chance.choice(self.queues)
        place = self.day.chance.choice(("keep", "front", "tail"))
        answer = await self.act("transfer", {"ticket": who.ticket, "to": {"queue": queue}, "place": place})
        if answer.code == "same_queue":
            to = {"counter": self.number}
            await self.act("transfer", {"ticket": who.ticket, "to": to, "place": place})

    async def transfer_to_counter(self, who: Applicant) -> None:
        colleague = self.day.chance.choice(list(self.day.agents.values()))
        to = {"counter": colleague.number}
        await self.act("transfer", {"ticket": who.ticket, "to": to, "place": "keep"})
        colleague.wake()

    async def hold(self, who: Applicant) -> None:
        kind = self.day.chance.choice(("papers", "kept", "waiting"))
        await self.act("hold", {"ticket": who.ticket, "kind": kind})
        pause = 600 / self.day.speed if self.day.speed else 0
        self.held.append((asyncio.get_running_loop().time() + pause, who))

    async def go_on(self, who: Applicant) -> None:
        if (await self.act("resume-ticket", {"ticket": who.ticket})).status == 200:
            await self.day.pass_time(who.service / 2)
            await self.finish(who)

    async def finish(self, who: Applicant) -> None:
        await self.act("finish", {"ticket": who.ticket})
        self.day.through()


async def come_back(day: Day, who: Applicant) -> None:
    """A missed applicant returns to the kiosk some minutes later."""
    await day.pass_time(300)
    http = day.server.http("kiosk")
    await day.change(http, "reinstate", day.server.path(f"/tickets/{who.ticket}/reinstate"))
    http.close()


async def visit(day: Day, kiosk: Http, who: Applicant, phones: "Phones") -> None:
    """An applicant takes a number, perhaps looks at it on the phone, perhaps gives it up."""
    answer = await day.change(kiosk, "issue", day.server.path("/tickets"), who.wish, who.asks_twice)
    if answer.status != 201:
        day.through()
        return
    who.ticket, who.number = answer.body["id"], answer.body["number"]
    day.by_ticket[who.ticket] = who
    if phones.free:
        phones.free -= 1
        asyncio.get_running_loop().create_task(phones.follow(who.ticket))
    if who.fate in ("cancel", "postpone"):
        await day.pass_time(who.patience)
        await (give_up if who.fate == "cancel" else stay_away)(day, who)


async def give_up(day: Day, who: Applicant) -> None:
    http = day.server.http()
    answer = await day.change(http, "cancel", f"/api/v1/tickets/{who.ticket}/cancel")
    http.close()
    if answer.status == 200:
        day.through()
    else:
        who.fate = "finish"


async def stay_away(day: Day, who: Applicant) -> None:
    """Somebody will not be back in time and lets two others go first."""
    http = day.server.http()
    await day.change(http, "postpone", f"/api/v1/tickets/{who.ticket}/postpone", {"places": 2})
    http.close()


class Board:
    """A screen: applies seq = last + 1, drops what it has, asks `replay` on a gap (contract §4)."""

    def __init__(self, server: Server, day: Day | None = None):
        self.server, self.day = server, day
        self.first: int | None = None  # seq of the snapshot it began with
        self.last = 0
        self.came: dict[int, float] = {}  # seq: when it was applied
        self.marks = array("q")  # hash of each event's text, in the order of applying
        self.events: list[dict[str, Any]] = []  # only where a day listens
        self.gaps = self.repeats = self.restarts = 0
        self.socket: Socket | None = None
        self.asked_after = -1

    async def connect(self) -> None:
        auth: dict[str, Any] = {"token": self.server.tokens["board"], "hall": self.server.hall}
        if self.first is not None:
            auth["after"] = self.last
        self.socket = await Socket.open(self.server.host, self.server.port, "/board", auth, self.hear)

    async def restart(self) -> None:
        """The cable is pulled; it comes back knowing what it has."""
        self.restarts += 1
        if self.socket:
            self.socket.close()
            await self.socket.lost
        self.asked_after = -1
        await self.connect()

    def hear(self, text: bytes, now: float) -> None:
        if text.startswith(EVENT):
            self.take(int(text[len(EVENT) : text.index(b",", len(EVENT))]), text, now)
            return
        name, what = orjson.loads(text)
        if name == "snapshot":
            self.first = self.last = what["seq"]
        elif name == "event":
            self.take(what["seq"], text, now)
        elif name == "heartbeat" and what["seq"] > self.last:
            self.ask_missed()

    def take(self, seq: int, text: bytes, now: float) -> None:
        if seq <= self.last:
            self.repeats += 1
        elif seq > self.last + 1:
            self.gaps += 1
            self.ask_missed()
        else:
            self.last = seq
            self.came[seq] = now
            self.marks.append(hash(text))
            if self.day:
                self.show(orjson.loads(text)[1])

    def show(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if self.day and event.get("waiting"):
            self.day.line_moved(event["waiting"])

    def ask_missed(self) -> None:
        if self.asked_after != self.last and self.socket:
            self.asked_after = self.last
            self.socket.emit("replay", {"after": self.last})


class Phones:
    """At most so many phones at once; each follows one ticket until its visit ends, then lets another in."""

    ENDED = ("finished", "no_show", "cancelled", "expired")

    def __init__(self, server: Server, free: int):
        self.server, self.free = server, free
        self.most = free
        self.heard: dict[str, list[tuple[float, dict[str, Any]]]] = {}  # ticket: (when, what it was told)
        self.sockets: set[Socket] = set()

    async def follow(self, ticket: str) -> None:
        told = self.heard.setdefault(ticket, [])
        ended = asyncio.Event()

        def hear(text: bytes, now: float) -> None:
            name, what = orjson.loads(text)
            if name == "changed":
                told.append((now, what))
                if what["state"] in self.ENDED:
                    ended.set()

        socket = await Socket.open(self.server.host, self.server.port, "/ticket", {"ticket": ticket}, hear)
        self.sockets.add(socket)
        await ended.wait()
        self.sockets.discard(socket)
        socket.close()
        self.free += 1
