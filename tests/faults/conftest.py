"""What faults are made of: a PostgreSQL and a Redis of our own, a disk that fills up, a line that loses packets.

Nothing here touches the machine's own services, and what is not permitted is skipped with its reason."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.faults.day import Day
from tests.faults.line import Line
from tests.live.conftest import Server, free_port, server, start_server, until  # noqa: F401  # fixtures
from tests.live.people import People


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.fault)


# -- what was measured ---------------------------------------------------------------------------------------------

FIGURES: list[str] = []


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Seconds to be told at the end, for docs/faults.md: measured, and no test's verdict."""

    def tell(what: str, seconds: float) -> None:
        FIGURES.append(f"{request.node.name}: {what} {seconds:.2f} s")

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in FIGURES:
        terminalreporter.write_line(line)


# -- PostgreSQL ----------------------------------------------------------------------------------------------------


def program_of_postgresql(name: str) -> str:
    known = [shutil.which(name), *sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)]
    return next(filter(None, known), None) or pytest.skip(f"{name} is not installed: no PostgreSQL of our own to harm")


class Cluster:
    """A PostgreSQL server that may be stopped, killed and frozen."""

    def __init__(self) -> None:
        self.control = program_of_postgresql("pg_ctl")
        # It refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.folder = Path(tempfile.mkdtemp(prefix="yichuang-postgresql-"))
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/faults_hall"
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        make = (program_of_postgresql("initdb"), "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-N")
        self.run(*make, "--no-locale", "-E", "UTF8")
        self.start()

    def run(self, *command: str | Path) -> None:
        user = self.user if os.geteuid() == 0 else None
        with (self.folder / "control.log").open("ab") as out:
            subprocess.run(command, user=user, cwd=self.folder, check=True, stdout=out, stderr=out, timeout=60)

    def start(self) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=60"
        self.run(self.control, "start", "-w", "-D", self.folder / "data", "-l", self.folder / "log", "-o", settings)

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` as a power cut would: the next start recovers."""
        self.run(self.control, "stop", "-w", "-m", mode, "-D", self.folder / "data")

    def pids(self) -> list[int]:
        """The first process and what it started."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]

    def freeze(self) -> None:
        """All its processes stop where they are; the kernel still answers for them."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def flush_each_commit(self) -> None:
        """What the other tests save: here the power is cut."""
        self.execute("ALTER DATABASE faults_hall RESET synchronous_commit")

    def execute(self, sql: str) -> None:
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.close()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if not os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("PostgreSQL only (TEST_DATABASE_URL)")
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def live_database_url(request: pytest.FixtureRequest) -> str:
    """On PostgreSQL the servers of these tests work in the cluster of our own."""
    return request.getfixturevalue("cluster").url if os.environ.get("TEST_DATABASE_URL") else ""


@pytest.fixture
def on_sqlite() -> None:
    """What does not depend on the database is tested once."""
    if os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("tested on SQLite")


# -- Redis ---------------------------------------------------------------------------------------------------------


class Redis:
    def __init__(self, folder: Path):
        self.program = shutil.which("redis-server") or pytest.skip("redis-server is not installed")
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        settings = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        command = (self.program, *settings, "--dir", str(self.folder), "--logfile", str(self.folder / "redis.log"))
        self.process = subprocess.Popen(command)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    redis = Redis(tmp_path)
    yield redis
    redis.stop()


# -- a small disk --------------------------------------------------------------------------------------------------


class Disk:
    """A file system of its own, so small that it can be filled."""

    def __init__(self, folder: Path, megabytes: int):
        self.folder = folder
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"a small disk can not be mounted here: {done.stderr.strip()}")

    def fill(self) -> None:
        """To the last byte: what another program does that forgets to clean up."""
        with (self.folder / "filler").open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError:
                    pass

    def free(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    yield (disk := Disk(folder, megabytes=24))
    subprocess.run(["umount", "-l", str(disk.folder)], check=True)


# -- a line --------------------------------------------------------------------------------------------------------


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.remove()


# -- a day ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def day_at() -> Iterator[Callable[..., Day]]:
    """Begin a loaded day at these servers; it ends with the test."""
    days: list[Day] = []

    def begin(*servers: Server, **wish: int) -> Day:
        days.append(Day(People(servers[0]), servers, **wish))
        return days[-1]

    yield begin
    for day in days:
        day.leave()
