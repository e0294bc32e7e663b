"""Servers to measure, each a process of its own: the hall's, with a fresh database, and what they are told by /proc."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from bench.actors import Server
from door.who import make_token
from ticketing import db
from ticketing.models import Counter, Hall
from ticketing.table import database

ROOT = Path(__file__).resolve().parent.parent
DEMO = "licheng"
HOST = "127.0.0.1"
STOP_SECONDS = 20
POSTGRESQL = "postgresql://postgres@127.0.0.1:5432/yichuang_bench"
REDIS = "redis://127.0.0.1:6379/8"
PATIENCE = 30  # seconds for a server to answer for the first time


class Process:
    """One server process, listening; `environ` is laid over ours."""

    def __init__(self, command: list[str], log: Path, environ: dict[str, str]):
        self.port, self.log = free_port(), log
        self.database = urlsplit(environ.get("DATABASE_URL", "")).path.lstrip("/")  # of PostgreSQL
        environ = os.environ | environ | {"HOST": HOST, "PORT": str(self.port)}
        with log.open("ab") as out:
            self.running = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
        self.pid = self.running.pid

    def wait_until_ready(self, path: str = "/readyz") -> None:
        deadline = time.monotonic() + PATIENCE
        while self.running.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url(path), timeout=5):  # noqa: S310
                return
            time.sleep(0.05)
        raise SystemExit(f"The server did not start:\n{self.log.read_text()[-3000:]}")

    def url(self, path: str = "") -> str:
        return f"http://{HOST}:{self.port}{path}"

    def stop(self) -> None:
        self.running.send_signal(signal.SIGTERM)
        try:
            self.running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print("server: did not stop when told, killed")
            self.running.kill()
            self.running.wait()

    def warnings(self) -> list[str]:
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if " ERROR " in line or " WARNING " in line]

    @property
    def cpu(self) -> float:
        return cpu_seconds(self.pid)

    @property
    def memory(self) -> int:
        return memory_kib(self.pid)


class Place:
    """An installation in a folder: a database with the demo hall in it, under one or more codes."""

    def __init__(self, folder: Path, database_url: str = "", redis_url: str = "", halls: tuple[str, ...] = (DEMO,)):
        self.folder, self.halls = folder, halls
        if database_url:
            fresh_database(database_url)
        self.environ = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "RATE_LIMITS": "off",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        }
        self.database_url = database_url
        for hall in halls:
            load_hall(folder / hall, hall, self.environ)
        with self.opened():
            self.tokens = {hall: tokens_of(hall) for hall in halls}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """The database, from this process."""
        opened: Any = db.open_database(self.database_url, self.folder / "yichuang.sqlite3")
        try:
            with db.connection():
                yield
        finally:
            opened.close_all()

    def start(self, name: str = "server", **environ: str) -> Process:
        command = [sys.executable, "run.py", "serve"]
        return Process(command, self.folder / f"{name}.log", self.environ | environ)

    def server(self, process: Process, hall: str = "") -> Server:
        hall = hall or self.halls[0]
        return Server(HOST, process.port, hall, self.tokens[hall])


def addresses(database: str, name: str) -> tuple[str, str]:
    """PostgreSQL and Redis for a database called so: beside the one that BENCH_DATABASE_URL names, and at
    BENCH_REDIS_URL; empty for SQLite."""
    if database == "sqlite":
        return "", ""
    url = os.environ.get("BENCH_DATABASE_URL") or POSTGRESQL
    return f"{url}_{name}", os.environ.get("BENCH_REDIS_URL") or REDIS


@contextlib.contextmanager
def place_at(url: str, redis: str, halls: tuple[str, ...] = (DEMO,)) -> Iterator[Place]:
    """An installation to measure, with a database made anew; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="yichuang-bench-") as folder:
        try:
            yield Place(Path(folder), url, redis, halls)
        finally:
            if url:
                drop_database(url)


def execute(statement: str, *values: Any) -> Any:
    """Raw SQL in the database that is `opened`; `?` stands for a value in both kinds."""
    if not db.is_sqlite():
        statement = statement.replace("%", "%%").replace("?", "%s")
    return database.execute_sql(statement, values)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def load_hall(folder: Path, code: str, environ: dict[str, str]) -> None:
    """The demo hall, but a no-show needs no waiting: twenty seconds are long in a day of four minutes."""
    shutil.copytree(ROOT / "data" / DEMO, folder)
    facts = json.loads((folder / "hall.json").read_text("utf-8"))
    facts["hall"]["code"] = code
    if code != DEMO:
        (folder / "staff.csv").unlink()  # a person belongs to one hall
    facts["rules"]["no_show_seconds"] = 0
    (folder / "hall.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
    command = [sys.executable, "run.py", "load", str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environ, check=True, stdout=subprocess.DEVNULL)


def tokens_of(code: str) -> dict[Any, str]:
    """One for a kiosk, one for a board, and one for each counter, under its number."""
    hall = Hall.get(Hall.code == code)
    made: dict[Any, str] = {role: make_token(role, hall, None, label="bench") for role in ("kiosk", "board")}
    for counter in Counter.select().where(Counter.hall == hall):
        made[counter.number] = make_token("counter", hall, counter, label="bench")
    return made


# -- PostgreSQL ---------------------------------------------------------------------------------------------------


def fresh_database(url: str) -> None:
    drop_database(url)
    run_beside(url, "CREATE DATABASE {}")


def drop_database(url: str) -> None:
    run_beside(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)")


def run_beside(url: str, statement: str) -> None:
    """A statement about the database, from the one that is always there."""
    connection = psycopg2.connect(url.rpartition("/")[0] + "/postgres", connect_timeout=5)
    connection.autocommit = True
    try:
        name = sql.Identifier(urlsplit(url).path.lstrip("/"))
        connection.cursor().execute(sql.SQL(statement).format(name))
    finally:
        connection.close()


# -- /proc --------------------------------------------------------------------------------------------------------


def cpu_seconds(process: int | None) -> float:
    """User and system time of a process, which other work on the machine does not lengthen; 0 where it is not ours."""
    stat = Path(f"/proc/{process}/stat")
    if process is None or not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Onlooker:
    """Who has used the processor since it began to look; shares of one core."""

    def __init__(self, processes: list[Process]):
        self.processes = processes
        self.began, self.before = time.perf_counter(), self.seconds()

    def seconds(self) -> dict[str, float]:
        told = {f"server {place}": process.cpu for place, process in enumerate(self.processes, 1)}
        told["client"] = time.process_time()
        told["database"] = sum(map(backends_cpu_seconds, {p.database for p in self.processes if p.database}))
        told["others"] = machine_cpu_seconds() - sum(told.values())
        return told

    def shares(self) -> dict[str, float]:
        took = time.perf_counter() - self.began
        return {name: max(0.0, (now - self.before[name]) / took) for name, now in self.seconds().items()}


def machine_cpu_seconds() -> float:
    """What all processes of the machine have used, ours and others'."""
    user, nice, system, _, _, irq, soft, *_ = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, irq, soft))) / os.sysconf("SC_CLK_TCK")


def backends_cpu_seconds(database: str) -> float:
    """Of the PostgreSQL processes that serve this database, when they are on this machine."""
    told = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split()
            if words[:1] == ["postgres:"] and database in words:
                told += cpu_seconds(int(folder.name))
    return told


def memory_kib(process: int) -> int:
    """Pss: its own pages, and its share of those it shares with others."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError(f"no Pss of {process}")
