"""Many boards at one server, for the price of a few microseconds a message.

When a message came is the kernel's receive stamp (SO_TIMESTAMPNS), not the time at which this process got round to
reading it: with a thousand boards that would measure the reader. Nothing is decoded; a message is known by a piece
of its text."""

import asyncio
import contextlib
import os
import select
import socket
import struct
import time
from typing import Any

from bench.wire import Socket

SO_TIMESTAMPNS = 35  # linux: socket(7); the module socket has no name for it
PING = b"\x81\x012"  # Engine.IO's, in a frame of its own; JSON here is ASCII, so it is nowhere else
PONG = bytes([0x81, 0x81, 0, 0, 0, 0]) + b"3"
AT_ONCE = 20  # that connect at the same moment
LOOK_SECONDS = 0.002
PATIENCE = 20


class Missed(Exception):
    """A board did not hear what all should hear."""


class Crowd:
    """Boards on /board of one server. Times are of time.time()."""

    def __init__(self, host: str, port: int, auth: dict[str, Any]):
        self.host, self.port, self.auth = host, port, auth
        self.lines: list[Socket] = []
        self.boards: dict[int, socket.socket] = {}  # file descriptor: the line
        self.came: list[tuple[int, float, bytes]] = []  # (file descriptor, when, bytes), not looked at yet
        self.ends: dict[int, bytes] = {}  # last bytes of what was looked at, should a needle be split
        self.poll = select.epoll()
        self.keeper = asyncio.get_running_loop().create_task(self.keep_alive())

    async def grow(self, wanted: int) -> None:
        while len(self.boards) < wanted:
            few = min(AT_ONCE, wanted - len(self.boards))
            await asyncio.gather(*(self.join() for _ in range(few)))

    async def join(self) -> None:
        line = await Socket.open(self.host, self.port, "/board", self.auth, lambda text, now: None)
        line.transport.pause_reading()  # from here on we read it
        board = socket.socket(fileno=os.dup(line.transport.get_extra_info("socket").fileno()))
        board.setblocking(False)
        board.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.poll.register(board.fileno(), select.EPOLLIN)
        self.boards[board.fileno()] = board
        self.lines.append(line)

    def read(self) -> None:
        for fd, _ in self.poll.poll(0, max(1, len(self.boards))):
            with contextlib.suppress(BlockingIOError):
                data, extra, _, _ = self.boards[fd].recvmsg(65536, 64)
                if not data:
                    raise Missed("the server closed a board's line")
                if PING in data:
                    self.boards[fd].send(PONG)
                self.came.append((fd, stamp(extra), data))

    def look(self, needle: bytes, found: dict[int, float]) -> None:
        """Into what has come: at which boards the needle is."""
        self.read()
        for fd, when, data in self.came:
            text = self.ends.get(fd, b"") + data
            if fd not in found and needle and needle in text:
                found[fd] = when
            self.ends[fd] = text[-64:]
        self.came.clear()

    def forget(self) -> None:
        """What came until now is of no interest."""
        self.look(b"", {})
        self.ends.clear()

    async def heard(self, needle: bytes) -> list[float]:
        """When each board had the message with this piece of text, earliest first; since `forget`."""
        found: dict[int, float] = {}
        deadline = time.monotonic() + PATIENCE
        self.look(needle, found)
        while len(found) < len(self.boards):
            if time.monotonic() > deadline:
                raise Missed(f"{len(self.boards) - len(found)} of {len(self.boards)} boards did not hear {needle!r}")
            await asyncio.sleep(LOOK_SECONDS)
            self.look(needle, found)
        return sorted(found.values())

    async def keep_alive(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.read()

    def leave(self) -> None:
        self.keeper.cancel()
        for board in self.boards.values():
            board.close()
        for line in self.lines:
            line.close()
        self.poll.close()


def stamp(extra: list[tuple[int, int, bytes]]) -> float:
    for _, kind, data in extra:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds + nanoseconds / 1e9
    return time.time()
