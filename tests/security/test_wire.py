"""On the line itself: slow clients, ambiguous and oversized requests, bodies without a length, on both event loops."""

import subprocess
import sys
from contextlib import ExitStack

import pytest
import requests

from tests.live.conftest import ROOT, Server
from tests.live.people import People
from tests.security.lines import all_of, dribble, line_to, said

pytestmark = pytest.mark.live

TICKETS = b"/api/v1/halls/licheng/tickets"
END = b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def people(request, tmp_path_factory, live_database_url):
    from tests.conftest import fresh_database

    url = fresh_database(live_database_url) if live_database_url else ""
    server = Server(tmp_path_factory.mktemp("wire"), url, ASYNC_MODE=request.param)
    yield People(server)
    server.stop()


class Hurried(Server):
    """Its patience with a client is a second."""

    SCRIPT = (
        "import runpy; from door import wire; "
        "wire.IDLE_SECONDS = wire.HEAD_SECONDS = wire.BODY_SECONDS = 1.0; "
        "runpy.run_path('run.py', run_name='__main__')"
    )

    def start(self, wait: bool = True) -> None:
        command = [sys.executable, "-W", "ignore", "-c", self.SCRIPT, "demo"]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=out, stderr=out)
        self.until_it_answers()


def head(people, *headers: bytes, path: bytes = TICKETS, method: bytes = b"POST") -> bytes:
    known = b"Authorization: Bearer " + people.tokens["kiosk"].encode()
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: x", known, b"Content-Type: application/json", *headers]
    return b"\r\n".join(lines) + b"\r\n"


def issued(people) -> int:
    return len(people.told("ticket.issued"))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


SMUGGLED = b'{"queue": "general"}'
AMBIGUOUS = {
    "two lengths": (b"Content-Length: 20", b"Content-Length: 0"),
    "the same length twice": (b"Content-Length: 20", b"Content-Length: 20"),
    "two lengths in one": (b"Content-Length: 20, 0",),
    "a length with a sign": (b"Content-Length: +20",),
    "a length with a score": (b"Content-Length: 2_0",),
    "a length in hex": (b"Content-Length: 0x14",),
    "a negative length": (b"Content-Length: -20",),
    "a length and chunks": (b"Content-Length: 20", b"Transfer-Encoding: chunked"),
    "chunks and a length": (b"Transfer-Encoding: chunked", b"Content-Length: 20"),
    "two codings": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "a list of codings": (b"Transfer-Encoding: gzip, chunked",),
    "an unknown coding": (b"Transfer-Encoding: xchunked",),
    "identity": (b"Transfer-Encoding: identity",),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_a_request_with_two_ends_is_refused_and_its_line_closed(people, kind):
    """What follows on the same line must not be taken for a request: it may be an attacker's, told as somebody's."""
    before = issued(people)
    second = head(people, b"Content-Length: 20", END.strip()) + b"\r\n" + SMUGGLED
    told = said(people.server.port, head(people, *AMBIGUOUS[kind]) + b"\r\n" + SMUGGLED + second)
    assert told.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400")), told[:200]
    assert told.count(b"HTTP/1.") == 1
    assert issued(people) == before


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n" + END, (b"414", b"400")),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 100_000 + b"\r\n" + END, (b"400", b"431")),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Many: x\r\n" * 20_000 + END, (b"400", b"431")),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + b"a=b; " * 30_000 + b"\r\n" + END, (b"400", b"431")),
    ],
    ids=["address", "one header", "many headers", "cookies"],
)
def test_an_oversized_head_is_refused(people, request_, status):
    told = said(people.server.port, request_)
    assert told == b"" or told.split(b" ", 2)[1] in status, told[:200]
    assert requests.get(f"{people.server.url}/healthz", timeout=20).ok


def test_a_body_in_chunks_is_read_like_any_other(people):
    before = issued(people)
    body = chunk(b'{"queue": ') + chunk(b'"general"}') + b"0\r\n\r\n"
    told = said(people.server.port, head(people, b"Transfer-Encoding: chunked", END.strip()) + b"\r\n" + body)
    assert b" 201 " in told.split(b"\r\n")[0], told[:300]
    assert issued(people) == before + 1


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_large_body_in_chunks_is_refused(people, size):
    body = b"".join(chunk(b" " * 10_000) for _ in range(size // 10_000)) + chunk(SMUGGLED) + b"0\r\n\r\n"
    told = said(people.server.port, head(people, b"Transfer-Encoding: chunked", END.strip()) + b"\r\n" + body)
    assert told == b"" or b" 413 " in told.split(b"\r\n")[0], told[:300]
    assert requests.get(f"{people.server.url}/healthz", timeout=20).ok


def test_a_large_body_with_a_length_is_refused(people):
    headers = {"Authorization": f"Bearer {people.tokens['kiosk']}", "Content-Type": "application/json"}
    answer = requests.post(people.server.url + TICKETS.decode(), data=b" " * 5_000_000, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", [b"zz\r\n", b"-5\r\nhello\r\n", b"5" * 100_000, b"\r\n\r\n", chunk(b"{}")[:-4]])
def test_broken_chunks_harm_nobody_else(people, body):
    before = issued(people)
    with line_to(people.server.port) as line:
        line.sendall(head(people, b"Transfer-Encoding: chunked") + b"\r\n" + body)
    assert requests.get(f"{people.server.url}/healthz", timeout=20).ok
    assert issued(people) == before
    assert '"level":"ERROR"' not in people.server.log.read_text()


def test_a_byte_a_second_keeps_nobody_else_out(people):
    """Two hundred slow heads and bodies; meanwhile everybody else is served as ever."""
    slow_body = head(people, b"Content-Length: 50000") + b"\r\n{"
    with ExitStack() as slow:
        lines = [slow.enter_context(line_to(people.server.port)) for _ in range(200)]
        for n, line in enumerate(lines):
            line.sendall(b"GET / HTTP/1.1\r\nX-Slow: " if n % 2 else slow_body)
        for _ in range(5):
            for line in lines:
                line.sendall(b"x")
            assert people.issue()["number"]
            assert requests.get(f"{people.server.url}/", timeout=20).ok


@pytest.mark.parametrize("part", ["head", "body"])
def test_who_never_comes_to_an_end_is_cut_off(people, part, hurried):
    with line_to(hurried.server.port) as line:
        if part == "head":
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        else:
            line.sendall(head(hurried, b"Content-Length: 50000") + b"\r\n")
        assert dribble(line, b"X-Slow: slow\r\n" if part == "head" else b" ", seconds=20)
    assert issued(hurried) == 0


def test_who_says_nothing_is_sent_away(hurried):
    with line_to(hurried.server.port) as line:
        assert all_of(line) == b""


@pytest.fixture(scope="module")
def hurried(people, tmp_path_factory):
    """A server of the same event loop whose patience is a second."""
    mode = people.server.environ["ASYNC_MODE"]
    server = Hurried(tmp_path_factory.mktemp("hurried"), ASYNC_MODE=mode)
    yield People(server)
    server.stop()
