"""A loaded day that goes on whatever happens: kiosks and counters that ask again under the same key until they are
answered, and boards that come back by themselves. They live on an event loop in a thread of their own, so that a test
can break things meanwhile."""

import asyncio
import itertools
import time
from collections import Counter as Tally
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from threading import Thread
from typing import Any

import orjson

from bench.actors import Acknowledged
from bench.wire import Answer, Http, Lost, Socket
from tests.live.conftest import HALL, Server, until
from tests.live.people import People

KIOSKS, COUNTERS = 3, (1, 2, 11, 24)  # these serve the general queue
THINK_SECONDS = 0.02  # between two acts of one of them
AGAIN_SECONDS = 0.1  # before the same is asked again
AWAY = ("busy", "in_progress", "no_storage")  # refusals that mean: ask again

# A board's patience, as in static/js/feed.js.
SILENCE_SECONDS, CONNECT_SECONDS, BUSY_SECONDS, RETRY_SECONDS = 15.0, 6.0, 2.0, (0.25, 1.5)

Place = tuple[str, int]  # host and port


def place_of(server: Server) -> Place:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


class Loop:
    """An event loop in a thread; `enter` is called there first."""

    def __init__(self, enter: Callable[[], None] = lambda: None):
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.turn, args=(enter,), daemon=True)
        self.thread.start()
        self.tasks: list[Any] = []

    def turn(self, enter: Callable[[], None]) -> None:
        enter()
        self.loop.run_forever()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.run_coroutine_threadsafe(work, self.loop))

    def look(self) -> None:
        """A task that ended by a fault of its own is a fault of the test."""
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    def leave(self) -> None:
        async def end() -> None:
            mine = asyncio.all_tasks() - {asyncio.current_task()}
            for task in mine:
                task.cancel()
            await asyncio.wait(mine, timeout=5) if mine else None
            self.loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(10)


class Cable(Socket):
    """Known to its board from the first byte on, so that it is pulled when nothing comes of it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.hear.__self__.socket = self  # type: ignore[attr-defined]
        self.connected.add_done_callback(lambda done: done.cancelled() or done.exception())


class Board:
    """A screen that keeps the contract's rule (§4), and comes back by itself with what it knows. It is given every
    process's address, and takes the next when one does not answer."""

    words: dict[bytes, bytes] = {}  # a thousand boards hear the same: it is kept once

    def __init__(self, token: str, places: Sequence[Place], seed: int = 0):
        self.token = token
        self.places = itertools.cycle(places)
        self.place = next(self.places)
        self.chance = Random(seed)
        self.first: int | None = None  # seq of the snapshot it began with
        self.last = 0
        self.texts: list[bytes] = []  # every event since, as it came
        self.arrivals = self.refusals = self.failures = self.gaps = 0
        self.heard_at = 0.0
        self.asked_after = -1
        self.socket: Socket | None = None

    async def watch(self) -> None:
        while True:
            try:
                await self.connect()
                await self.listen()
            except Lost as refused:
                self.refusals += 1
                if '"code"' in str(refused):  # our server's own word; else the line broke
                    await asyncio.sleep(BUSY_SECONDS)
            except (OSError, TimeoutError):
                self.failures += 1
            if self.socket:
                self.socket.transport.abort()
            self.place = next(self.places)
            await asyncio.sleep(self.chance.uniform(*RETRY_SECONDS))

    async def connect(self) -> None:
        known = {} if self.first is None else {"after": self.last}
        auth = {"token": self.token, "hall": HALL, **known}
        self.socket, self.heard_at, self.asked_after = None, time.monotonic(), -1
        await asyncio.wait_for(Cable.open(*self.place, "/board", auth, self.hear), CONNECT_SECONDS)
        self.arrivals += 1

    async def listen(self) -> None:
        assert self.socket
        while time.monotonic() - self.heard_at < SILENCE_SECONDS and not self.socket.lost.done():
            await asyncio.wait([self.socket.lost], timeout=1.0)

    def hear(self, text: bytes, now: float) -> None:
        self.heard_at = time.monotonic()
        name, what = orjson.loads(text) if not text.startswith(b'["event"') else ("event", None)
        if name == "snapshot":
            self.first = self.last = what["seq"]
            self.texts = []
        elif name == "heartbeat" and what["seq"] > self.last:
            self.ask_missed()
        elif name == "event":
            self.take(int(text[text.index(b":") + 1 : text.index(b",", 9)]), text)

    def take(self, seq: int, text: bytes) -> None:
        if seq > self.last + 1:
            self.gaps += 1
            self.ask_missed()
        elif seq == self.last + 1:
            self.last = seq
            self.texts.append(self.words.setdefault(text, text))

    def ask_missed(self) -> None:
        if self.asked_after != self.last and self.socket:
            self.asked_after = self.last
            self.socket.emit("replay", {"after": self.last})


