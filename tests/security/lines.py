"""Bare connections, for requests that no client library would send."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 30.0


@contextmanager
def line_to(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        yield line


def all_of(line: socket.socket) -> bytes:
    """Until the server closes; fails when it does not within PATIENCE."""
    told = b""
    try:
        while piece := line.recv(65536):
            told += piece
    except ConnectionResetError:
        pass
    return told


def said(port: int, request: bytes) -> bytes:
    """What comes back for one request, until the server closes."""
    with line_to(port) as line:
        with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
            line.sendall(request)
        return all_of(line)


def dribble(line: socket.socket, data: bytes, seconds: float, pause: float = 0.05) -> bool:
    """Send a byte at a time until the server closes (True) or `seconds` are over (False)."""
    deadline = time.monotonic() + seconds
    line.settimeout(pause)
    n = 0
    while time.monotonic() < deadline:
        try:
            line.sendall(data[n % len(data) : n % len(data) + 1])
            n += 1
            if line.recv(4096) == b"":
                return True
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return True
    return False
