"""The figures of `make bench`: each beside a yardstick, measured in turns with it on the same machine."""

import argparse
import asyncio
import contextlib
import gc
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import calling, filling, flushing, issuing
from bench.calling import Desk, Fan, Refused
from bench.crowd import Missed
from bench.promises import numbers_whole
from bench.report import Figure, circumstances, markdown
from bench.servers import DEMO, Place, Process, addresses, execute, place_at


@dataclass(frozen=True)
class Scale:
    """How long and how often."""

    seconds: float = 2.0  # of a round of pressing
    rounds: int = 6
    calls: int = 40
    behind: int = 1_000_000  # tickets finished on days before
    today: int = 20_000  # and today


QUICK = Scale(1.0, 2, 10, 50_000, 5_000)


@dataclass
class Bench:
    """One database's run: what came out, what was broken."""

    database: str
    scale: Scale
    figures: list[Figure] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    logs: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory)

    def place(self, name: str, halls: tuple[str, ...] = (DEMO,)) -> contextlib.AbstractContextManager[Place]:
        return place_at(*addresses(self.database, name), halls)

    @contextlib.contextmanager
    def running(self, place: Place, name: str = "server", **environ: str) -> Iterator[Process]:
        process = place.start(name, **environ)
        try:
            process.wait_until_ready()
            yield process
        finally:
            process.stop()
            self.broken += [f"{self.database}: the server warned: {line}" for line in process.warnings()[:3]]

    @contextlib.contextmanager
    def yardstick(self) -> Iterator[Process]:
        process = Process([sys.executable, "-m", "bench.yardstick"], Path(self.logs.name) / "yardstick.log", {})
        try:
            process.wait_until_ready("/ready")
            yield process
        finally:
            process.stop()

    def tell(self, figure: Figure) -> None:
        self.figures.append(figure)
        figure.tell()

    def check(self, numbers: issuing.Numbers, *presses: issuing.Press) -> None:
        """Nobody was refused, no number twice, no gap."""
        self.broken += [wrong for press in presses for wrong in press.wrong]
        for given in numbers.values():
            self.broken += numbers_whole(given)


# -- the figures --------------------------------------------------------------------------------------------------


async def issue(bench: Bench) -> None:
    """Tickets a second at 32 kiosks, and the slowest of a hundred at 8."""
    scale = bench.scale
    with bench.place("issue") as place, bench.running(place) as process, bench.yardstick() as plain:
        for kiosks, tell in ((32, issuing.throughput), (8, issuing.slowest)):
            hall = await issuing.hall_press([place.server(process)], [process], kiosks, defaultdict(list))
            raw = await issuing.plain_press(hall, plain, kiosks)
            ours, theirs = await issuing.alternate([hall, raw], scale.rounds, scale.seconds)
            bench.tell(tell(bench.database, ours, theirs, kiosks))
            issuing.leave(hall, raw)
            bench.check(hall.numbers, hall)


async def boards(bench: Bench) -> None:
    """A call's way to 20, 200 and 1,000 boards; what a board costs in memory."""
    with bench.place("boards") as place, bench.running(place) as process, bench.yardstick() as plain:
        fan = Fan(bench.database, Desk(place.server(process), process), plain)
        await fan.prepare()
        for count in (20, 200):
            bench.tell(await fan.measure(count, bench.scale.calls))
        bench.tell(await calling.weigh(bench.database, fan, 200, 1000))
        bench.tell(await fan.measure(1000, bench.scale.calls))
        fan.leave()


CALM = "calm"
WAITING = 20


async def size(bench: Bench) -> None:
    """A call where many wait, and where many tickets lie behind, in turns with one in a calm hall."""
    before, today = bench.scale.behind, bench.scale.today
    halls: dict[str, Callable[[], None]] = {
        CALM: lambda: None,
        "2,000 waiting": lambda: filling.add_waiting(DEMO, 2000 - WAITING),
        f"{before:,} finished on days before": lambda: filling.add_finished(DEMO, before, today=False),
        f"{today:,} finished today": lambda: filling.add_finished(DEMO, today, today=True),
    }
    with contextlib.ExitStack() as stack:
        desks = {}
        for number, (name, fill) in enumerate(halls.items()):
            desks[name] = await desk_in(bench, stack, number, name, fill)
        waits, others = await calling.calls_in_turn(desks, bench.scale.calls * 3)
        for name in list(desks)[1:]:
            bench.tell(calling.call_there(bench.database, name, waits[name], waits[CALM], others))
        for desk in desks.values():
            desk.leave()


async def desk_in(bench: Bench, stack: contextlib.ExitStack, number: int, name: str, fill: Callable[[], None]) -> Desk:
    """A desk in a hall of its own, filled while its server is down."""
    place = stack.enter_context(bench.place(f"size{number}"))
    with bench.running(place, "before") as process:
        await some_waiting(Desk(place.server(process), process))
    began = time.monotonic()
    with place.opened():
        fill()
    print(f"{name} [{bench.database}]: filled in {time.monotonic() - began:.0f} s", flush=True)
    process = stack.enter_context(bench.running(place))
    desk = Desk(place.server(process), process)
    await desk.learn_queues()
    return desk


