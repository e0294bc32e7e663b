"""Kiosks that press as soon as they have their number: figures of issuing, beside a POST that does nothing."""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bench.actors import Server
from bench.hall_day import hall_of
from bench.plan import wish
from bench.report import Figure, cpu, middle, ms, quantile, spread
from bench.servers import HOST, Onlooker, Process
from bench.wire import Http

COUNTERS = 30  # whose queues are asked for
WISHES = 200
A_TOKEN = "x" * 43  # as long as a real one; the yardstick does not look
Numbers = defaultdict[str, list[str]]
keys = (f"{time.time_ns()}-{n}" for n in itertools.count())


@dataclass
class Press:
    """Kiosks, each a connection and the address it posts to; what they ask for; the processes that serve them."""

    kiosks: list[tuple[Http, str]]
    wishes: Iterator[dict[str, Any]]
    processes: list[Process]
    numbers: Numbers  # given so far, by the address
    wrong: list[str] = field(default_factory=list)


@dataclass
class Round:
    """Some seconds of pressing: answers a second, how long each took, and the processor's shares by who used it."""

    rate: float
    waits: list[float]
    cpu: dict[str, float]


async def hall_press(servers: list[Server], processes: list[Process], kiosks: int, numbers: Numbers) -> Press:
    """Kiosks spread evenly over the halls, and those of each hall over the processes."""
    hall, chance = await hall_of(servers[0], COUNTERS), Random(1)
    wishes = itertools.cycle([wish(hall, chance) for _ in range(WISHES)])
    lines = []
    for place in range(kiosks):
        server, process = servers[place % len(servers)], processes[place // len(servers) % len(processes)]
        lines.append((Http(HOST, process.port, server.tokens["kiosk"]), server.path("/tickets")))
    return Press(lines, wishes, processes, numbers)


async def plain_press(hall: Press, yardstick: Process, kiosks: int) -> Press:
    """The same bodies and heads at the yardstick, which answers what the hall answered once."""
    kiosk, path = hall.kiosks[0]
    answer = await kiosk.post(path, next(hall.wishes), next(keys))
    hall.numbers[path].append(answer.body["number"])
    lines = [Http(HOST, yardstick.port, A_TOKEN) for _ in range(kiosks)]
    await lines[0].post("/answer", answer.body)
    return Press([(line, "/same") for line in lines], hall.wishes, [yardstick], defaultdict(list))


async def press(press: Press, seconds: float) -> Round:
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def stand(kiosk: Http, path: str) -> None:
        while time.perf_counter() < end:
            answer = await kiosk.post(path, next(press.wishes), next(keys))
            waits.append(answer.seconds)
            if answer.status == 201:
                press.numbers[path].append(answer.body["number"])
            else:
                press.wrong.append(f"issue answered {answer.status} {answer.code}")

    began, onlooker = time.perf_counter(), Onlooker(press.processes)
    await asyncio.gather(*(stand(kiosk, path) for kiosk, path in press.kiosks))
    return Round(len(waits) / (time.perf_counter() - began), waits, onlooker.shares())


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
        for kiosk, _ in one.kiosks:
            kiosk.close()


def quiet(rounds: list[Round]) -> list[Round]:
    """The half of the rounds in which others took least of the processor."""
    return sorted(rounds, key=lambda round: round.cpu["others"])[: (len(rounds) + 1) // 2]


def rate(rounds: list[Round]) -> float:
    return middle(round.rate for round in quiet(rounds))


def tail(rounds: list[Round], part: float) -> float:
    return middle(quantile(round.waits, part) for round in quiet(rounds))


def notes(name: str, rounds: list[Round]) -> str:
    waits = [wait for round in quiet(rounds) for wait in round.waits]
    rates = ", ".join(f"{round.rate:.0f}" for round in rounds)
    return f"{name}: {rates} a second; {spread(waits)}; CPU: {cpu(usual_cpu(rounds))}"


def usual_cpu(rounds: list[Round]) -> dict[str, float]:
    return {name: middle(round.cpu[name] for round in quiet(rounds)) for name in rounds[0].cpu}


def others(*sides: list[Round]) -> float:
    return max(usual_cpu(rounds)["others"] for rounds in sides)


def throughput(database: str, hall: list[Round], plain: list[Round], kiosks: int) -> Figure:
    return Figure(
        f"tickets issued/s, {kiosks} kiosks, durable",
        database,
        f"{rate(hall):.0f}/s",
        f"plain POST {rate(plain):.0f}/s",
        rate(hall) / rate(plain),
        0.5,
        others=others(hall, plain),
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
        others=others(hall, plain),
        notes=[notes("issue", hall), notes("plain POST", plain)],
    )


def two_processes(database: str, halls: str, both: list[Round], single: list[Round]) -> Figure:
    return Figure(
        f"2 processes, {halls}, 32 kiosks",
        database,
        f"{rate(both):.0f}/s",
        f"1 process {rate(single):.0f}/s",
        rate(both) / rate(single),
        1.6,
        others=others(both, single),
        notes=[notes("2 processes", both), notes("1 process", single)],
    )


def slow_disk(database: str, slow: list[Round], fast: list[Round], flushes: list[int]) -> Figure:
    issued = [sum(len(round.waits) for round in rounds) for rounds in (slow, fast)]
    return Figure(
        "issue with a 10 ms disk flush, 32 kiosks",
        database,
        f"{rate(slow):.0f}/s",
        f"fast disk {rate(fast):.0f}/s",
        rate(slow) / rate(fast),
        0.5,
        others=others(slow, fast),
        notes=[
            notes("10 ms more a flush", slow),
            notes("fast disk", fast),
            f"flushes counted: {flushes[0]} slow ones for {issued[0]} tickets, {flushes[1]} fast ones for {issued[1]}",
        ],
    )
