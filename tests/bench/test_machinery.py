"""The parts that measure, on a real yardstick and a real preloaded library."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.crowd import Crowd, Missed
from bench.flushing import Missing, disk
from bench.servers import HOST, Process
from bench.wire import Http

pytestmark = pytest.mark.live


@pytest.fixture
def yardstick(tmp_path: Path) -> Iterator[Process]:
    process = Process([sys.executable, "-m", "bench.yardstick"], tmp_path / "yardstick.log", {})
    try:
        process.wait_until_ready("/ready")
        yield process
    finally:
        process.stop()


def run(work: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: browser tests leave a running loop in this one."""
    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, work).result()


def test_the_yardstick_parses_and_answers_what_it_was_given(yardstick: Process):
    async def ask() -> None:
        line = Http(HOST, yardstick.port)
        await line.post("/answer", {"number": "A001"})
        answer = await line.post("/same", {"queue": "general"})
        assert (answer.status, answer.body) == (201, {"number": "A001"})
        line.close()

    run(ask())


def test_every_board_of_a_crowd_hears_the_event_after_it_was_asked_for(yardstick: Process):
    async def listen() -> None:
        line, crowd = Http(HOST, yardstick.port), Crowd(HOST, yardstick.port, {})
        await crowd.grow(30)
        await line.post("/event", {"type": "ticket.called"})
        for _ in range(2):
            crowd.forget()
            asked = time.time()
            await line.post("/fan-out")
            came = await crowd.heard(b'"ticket.called"')
            assert len(came) == 30
            assert asked < came[0] <= came[-1] < time.time()
        crowd.leave()
        line.close()

    run(listen())


def test_a_board_that_does_not_hear_is_told(yardstick: Process, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bench.crowd.PATIENCE", 0.1)

    async def listen() -> None:
        crowd = Crowd(HOST, yardstick.port, {})
        await crowd.grow(2)
        with pytest.raises(Missed, match="2 of 2 boards"):
            await crowd.heard(b"never said")
        crowd.leave()

    run(listen())


def test_a_preloaded_disk_counts_each_flush_and_takes_longer(tmp_path: Path):
    flush = (
        "import os, sys; f = open(sys.argv[1], 'w'); [os.fsync(f.fileno()) for _ in range(5)]; os.fdatasync(f.fileno())"
    )
    try:
        with disk(20) as slow:
            began = time.monotonic()
            command = [sys.executable, "-c", flush, str(tmp_path / "file")]
            subprocess.run(command, env=os.environ | slow.environ, check=True)
            assert slow.flushes == 6
            assert time.monotonic() - began >= 0.12  # six times twenty: a bound that load can not break
    except Missing as missing:
        pytest.skip(str(missing))
