"""Real server processes on loopback, with a database of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import fresh_database

ROOT = Path(__file__).resolve().parent.parent.parent
HALL = "licheng"
PATIENCE = 30  # seconds a condition may take on a loaded machine


class Server:
    """One `run.py demo` process; it can be killed and started again on the same data and port."""

    def __init__(
        self, data_dir: Path, database_url: str = "", wait: bool = True, log: str = "server.log", **environ: str
    ):
        self.port = free_port()
        self.url = f"http://{environ.get('HOST', '127.0.0.1')}:{self.port}"
        self.environ = os.environ | {
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": database_url,
            "REDIS_URL": os.environ.get("TEST_REDIS_URL", ""),
            "PORT": str(self.port),
            "RATE_LIMITS": "off",
            "SECRET_KEY": "a secret of the live tests, long enough",
            **environ,
        }
        if not self.environ["SECRET_KEY"]:
            del self.environ["SECRET_KEY"]  # the server makes one
        self.log = data_dir / log
        self.tokens: dict[tuple[str, int | None], str] = {}
        self.start(wait)

    def start(self, wait: bool = True) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "run.py", "demo"], cwd=ROOT, env=self.environ, stdout=out, stderr=out
            )
        if wait:
            self.until_it_answers()

    def until_it_answers(self) -> None:
        until(self.answers, "the server to answer", lambda: self.log.read_text()[-2000:])

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}: {self.log.read_text()[-3000:]}")
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def run(self, *words: str) -> str:
        done = run_py(self.environ, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def check(self) -> str:
        """`run.py check`, which ends with 1 when it finds anything."""
        return run_py(self.environ, "check").stdout

    def token(self, role: str, counter: int | None = None) -> str:
        if (role, counter) not in self.tokens:
            words = ["token", "--role", role, "--hall", HALL] + (["--counter", str(counter)] if counter else [])
            self.tokens[role, counter] = self.run(*words)
        return self.tokens[role, counter]

    def session(self, role: str, counter: int | None = None) -> requests.Session:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token(role, counter)}"
        return session

    def api(self, path: str) -> str:
        return f"{self.url}/api/v1{path}"


def run_py(
    environ: dict[str, str], *words: str, said: str = "", cwd: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """One command of the command line, to its end; `said` is typed into it."""
    command = [sys.executable, str(ROOT / "run.py"), *words]
    return subprocess.run(command, cwd=cwd, env=environ, input=said, capture_output=True, text=True, timeout=PATIENCE)


# Below those that a machine gives to the near ends of connections: a client that knocks at a killed server's port
# could be given that very port, be connected to itself, and keep it from the server's next start.
ports = (10_000 + number % 20_000 for number in count(os.getpid() * 101))


def free_port() -> int:
    for port in ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("endless")


def until(
    condition: Callable[[], Any], what: str, why: Callable[[], str] = lambda: "", seconds: float = PATIENCE
) -> Any:
    """Wait for a condition, looking often; fails with what it waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.01)  # the pause between two looks, never what is waited for
    raise AssertionError(f"waited {seconds} s for {what}. {why()}")


@pytest.fixture(scope="session")
def live_database_url() -> str:
    url = os.environ.get("TEST_DATABASE_URL", "")
    return f"{url}_live_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}" if url else ""


@pytest.fixture
def start_server(tmp_path: Path, live_database_url: str) -> Iterator[Callable[..., Server]]:
    """Start servers; each call shares the test's database (the way processes of one installation do)."""
    servers: list[Server] = []
    if live_database_url:
        fresh_database(live_database_url)

    def start(**environ: str) -> Server:
        servers.append(Server(tmp_path, live_database_url, **environ))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    return start_server()
