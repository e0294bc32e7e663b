"""One counter calls, many boards listen: figures of a call's way to the screens."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.actors import Server
from bench.crowd import Crowd
from bench.issuing import A_TOKEN, keys
from bench.report import Figure, cpu, middle, ms, share, spread
from bench.servers import HOST, Onlooker, Process
from bench.wire import Answer, Http

COUNTER = 1
SETTLED_SECONDS = 1.0  # after many boards came: what was made for their arrival is freed


class Refused(Exception):
    """The server did not do what the measurement needs."""


class Desk:
    """A kiosk and one counter of a hall, to bring tickets to a call and away again."""

    def __init__(self, server: Server, process: Process):
        self.server, self.process = server, process
        self.kiosk, self.counter = server.http("kiosk"), server.http(COUNTER)
        self.queues: list[str] = []
        self.ticket = ""

    async def open(self) -> None:
        await self.act("open")
        await self.learn_queues()

    async def learn_queues(self) -> None:
        counters = (await self.kiosk.get(self.server.path(""))).body["counters"]
        self.queues = next(c["queues"] for c in counters if c["counter"] == COUNTER)

    async def act(self, verb: str, body: dict[str, Any] | None = None) -> Answer:
        path = self.server.path(f"/counters/{COUNTER}/{verb}")
        return done(verb, await self.counter.post(path, body, next(keys)))

    async def issue(self, place: int = 0) -> None:
        wish = {"queue": self.queues[place % len(self.queues)]}
        done("issue", await self.kiosk.post(self.server.path("/tickets"), wish, next(keys)))

    async def call(self) -> Answer:
        answer = await self.act("call")
        self.ticket = answer.body["id"]
        return answer

    async def send_off(self) -> None:
        await self.act("begin", {"ticket": self.ticket})
        await self.act("finish", {"ticket": self.ticket})

    def leave(self) -> None:
        self.kiosk.close()
        self.counter.close()


def done(verb: str, answer: Answer) -> Answer:
    if answer.status not in (200, 201):
        raise Refused(f"{verb} answered {answer.status} {answer.body}")
    return answer


@dataclass
class Heard:
    """Of many calls: how long until the median board had it, until the last one had, until the POST was answered."""

    median: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    fan_out_median: list[float] = field(default_factory=list)  # the yardstick's, from the emit on
    fan_out_last: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)  # share of a core that this process took, a round

    def add(self, answer: Answer, came: list[float]) -> None:
        asked = answer.asked_at + time.time() - time.perf_counter()
        self.median.append(came[len(came) // 2] - asked)
        self.last.append(came[-1] - asked)
        self.answered.append(answer.seconds)


@contextlib.contextmanager
def client_share(heard: Heard) -> Iterator[None]:
    cpu, began = time.process_time(), time.perf_counter()
    yield
    heard.client.append((time.process_time() - cpu) / (time.perf_counter() - began))


async def call_once(desk: Desk, crowd: Crowd, heard: Heard) -> None:
    crowd.forget()
    with client_share(heard):
        answer = await desk.call()
        heard.add(answer, await crowd.heard(b'"ticket.called"'))
    await desk.send_off()
    await crowd.heard(b'"ticket.finished"')


async def fan_out_once(line: Http, crowd: Crowd, heard: Heard) -> None:
    crowd.forget()
    with client_share(heard):
        answer = await line.post("/fan-out", {"counter": COUNTER})
        came = await crowd.heard(b'"ticket.called"')
    heard.add(answer, came)
    heard.fan_out_median.append(came[len(came) // 2] - answer.body["began"])
    heard.fan_out_last.append(came[-1] - answer.body["began"])


async def called_event(desk: Desk) -> dict[str, Any]:
    """What a board hears of a call, for the yardstick to send the same bytes."""
    board = desk.server.http("board")
    after = 0
    while True:
        page = (await board.get(desk.server.path(f"/events?after={after}"))).body
        for event in page["items"]:
            if event["type"] == "ticket.called":
                board.close()
                return event
        after = page["next"]


class Fan:
    """The hall and the yardstick side by side, each with as many boards."""

    def __init__(self, database: str, desk: Desk, yardstick: Process):
        self.database, self.desk, self.yardstick = database, desk, yardstick
        server = desk.server
        self.hall = Crowd(HOST, server.port, {"token": server.tokens["board"], "hall": server.hall})
        self.raw = Crowd(HOST, yardstick.port, {})
        self.line = Http(HOST, yardstick.port, A_TOKEN)

    async def prepare(self) -> None:
        await self.desk.open()
        for place in range(5):
            await self.desk.issue(place)
        await self.desk.call()
        await self.line.post("/event", await called_event(self.desk))
        await self.desk.send_off()

    async def measure(self, boards: int, rounds: int) -> Figure:
        await self.hall.grow(boards)
        await self.raw.grow(boards)
        for place in range(rounds + 1):
            await self.desk.issue(place)
        await self.one_round(Heard(), Heard(), [])
        hall, raw, plain = Heard(), Heard(), list[float]()
        onlooker = Onlooker([self.desk.process, self.yardstick])
        for _ in range(rounds):
            await self.one_round(hall, raw, plain)
        return way_to_the_boards(self.database, boards, hall, raw, plain, onlooker.shares())

    async def one_round(self, hall: Heard, raw: Heard, plain: list[float]) -> None:
        await call_once(self.desk, self.hall, hall)
        await fan_out_once(self.line, self.raw, raw)
        plain.append((await self.line.post("/same", {"counter": COUNTER}, next(keys))).seconds)

    def leave(self) -> None:
        self.hall.leave()
        self.raw.leave()
        self.line.close()
        self.desk.leave()


def way_to_the_boards(
    database: str, boards: int, hall: Heard, raw: Heard, plain: list[float], shares: dict[str, float]
) -> Figure:
    fan, post = middle(raw.fan_out_median), middle(plain)
    return Figure(
        f"call → on the median of {boards} boards",
        database,
        ms(middle(hall.median)),
        f"fan-out {ms(fan)} + plain POST {ms(post)}",
        middle(hall.median) / (fan + post),
        1.5,
        at_most=True,
        others=shares["others"],
        notes=[
            f"call → median board: {spread(hall.median)}; → last board: {spread(hall.last)}",
            f"call answered: {spread(hall.answered)}; client {share(middle(hall.client))} of a core",
            f"raw emit → median board: {spread(raw.fan_out_median)}; → last: {spread(raw.fan_out_last)}",
            f"raw POST that emits → median board: {spread(raw.median)}; → last: {spread(raw.last)};"
            f" client {share(middle(raw.client))} of a core",
            f"measured the same way on both sides, call by POST that emits: median board"
            f" {middle(hall.median) / middle(raw.median):.2f}, last board {middle(hall.last) / middle(raw.last):.2f}",
            f"CPU of it all: {cpu(shares)}",
        ],
    )


async def weigh(database: str, fan: Fan, fewer: int, boards: int) -> Figure:
    """KiB that each further board costs the process, once what its arrival took is freed."""
    await grow_and_settle(fan, fewer)
    before = fan.desk.process.memory, fan.yardstick.memory
    await grow_and_settle(fan, boards)
    hall, raw = (
        (process.memory - was) / (boards - fewer)
        for process, was in zip((fan.desk.process, fan.yardstick), before, strict=True)
    )
    return Figure(
        f"memory per connected board, {fewer} → {boards}",
        database,
        f"{hall:.0f} KiB",
        f"raw client {raw:.0f} KiB",
        hall / raw,
        1.3,
        at_most=True,
        notes=[
            f"whole process with {boards}: {fan.desk.process.memory / 1024:.0f} MiB"
            f" (with {fewer}: {before[0] / 1024:.0f}), yardstick {fan.yardstick.memory / 1024:.0f} MiB"
            f" (with {fewer}: {before[1] / 1024:.0f})"
        ],
    )


async def grow_and_settle(fan: Fan, boards: int) -> None:
    await fan.hall.grow(boards)
    await fan.raw.grow(boards)
    await asyncio.sleep(SETTLED_SECONDS)


async def calls_in_turn(desks: dict[str, Desk], rounds: int) -> tuple[dict[str, list[float]], float]:
    """How long a call takes at each desk, and what others took of a core; who is called is replaced by somebody new,
    so that as many wait."""
    waits: dict[str, list[float]] = {name: [] for name in desks}
    onlooker = Onlooker([desk.process for desk in desks.values()])
    for round in range(-3, rounds):  # the first ones are not counted
        for name, desk in desks.items():
            answer = await desk.call()
            await desk.send_off()
            await desk.issue(round)
            if round >= 0:
                waits[name].append(answer.seconds)
    return waits, onlooker.shares()["others"]


def call_there(database: str, name: str, there: list[float], calm: list[float], others: float) -> Figure:
    return Figure(
        f"call with {name}",
        database,
        ms(middle(there)),
        f"20 waiting, none behind {ms(middle(calm))}",
        middle(there) / middle(calm),
        1.3,
        at_most=True,
        others=others,
        notes=[f"call with {name}: {spread(there)}", f"calm: {spread(calm)}"],
    )
