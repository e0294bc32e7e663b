"""A light client of the server: HTTP/1.1 with keep-alive, and Socket.IO v5 over one WebSocket.

Written on bare asyncio protocols because the client shares a small machine with the server it measures: a frame costs
a few microseconds here, against some hundred in a full client."""

import asyncio
import base64
import os
import struct
import time
from collections.abc import Callable
from typing import Any

import orjson

ANSWER_SECONDS = 30  # an answer that takes longer is a failure
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


class Lost(ConnectionError):
    """The server closed the connection before it answered."""


class Pipe(asyncio.Protocol):
    """Bytes in a buffer; `eat` takes what is whole."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.eat()

    def eat(self) -> None:
        raise NotImplementedError


# -- HTTP ---------------------------------------------------------------------------------------------------------


class Answers(Pipe):
    """One answer after the other, each with a Content-Length or none at all."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: asyncio.Future[tuple[int, bytes, float]] | None = None

    def eat(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        whole = end + 4 + content_length(head)
        if len(self.buffer) < whole:
            return
        body = bytes(self.buffer[end + 4 : whole])
        del self.buffer[:whole]
        if self.waiting and not self.waiting.done():
            self.waiting.set_result((int(head[9:12]), body, time.perf_counter()))

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(Lost(str(error or "closed")))


def content_length(head: bytes) -> int:
    if b"transfer-encoding: chunked" in head:
        raise ValueError("an answer in chunks: every API answer has its length")
    start = head.find(b"content-length:")
    return int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0


class Answer:
    """Status, body, and when it was asked and answered (seconds of time.perf_counter)."""

    __slots__ = ("asked_at", "body", "heard_at", "status")

    def __init__(self, status: int, body: bytes, asked_at: float, heard_at: float):
        self.status, self.asked_at, self.heard_at = status, asked_at, heard_at
        self.body: Any = orjson.loads(body) if body else None

    @property
    def seconds(self) -> float:
        return self.heard_at - self.asked_at

    @property
    def code(self) -> str | None:
        """The code of a refusal."""
        return self.body.get("code") if self.status >= 400 and isinstance(self.body, dict) else None


class Http:
    """One keep-alive connection of one device; its requests take turns."""

    def __init__(self, host: str, port: int, token: str = ""):
        self.host, self.port = host, port
        self.head = f"Host: {host}:{port}\r\nAccept: application/json\r\n"
        if token:
            self.head += f"Authorization: Bearer {token}\r\n"
        self.answers: Answers | None = None
        self.turn = asyncio.Lock()

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path, None, None)

    async def post(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Answer:
        return await self.ask("POST", path, orjson.dumps(body or {}), key)

    async def ask(self, method: str, path: str, body: bytes | None, key: str | None) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\n{self.head}"
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        async with self.turn:
            return await self.exchange(head.encode() + b"\r\n" + (body or b""))

    async def exchange(self, request: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        if self.answers is None or self.answers.transport.is_closing():
            _, self.answers = await loop.create_connection(Answers, self.host, self.port)
        self.answers.waiting = loop.create_future()
        asked_at = time.perf_counter()
        self.answers.transport.write(request)
        status, body, heard_at = await asyncio.wait_for(self.answers.waiting, ANSWER_SECONDS)
        return Answer(status, body, asked_at, heard_at)

    def close(self) -> None:
        if self.answers:
            self.answers.transport.close()


# -- Socket.IO ----------------------------------------------------------------------------------------------------

Hear = Callable[[bytes, float], None]  # the JSON of one event, `["name", {…}]`, and when it came


class Socket(Pipe):
    """One namespace over one WebSocket: `0{…}` open, `40/ns,{auth}` connect, `42/ns,[…]` event, `2`/`3` ping, pong."""

    def __init__(self, namespace: str, auth: dict[str, Any], hear: Hear):
        super().__init__()
        self.namespace, self.auth, self.hear = namespace.encode(), auth, hear
        self.upgraded = False
        self.event = b"42" + self.namespace + b","
        self.connected = asyncio.get_running_loop().create_future()
        self.lost = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, host: str, port: int, namespace: str, auth: dict[str, Any], hear: Hear) -> "Socket":
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(lambda: cls(namespace, auth, hear), host, port)
        key = base64.b64encode(os.urandom(16)).decode()
        socket.transport.write(
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await asyncio.wait_for(asyncio.shield(socket.connected), ANSWER_SECONDS)
        return socket

    def emit(self, name: str, what: dict[str, Any]) -> None:
        self.send(self.event + orjson.dumps([name, what]))

    def send(self, text: bytes, kind: int = TEXT) -> None:
        mask = os.urandom(4)
        length = bytes([0x80 | len(text)]) if len(text) < 126 else struct.pack("!BH", 0x80 | 126, len(text))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
        self.transport.write(bytes([0x80 | kind]) + length + mask + masked)

    def close(self) -> None:
        self.transport.close()

    def eat(self) -> None:
        if not self.upgraded and not self.upgrade():
            return
        now, start = time.perf_counter(), 0
        while (frame := whole_frame(self.buffer, start)) is not None:
            kind, begin, end = frame
            self.take(kind, bytes(self.buffer[begin:end]), now)
            start = end
        del self.buffer[:start]

    def upgrade(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self.buffer.startswith(b"HTTP/1.1 101"):
            self.fail(Lost(bytes(self.buffer[:80]).decode(errors="replace")))
            return False
        del self.buffer[: end + 4]
        self.upgraded = True
        return True

    def take(self, kind: int, text: bytes, now: float) -> None:
        if kind == PING:
            self.send(text, PONG)
        elif kind == TEXT and text.startswith(self.event):
            self.hear(text[len(self.event) :], now)
        elif kind == TEXT:
            self.take_packet(text)

    def take_packet(self, text: bytes) -> None:
        if text == b"2":
            self.send(b"3")
        elif text.startswith(b"0"):
            self.send(b"40" + self.namespace + b"," + orjson.dumps(self.auth))
        elif text.startswith(b"40") and not self.connected.done():
            self.connected.set_result(None)
        elif text.startswith(b"44"):
            self.fail(Lost(text.decode()))

    def fail(self, error: Exception) -> None:
        if not self.connected.done():
            self.connected.set_exception(error)
        self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.fail(Lost(str(error or "closed")))
        if not self.lost.done():
            self.lost.set_result(None)


def whole_frame(buffer: bytearray, start: int) -> tuple[int, int, int] | None:
    """(kind, begin and end of the payload) of the frame at `start`, or None while it is not all there. A server's
    frames are not masked, and this server never splits a message."""
    have = len(buffer) - start
    if have < 2:
        return None
    length, begin = buffer[start + 1], start + 2
    if length == 126:
        begin += 2
    elif length == 127:
        begin += 8
    if length >= 126:
        if len(buffer) < begin:
            return None
        length = int.from_bytes(buffer[start + 2 : begin], "big")
    return (buffer[start] & 0x0F, begin, begin + length) if len(buffer) >= begin + length else None
