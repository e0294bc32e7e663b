"""A hall's steady traffic for as long as wanted, while somebody watches what the server holds on to.

After a rush that fills its pools and caches, everybody leaves: that is the baseline. Then kiosks, counters, consoles,
managers, phones and boards come and go; at the end everybody leaves again. Exits with 1 when a promise is broken, when
files or sockets stay open that were not open at the baseline, or when memory grows faster than it may."""

import argparse
import asyncio
import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg2
import requests

from bench import plan
from bench.actors import Board, CounterAgent, Day, Phones, Server
from bench.hall_day import check, hall_of, live_through, only_open, replay, settled, states_agree
from bench.promises import lives_lawful
from bench.servers import Place, Process, addresses, place_at
from bench.wire import Socket

SPEED = 100  # seconds of the hall in one of ours
A_SECOND = 4  # tickets, of our seconds
COUNTERS, BOARDS, PHONES, CONSOLES, MANAGERS = 30, 20, 100, 10, 2
RUSH = 150
LOOK_SECONDS, SHOW_SECONDS = 5.0, 30.0
LISTENS = "0A"  # state of a socket in /proc/net/tcp
CONSOLE_SECONDS, MANAGER_SECONDS, CABLE_SECONDS = 2.0, 3.0, 4.0  # between two polls, or two pulled cables
WARM_UP = 0.3  # of the time, before memory's slope is taken
LEFT_OPEN = 2  # files more than at the baseline, besides those kept
LEAVE_SECONDS = 30
SLOPE_MIB_AN_HOUR = 60
SLACK_MIB = 16  # SQLite's page cache and the allocator fill up by so much, however short the run


@dataclass
class Sample:
    at: float  # seconds since the beginning
    memory: float  # MiB
    threads: int
    files: int  # open, of every kind
    kept: int  # of them for the database and Redis: a pool keeps them, up to its size
    sockets: int  # of them connections that clients have made
    clients: int  # on Socket.IO
    lag: int  # events in the log that are not pushed yet
    unsent: int  # bytes that the kernel holds for clients
    database: float  # MiB
    journal: float  # MiB of the write-ahead log

    TITLES = ("s", "MiB", "threads", "files", "kept", "sockets", "clients", "lag", "unsent B", "db MiB", "WAL MiB")

    @property
    def own(self) -> int:
        """Open files that end with what they were opened for."""
        return self.files - self.kept

    def row(self) -> str:
        values = [value if isinstance(value, int) else f"{value:.1f}" for value in vars(self).values()]
        return "".join(f"{value:>10}" for value in values)


class Watch:
    """Samples of one server."""

    def __init__(self, place: Place, process: Process):
        self.place, self.process = place, process
        self.began = time.monotonic()
        self.samples: list[Sample] = []

    async def work(self) -> None:
        print("".join(f"{title:>10}" for title in Sample.TITLES))
        shown = -1e9
        while True:
            sample = await asyncio.to_thread(self.look)
            self.samples.append(sample)
            if sample.at - shown >= SHOW_SECONDS:
                shown = sample.at
                print(sample.row(), flush=True)
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> Sample:
        pid, figures = self.process.pid, self.figures()
        files, (ours, unsent) = open_files(pid), clients_of(self.process.port)
        database, journal = self.on_disk()
        return Sample(
            time.monotonic() - self.began,
            self.process.memory / 1024,
            threads(pid),
            len(files),
            sum("sqlite3" in file or (file.startswith("socket:") and file not in ours) for file in files),
            sum(file in ours for file in files),
            int(sum(value for name, value in figures if name.startswith("yichuang_sockets"))),
            int(max((value for name, value in figures if name.startswith("yichuang_tail_lag")), default=0)),
            unsent,
            database,
            journal,
        )

    def figures(self) -> list[tuple[str, float]]:
        told = requests.get(self.process.url("/metrics"), timeout=20, headers={"Connection": "close"}).text
        rows = (line.rpartition(" ") for line in told.splitlines() if line[0] != "#")
        return [(name, float(value)) for name, _, value in rows]

    def on_disk(self) -> tuple[float, float]:
        """MiB of the database and of its write-ahead log."""
        if self.place.database_url:
            return postgresql_bytes(self.place.database_url) / 2**20, 0.0
        file = self.place.folder / "yichuang.sqlite3"
        journal = file.with_name(file.name + "-wal")
        return file.stat().st_size / 2**20, journal.stat().st_size / 2**20 if journal.exists() else 0.0


