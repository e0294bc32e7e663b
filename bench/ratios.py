"""The figures of `make bench`: each beside a yardstick, measured in turns with it on the same machine."""

import argparse
import asyncio
import contextlib
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import calling, issuing
from bench.calling import Desk, Fan
from bench.promises import numbers_whole
from bench.report import Figure, circumstances, markdown
from bench.servers import DEMO, Place, Process, execute, place_for


@dataclass(frozen=True)
class Scale:
    """How long and how often."""

    seconds: float = 2.5  # of a round of pressing
    rounds: int = 4
    calls: int = 40


QUICK = Scale(1.0, 2, 10)


@dataclass
class Bench:
    """One database's run: what came out, what was broken."""

    database: str
    scale: Scale
    figures: list[Figure] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    logs: tempfile.TemporaryDirectory[str] = field(default_factory=tempfile.TemporaryDirectory)

    def place(self, name: str, halls: tuple[str, ...] = (DEMO,)) -> contextlib.AbstractContextManager[Place]:
        return place_for(self.database, name, halls)

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

    def check(self, *presses: issuing.Press) -> None:
        for one in presses:
            self.broken += one.wrong + numbers_whole(one.numbers)


# -- the figures --------------------------------------------------------------------------------------------------


async def issue(bench: Bench) -> None:
    """Tickets a second at 32 kiosks, and the slowest of a hundred at 8."""
    scale = bench.scale
    with bench.place("issue") as place, bench.running(place) as process, bench.yardstick() as plain:
        for kiosks, tell in ((32, issuing.throughput), (8, issuing.slowest)):
            hall = await issuing.hall_press(place.server(process), [process], kiosks)
            raw = await issuing.plain_press(hall, plain, kiosks)
            ours, theirs = await issuing.alternate([hall, raw], scale.rounds, scale.seconds)
            bench.tell(tell(bench.database, ours, theirs, kiosks))
            issuing.leave(hall, raw)
            bench.check(hall)


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


FIGURES: dict[str, Callable[[Bench], Coroutine[Any, Any, None]]] = {"issue": issue, "boards": boards}
DATABASES = {"issue": ("sqlite", "postgresql"), "boards": ("sqlite", "postgresql")}


# -- the run ------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)  # the client must not pause where it measures
    databases = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    began = time.monotonic()
    figures, broken, facts = [], list[str](), ""
    for database in databases:
        bench = Bench(database, QUICK if options.quick else Scale())
        facts = facts if database == "sqlite" else postgresql_facts(bench)
        for name in options.only or FIGURES:
            if database in DATABASES[name]:
                asyncio.run(FIGURES[name](bench))
        figures += bench.figures
        broken += bench.broken
    print(f"{circumstances(facts)}; {time.monotonic() - began:.0f} s\n\n{markdown(figures)}\n")
    for promise in broken[:20]:
        print(f"BROKEN: {promise}")
    print(f"{len(broken)} promises broken." if broken else "Every promise was kept.")
    return 1 if broken else 0


def postgresql_facts(bench: Bench) -> str:
    """What a commit means there."""
    with bench.place("facts", ()) as place, place.opened():
        shown = {
            name: execute(f"SHOW {name}").fetchone()[0] for name in ("server_version", "fsync", "synchronous_commit")
        }
    version = shown["server_version"].split()[0]
    return f"PostgreSQL {version} with fsync {shown['fsync']}, synchronous_commit {shown['synchronous_commit']}"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--only", nargs="+", choices=sorted(FIGURES), metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds: a look, not a result")
    parser.set_defaults(run=run)