class Day:
    def __init__(
        self,
        people: People,
        servers: Sequence[Server],
        kiosks: int = KIOSKS,
        boards: int = 3,
        think: float = THINK_SECONDS,
    ):
        self.people, self.servers, self.think = people, servers, think
        self.keys = (f"day-{n}" for n in itertools.count())
        self.acknowledged: list[Acknowledged] = []
        self.refused: Tally[str] = Tally()  # codes that meant: again
        self.unanswered = 0
        self.wrong: list[str] = []
        self.open = True
        self.loop = Loop()
        self.loops = [self.loop]
        self.boards: list[Board] = []
        self.working = 0
        for counter in COUNTERS:
            people.at(counter, "open")
        self.add_boards(boards)
        for place in range(kiosks):
            self.loop.begin(self.work(self.take_numbers, "kiosk", place))
        for place, counter in enumerate(COUNTERS):
            self.loop.begin(self.work(self.serve, counter, place))

    def places(self, start: int = 0) -> list[Place]:
        known = [place_of(server) for server in self.servers]
        return known[start % len(known) :] + known[: start % len(known)]

    def add_boards(self, count: int, loop: Loop | None = None) -> list[Board]:
        """Spread over the processes; all of them have their snapshot on return."""
        if loop and loop not in self.loops:
            self.loops.append(loop)
        token = self.people.tokens["board"]
        new = [Board(token, self.places(n), seed=n) for n in range(count)]
        self.boards += new
        for board in new:
            (loop or self.loop).begin(board.watch())
        until(lambda: all(board.first is not None for board in new), f"{count} boards to be there")
        return new

    # -- who works -------------------------------------------------------------------------------------------------

    async def work(self, act: Callable[[list[Http], Any], Coroutine[Any, Any, None]], who: Any, place: int) -> None:
        self.working += 1
        https = [Http(host, port, self.people.tokens[who]) for host, port in self.places(place)]
        try:
            while self.open:
                await act(https, who)
                await asyncio.sleep(self.think)
        finally:
            self.working -= 1
            for http in https:
                http.close()

    async def take_numbers(self, https: list[Http], who: Any) -> None:
        await self.ask(https, "issue", "/tickets", {"queue": "general"})

    async def serve(self, https: list[Http], counter: int) -> None:
        at = f"/counters/{counter}"
        ticket = await self.ask(https, "call", f"{at}/call", {}, counter)
        if ticket is None:
            return
        for verb in ("begin", "finish"):
            await asyncio.sleep(self.think)
            await self.ask(https, verb, f"{at}/{verb}", {"ticket": ticket["id"]}, counter)

    async def ask(self, https: list[Http], verb: str, path: str, body: Any, counter: int | None = None) -> Any:
        """Until it is answered, always under the same key. Whoever had to ask again asks once more, which must change
        nothing."""
        key, asked_at, trouble = next(self.keys), time.perf_counter(), self.trouble()
        answer = await self.answered(https, path, body, key)
        if trouble != self.trouble() and answer.status in (200, 201):
            again = await self.answered(https, path, body, key)
            if (again.status, again.body) != (answer.status, answer.body):
                self.wrong.append(f"{verb} under {key}: {again.status} {again.body} after {answer.body}")
        if answer.status in (200, 201):
            number = answer.body["number"]
            self.acknowledged.append(Acknowledged(verb, number, counter, asked_at, answer.heard_at))
            return answer.body
        if answer.status != 204:  # nobody waits
            self.wrong.append(f"{verb} under {key}: {answer.status} {answer.code}")
        return None

    def trouble(self) -> int:
        return self.unanswered + self.refused.total()

    async def answered(self, https: list[Http], path: str, body: Any, key: str) -> Answer:
        """The next process is asked when one does not answer."""
        while True:
            try:
                answer = await https[0].post(f"/api/v1/halls/{HALL}{path}", body, key)
            except (OSError, TimeoutError):
                self.unanswered += 1
                https[0].close()
                https[0].answers = None
                https.append(https.pop(0))
            else:
                if answer.code not in AWAY:
                    return answer
                self.refused[answer.code] += 1
            await asyncio.sleep(AGAIN_SECONDS)

    # -- what a test does ------------------------------------------------------------------------------------------

    def goes_on(self, acts: int = 10) -> None:
        """Wait until so many more are done."""
        goal = len(self.acknowledged) + acts
        until(lambda: len(self.acknowledged) >= goal, f"{acts} more acknowledged", self.state)

    def state(self) -> str:
        boards = Tally((board.last, board.arrivals, board.refusals, board.failures) for board in self.boards)
        again = f"asked again after {self.refused} and {self.unanswered} lost answers"
        told = f"boards by seq, arrivals, refusals, failures: {boards.most_common(9)}"
        return f"{len(self.acknowledged)} done, {again}; {told}"

    def converged(self, boards: Sequence[Board] = ()) -> float:
        """Seconds from now until each board shows all that is in the log now, while the day goes on."""
        began, newest = time.monotonic(), self.newest()
        watched = boards or self.boards
        until(lambda: all(board.last >= newest for board in watched), "the boards to converge", self.state)
        return time.monotonic() - began

    def newest(self) -> int:
        return until(lambda: self.people.newest(), "the log")

    def close(self) -> None:
        """Nobody begins anything more; what is begun comes to its end."""
        self.open = False
        until(lambda: self.working == 0, "the day to end", self.state)

    def leave(self) -> None:
        self.open = False
        for loop in self.loops:
            loop.leave()
        self.loop.look()