async def some_waiting(desk: Desk) -> None:
    """And one who was served, and can be copied."""
    await desk.open()
    for place in range(WAITING + 1):
        await desk.issue(place)
    await desk.call()
    await desk.send_off()
    desk.leave()


async def processes(bench: Bench) -> None:
    """Tickets a second by one process and by two, for one hall (whose writes take turns) and for two."""
    numbers: issuing.Numbers = defaultdict(list)
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(bench.place("processes", (DEMO, "second")))
        one, two = (stack.enter_context(bench.running(place, name)) for name in ("one", "two"))
        servers = [place.server(one, hall) for hall in place.halls]
        kinds = [(halls, running) for halls in (servers[:1], servers) for running in ([one], [one, two])]
        presses = [await issuing.hall_press(halls, running, 32, numbers) for halls, running in kinds]
        told = await issuing.alternate(presses, bench.scale.rounds, bench.scale.seconds)
        issuing.leave(*presses)
    bench.tell(issuing.two_processes(bench.database, "one hall", told[1], told[0]))
    bench.tell(issuing.two_processes(bench.database, "two halls", told[3], told[2]))
    bench.check(numbers, *presses)


FLUSH_MS = 10


async def flush(bench: Bench) -> None:
    """Issuing where each flush takes 10 ms more, beside the same without."""
    presses, disks = [], []
    with contextlib.ExitStack() as stack:
        for more in (FLUSH_MS, 0):
            disk = stack.enter_context(flushing.disk(more))
            url, redis = addresses(bench.database, "flush")
            if url:
                url = stack.enter_context(flushing.postgres(disk))
            place = stack.enter_context(place_at(url, redis))
            process = stack.enter_context(bench.running(place, **({} if url else disk.environ)))
            press = await issuing.hall_press([place.server(process)], [process], 32, defaultdict(list))
            presses.append(press)
            disks.append(disk)
        before = [disk.flushes for disk in disks]
        slow, fast = await issuing.alternate(presses, bench.scale.rounds, bench.scale.seconds)
        flushes = [disk.flushes - was for disk, was in zip(disks, before, strict=True)]
        issuing.leave(*presses)
    bench.tell(issuing.slow_disk(bench.database, slow, fast, flushes))
    for press in presses:
        bench.check(press.numbers, press)
    bench.broken += [] if all(flushes) else ["the slow flush was never met: the figure says nothing"]


BOTH = ("sqlite", "postgresql")
FIGURES: dict[str, tuple[Callable[[Bench], Coroutine[Any, Any, None]], tuple[str, ...]]] = {
    "issue": (issue, BOTH),
    "boards": (boards, BOTH),
    "size": (size, BOTH),
    "processes": (processes, ("postgresql",)),
    "flush": (flush, BOTH),
}


# -- the run ------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)  # the client must not pause where it measures
    chosen = options.database or ("sqlite" if options.quick else "both")
    databases = BOTH if chosen == "both" else (chosen,)
    began = time.monotonic()
    figures, broken, facts = [], list[str](), ""
    for database in databases:
        bench = Bench(database, QUICK if options.quick else Scale())
        facts = facts if database == "sqlite" else postgresql_facts(bench)
        for name in options.only or FIGURES:
            measure(bench, *FIGURES[name])
        figures += bench.figures
        broken += bench.broken
    print(f"{circumstances(facts)}; {time.monotonic() - began:.0f} s\n\n{markdown(figures)}\n")
    for promise in broken[:20]:
        print(f"BROKEN: {promise}")
    print(f"{len(broken)} promises broken." if broken else "Every promise was kept.")
    return 1 if broken else 0


def measure(bench: Bench, figure: Callable[[Bench], Coroutine[Any, Any, None]], databases: tuple[str, ...]) -> None:
    if bench.database in databases:
        try:
            asyncio.run(figure(bench))
        except flushing.Missing as missing:
            print(f"{figure.__name__} [{bench.database}] not measured: {missing}\n")
        except (Missed, Refused) as trouble:
            bench.broken.append(f"{figure.__name__} [{bench.database}]: {trouble}")


def postgresql_facts(bench: Bench) -> str:
    """What a commit means there."""
    with bench.place("facts", ()) as place, place.opened():
        shown = {
            name: execute(f"SHOW {name}").fetchone()[0] for name in ("server_version", "fsync", "synchronous_commit")
        }
    version = shown["server_version"].split()[0]
    return f"PostgreSQL {version} with fsync {shown['fsync']}, synchronous_commit {shown['synchronous_commit']}"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), help="both; SQLite with --quick")
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds: a look, not a result")
    parser.set_defaults(run=run)
