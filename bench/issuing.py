"""Kiosks that press as soon as they have their number: figures of issuing, beside a POST that does nothing."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.actors import Server
from bench.hall_day import hall_of
from bench.plan import wish
from bench.report import Figure, middle, ms, quantile, share, spread
from bench.servers import HOST, Process
from bench.wire import Http

COUNTERS = 30  # whose queues are asked for
WISHES = 200
keys = (f"{time.time_ns()}-{n}" for n in itertools.count())


@dataclass
class Press:
    """Where kiosks press: connections, the address, and what they ask for."""

    kiosks: list[Http]
    path: str
    wishes: Iterator[dict[str, Any]]
    processes: list[Process]
    numbers: list[str] = field(default_factory=list)  # given so far
    wrong: list[str] = field(default_factory=list)


@dataclass
class Round:
    """Some seconds of pressing: answers a second, how long each took, and the processor's share by who used it."""

    rate: float
    waits: list[float]
    client: float
    servers: list[float]

    def shares(self) -> str:
        servers = " + ".join(share(part) for part in self.servers)
        return f"server {servers}, client {share(self.client)} of a core"


async def hall_press(server: Server, processes: list[Process], kiosks: int) -> Press:
    """Kiosks spread evenly over the processes."""
    hall, chance = await hall_of(server, COUNTERS), Random(1)
    wishes = itertools.cycle([wish(hall, chance) for _ in range(WISHES)])
    turns = itertools.islice(itertools.cycle(processes), kiosks)
    lines = [Http(HOST, process.port, server.tokens["kiosk"]) for process in turns]
    return Press(lines, server.path("/tickets"), wishes, processes)


async def plain_press(hall: Press, yardstick: Process, kiosks: int) -> Press:
    """The same bodies and heads at the yardstick, which answers what the hall answered once."""
    answer = await hall.kiosks[0].post(hall.path, next(hall.wishes), next(keys))
    token = "x" * 43  # as long as a real one
    lines = [Http(HOST, yardstick.port, token) for _ in range(kiosks)]
    await lines[0].post("/answer", answer.body)
    hall.numbers.append(answer.body["number"])
    return Press(lines, "/same", hall.wishes, [yardstick])


async def press(press: Press, seconds: float) -> Round:
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def stand(kiosk: Http) -> None:
        while time.perf_counter() < end:
            answer = await kiosk.post(press.path, next(press.wishes), next(keys))
            waits.append(answer.seconds)
            if answer.status == 201:
                press.numbers.append(answer.body["number"])
            else:
                press.wrong.append(f"issue answered {answer.status} {answer.code}")

    began, client, before = time.perf_counter(), time.process_time(), [p.cpu for p in press.processes]
    await asyncio.gather(*(stand(kiosk) for kiosk in press.kiosks))
    took = time.perf_counter() - began
    used = [(p.cpu - cpu) / took for p, cpu in zip(press.processes, before, strict=True)]
    return Round(len(waits) / took, waits, (time.process_time() - client) / took, used)


async def alternate(presses: list[Press], rounds: int, seconds: float) -> list[list[Round]]:
    """The rounds of each, in turns, so that the machine's noise comes to all; the first half second is not counted."""
    for one in presses:
        await press(one, 0.5)
    told: list[list[Round]] = [[] for _ in presses]
    for _ in range(rounds):
        for place, one in enumerate(presses):
            told[place].append(await press(one, seconds))
    return told


def leave(*presses: Press) -> None:
    for one in presses:
        for kiosk in one.kiosks:
            kiosk.close()


def rate(rounds: list[Round]) -> float:
    return middle(round.rate for round in rounds)


def tail(rounds: list[Round], part: float) -> float:
    return middle(quantile(round.waits, part) for round in rounds)


def notes(name: str, rounds: list[Round]) -> str:
    waits = [wait for round in rounds for wait in round.waits]
    rates = ", ".join(f"{round.rate:.0f}" for round in rounds)
    return f"{name}: {rates} a second; {spread(waits)}; {middle_round(rounds).shares()}"


def middle_round(rounds: list[Round]) -> Round:
    return sorted(rounds, key=lambda round: round.rate)[len(rounds) // 2]


def throughput(database: str, hall: list[Round], plain: list[Round], kiosks: int) -> Figure:
    return Figure(
        f"tickets issued/s, {kiosks} kiosks, durable",
        database,
        f"{rate(hall):.0f}/s",
        f"plain POST {rate(plain):.0f}/s",
        rate(hall) / rate(plain),
        0.5,
        notes=[notes("issue", hall), notes("plain POST", plain)],
    )


def slowest(database: str, hall: list[Round], plain: list[Round], kiosks: int) -> Figure:
    return Figure(
        f"issue p99, {kiosks} kiosks",
        database,
        ms(tail(hall, 0.99)),
        f"plain POST {ms(tail(plain, 0.99))}",
        tail(hall, 0.99) / tail(plain, 0.99),
        3,
        at_most=True,
        notes=[notes("issue", hall), notes("plain POST", plain)],
    )
