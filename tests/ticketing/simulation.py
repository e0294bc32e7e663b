"""A small simulated hall: Poisson arrivals, exponential services, one line, who is next by ticketing/routing.py.

One unit of time is the mean service time. Deterministic for a seed."""

import heapq
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from ticketing.routing import Place, Policy, first

UNIT = 1_000_000  # milliseconds in a mean service time, so that whole milliseconds round nothing off


@dataclass
class Visit:
    priority: str
    arrived: float
    before: int | None = None  # waiting when it came; None = it went straight to a free window
    last_wait: float = 0.0  # what the one last called had waited
    wait: float = 0.0


def visits(seed: int, count: int, servers: int, load: float, priority_share: float = 0.0) -> Iterator[tuple]:
    """(arrival, class, service) of each visit; `load` is the share of time that windows are busy."""
    dice = random.Random(seed)
    now = 0.0
    for _ in range(count):
        now += dice.expovariate(servers * load)
        yield now, ("high" if dice.random() < priority_share else "low"), dice.expovariate(1)


def run(policy: Policy, stream: Iterator[tuple], servers: int) -> list[Visit]:
    """Everybody in the order of arrival, with what they waited."""
    lines: dict[str, deque[tuple[Place, Visit, float]]] = {"high": deque(), "low": deque()}
    busy: list[float] = []  # when each working window will be free
    everybody: list[Visit] = []
    last_wait = 0.0

    def call_next(now: float) -> None:
        nonlocal last_wait
        heads = {line[0][0]: line for line in lines.values() if line}
        best = first(heads, round(now * UNIT), policy)
        if best is not None:
            _, visit, service = heads[best].popleft()
            visit.wait = last_wait = now - visit.arrived
            heapq.heappush(busy, now + service)

    for number, (arrived, priority, service) in enumerate(stream):
        while busy and busy[0] <= arrived:
            call_next(heapq.heappop(busy))
        visit = Visit(priority, arrived, last_wait=last_wait)
        everybody.append(visit)
        if len(busy) < servers:
            last_wait = 0.0
            heapq.heappush(busy, arrived + service)
            continue
        visit.before = sum(map(len, lines.values()))
        lines[priority].append((Place(str(number), priority, round(arrived * UNIT), None, number), visit, service))
    while any(lines.values()):
        call_next(heapq.heappop(busy))
    return everybody


def mean_wait(everybody: list[Visit], priority: str | None = None) -> float:
    waits = [visit.wait for visit in everybody if priority in (None, visit.priority)]
    return sum(waits) / len(waits)
