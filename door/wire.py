"""What a client may do to a connection before the application hears of it: how slow, how long, how ambiguous a request
may be. The listeners of both event loops ask this (run.py)."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

IDLE_SECONDS = 75.0  # between two requests of a kept connection
HEAD_SECONDS = 10.0  # from the first byte of a request to the end of its headers
BODY_SECONDS = 60.0  # from there to the end of its body
LARGEST_BODY = 21_000_000  # read and thrown away at most, after a body was refused; imports are of 20 MB
LONGEST_LINE = 8192  # of a chunk's head


class TooSlow(TimeoutError):
    """The client kept the connection waiting; it is closed."""


def is_ambiguous(lengths: list[str], codings: list[str]) -> bool:
    """Whether two readers could see the end of this request in two places (request smuggling): several lengths, one
    that is no plain number, a coding other than `chunked`, both."""
    if lengths and codings:
        return True
    if len(lengths) > 1 or not all(length.isascii() and length.isdigit() for length in lengths):
        return True
    return len(codings) > 1 or any(coding.lower() != "chunked" for coding in codings)


class Body:
    """A request's body as it comes from the line. Whoever sends a byte a second, or without end, is cut off."""

    def __init__(self, file: Any, timeout: Callable[[float, BaseException], AbstractContextManager], line: Any):
        self.file = file
        self.timeout = timeout  # of the event loop: (seconds, what it raises)
        self.line = line  # the loop's handler of this connection
        self.deadline = time.monotonic() + BODY_SECONDS
        self.came = 0

    def read(self, size: int = -1) -> bytes:
        return self.in_time(self.file.read, size)

    def readline(self, size: int = LONGEST_LINE) -> bytes:
        return self.in_time(self.file.readline, size)

    def in_time(self, reader: Callable[[int], bytes], size: int) -> bytes:
        try:
            with self.timeout(max(0.001, self.deadline - time.monotonic()), TooSlow()):
                came = reader(size)
        except TooSlow:
            self.line.close_connection = True  # what may still come is no new request
            raise
        self.came += len(came)
        if self.came > LARGEST_BODY:
            self.line.close_connection = True
            raise OSError("the body has no end")
        return came