def postgresql_bytes(url: str) -> int:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        ((size,),) = cursor.fetchall()
        return size


def open_files(pid: int) -> list[str]:
    """Where each open file leads: a path, `socket:[inode]`, `pipe:[…]`."""
    told = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            told.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return told


def clients_of(port: int) -> tuple[set[str], int]:
    """Connections that were made to this port, as `open_files` names them; bytes that they have not taken yet."""
    ours, unsent = set(), 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, _, _, _, _, inode, *_ = line.split()
        if int(local.split(":")[1], 16) == port and state != LISTENS:
            ours.add(f"socket:[{inode}]")
            unsent += int(queues.split(":")[0], 16)
    return ours, unsent


def threads(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Threads:")).split()[1])


# -- who comes besides those of a day -----------------------------------------------------------------------------


class Console:
    """The page of a counter: hears everything, and looks at its counter now and then."""

    def __init__(self, server: Server, number: int):
        self.server, self.number = server, number
        self.http = server.http(number)

    async def work(self) -> None:
        auth = {"token": self.server.tokens[self.number], "hall": self.server.hall}
        line = await Socket.open(self.server.host, self.server.port, "/counter", auth, lambda text, now: None)
        try:
            while True:
                await asyncio.sleep(CONSOLE_SECONDS)
                await self.http.get(self.server.path(f"/counters/{self.number}"))
        finally:
            line.close()
            self.http.close()


async def manage(server: Server, url: str) -> None:
    """A manager's page: signed in, hears everything, and asks for the load."""
    session = requests.Session()
    who = {"login": "manager01", "password": "demo-2026"}
    (await asyncio.to_thread(session.post, f"{url}/api/v1/session", json=who)).raise_for_status()
    token = next(token for name, token in server.tokens.items() if isinstance(name, int))
    auth = {"token": token, "hall": server.hall}
    line = await Socket.open(server.host, server.port, "/manager", auth, lambda text, now: None)
    try:
        while True:
            await asyncio.sleep(MANAGER_SECONDS)
            (await asyncio.to_thread(session.get, url + server.path("/load"))).raise_for_status()
    finally:
        line.close()
        session.close()


async def pull_cables(boards: list[Board]) -> None:
    chance = Random(3)
    while True:
        await asyncio.sleep(CABLE_SECONDS)
        await chance.choice(boards[1:]).restart()


# -- the run ------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> int:
    with place_at(*addresses(options.database, "soak")) as place:
        process = place.start()
        try:
            process.wait_until_ready()
            broken = asyncio.run(soak(options, place, process))
        finally:
            process.stop()
        broken += [f"the server warned: {line}" for line in process.warnings()[:5]]
    for promise in broken[:20]:
        print(f"BROKEN: {promise}")
    print("Something is wrong." if broken else "Every promise was kept, and nothing was left behind.")
    return 1 if broken else 0


async def soak(options: argparse.Namespace, place: Place, process: Process) -> list[str]:
    server, watch = place.server(process), Watch(place, process)
    warm_up = argparse.Namespace(counters=COUNTERS, boards=BOARDS, phones=PHONES, seed=2)
    broken = await replay(server, warm_up, RUSH, 0, process.pid, "A rush first, to fill pools and caches", {})
    baseline = await everybody_gone(watch, None)
    print(f"\n{options.minutes:g} minutes at {A_SECOND} tickets a second, on {options.database}")
    looking = asyncio.create_task(watch.work())
    broken += await traffic(server, process, options.minutes * 60)
    looking.cancel()
    left = await everybody_gone(watch, baseline)
    print(left.row())
    return broken + verdict(watch.samples, baseline, left)


async def traffic(server: Server, process: Process, seconds: float) -> list[str]:
    """The day's people, and the pages that only look; returns which promises were broken."""
    hall = await hall_of(server, COUNTERS)
    server = Server(server.host, server.port, server.hall, only_open(server.tokens, hall))
    day = Day(server, SPEED, seed=3)
    boards = [Board(server, day)] + [Board(server) for _ in range(BOARDS - 1)]
    for board in boards:
        await board.connect()
    phones = Phones(server, PHONES)
    people = plan.steady_applicants(hall, seconds * SPEED, A_SECOND / SPEED, seed=3)
    agents = [CounterAgent(day, number, queues) for number, queues in hall.counters.items()]
    lookers = [Console(server, number).work() for number in list(hall.counters)[:CONSOLES]]
    lookers += [manage(server, process.url()) for _ in range(MANAGERS)]
    async with contextlib.AsyncExitStack() as stack:
        for work in (*lookers, pull_cables(boards)):
            stack.push_async_callback(end, asyncio.create_task(work))
        await live_through(day, people, agents, phones, boards)
    log = await settled(server, boards)
    broken = day.notes.broken + check(day, boards, phones, log)
    broken += await states_agree(server, people, lives_lawful(log)[1])
    for line in [board.socket for board in boards if board.socket] + list(phones.sockets):
        line.close()
    print(
        f"{len(people)} tickets, {day.notes.requests} requests, {len(log)} events, {len(phones.heard)} phones,"
        f" {sum(board.restarts for board in boards)} reconnects"
    )
    return broken


async def end(task: "asyncio.Task[None]") -> None:
    """A looker's own failure is a failure of the run."""
    if task.done():
        task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def everybody_gone(watch: Watch, baseline: Sample | None) -> Sample:
    """The server once nobody is connected, and, after the run, has closed what it opened (or had time enough)."""
    deadline = time.monotonic() + LEAVE_SECONDS
    while True:
        sample = await asyncio.to_thread(watch.look)
        settled = sample.clients == 0 and (baseline is None or sample.own <= baseline.own + LEFT_OPEN)
        if settled or time.monotonic() > deadline:
            return sample
        await asyncio.sleep(0.5)


def verdict(samples: list[Sample], baseline: Sample, left: Sample) -> list[str]:
    warm = [sample for sample in samples if sample.at >= samples[0].at + WARM_UP * (samples[-1].at - samples[0].at)]
    hours = (warm[-1].at - warm[0].at) / 3600
    slope = slope_of([(sample.at / 3600, sample.memory) for sample in warm])
    bound = SLOPE_MIB_AN_HOUR + SLACK_MIB / hours
    print(
        f"memory: {slope:+.0f} MiB an hour over the last {hours * 60:.1f} minutes (may grow by {bound:.0f}),"
        f" {baseline.memory:.0f} at the baseline, {left.memory:.0f} when all had left"
    )
    print(
        "peaks: " + ", ".join(f"{title} {peak(samples, place)}" for place, title in enumerate(Sample.TITLES) if place)
    )
    told = [] if slope <= bound else [f"memory grows by {slope:.0f} MiB an hour"]
    if left.clients:
        told.append(f"{left.clients} clients are still counted when all have left")
    if left.own > baseline.own + LEFT_OPEN:
        told.append(f"{left.own} files and sockets are left open; at the baseline {baseline.own} were")
    return told


def slope_of(points: list[tuple[float, float]]) -> float:
    """Of the line with the least squares."""
    x0, y0 = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((x - x0) * (y - y0) for x, y in points) / (sum((x - x0) ** 2 for x, _ in points) or 1)


def peak(samples: list[Sample], place: int) -> str:
    return f"{max(list(vars(sample).values())[place] for sample in samples):.0f}"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.set_defaults(run=run)
