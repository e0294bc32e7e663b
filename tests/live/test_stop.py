"""Told to stop, a server takes nobody in, finishes what is begun, lets its sockets go and leaves; started again, it
has them all back without anybody touching anything."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import engineio
import pytest
import requests
import socketio

from tests.live.conftest import HALL, ROOT, until
from tests.live.people import People

pytestmark = pytest.mark.live

LEAVE_SECONDS = 6  # a stop in order, with what is begun and a little for a loaded machine
START_SECONDS = 3  # of computing, until the first answer

modes = pytest.mark.parametrize("mode", ["eventlet", "gevent"])


class InOrder(engineio.Client):
    """The library handles each message in a thread of its own, so they overtake each other; here they may not."""

    def _trigger_event(self, event, *args, **kwargs):
        kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class SocketClient(socketio.Client):
    def _engineio_client_class(self):
        return InOrder


class Guest:
    """A page that keeps its line: it says what it knows already when it comes back."""

    def __init__(self, url, namespace, transports=("websocket",), http=None, **auth):
        self.namespace, self.known = namespace, auth
        self.last, self.seqs, self.arrivals, self.told = None, [], 0, []
        self.client = SocketClient(
            reconnection_delay=0.1, reconnection_delay_max=0.3, http_session=http, request_timeout=30
        )
        on = {"connect": self.arrive, "snapshot": self.begin, "event": self.hear, "changed": self.told.append}
        for name, handler in on.items():
            self.client.on(name, handler, namespace=namespace)
        self.client.connect(url, namespaces=[namespace], auth=self.auth, transports=list(transports))

    def auth(self):
        return self.known | ({} if self.last is None else {"after": self.last})

    def arrive(self):
        self.arrivals += 1

    def begin(self, snapshot):
        self.last = snapshot["seq"]

    def hear(self, event):
        if self.last is not None and event["seq"] == self.last + 1:
            self.last = event["seq"]
            self.seqs.append(self.last)
        elif self.last is not None and event["seq"] > self.last:
            self.client.emit("replay", {"after": self.last}, namespace=self.namespace)

    def leave(self):
        # The closing handshake may take seconds; nobody waits for it.
        threading.Thread(target=self.client.shutdown, daemon=True).start()


@pytest.fixture
def guests():
    inside = []

    def let_in(*where, **auth):
        inside.append(Guest(*where, **auth))
        return inside[-1]

    yield let_in
    for guest in inside:
        guest.leave()


class Slow:
    """A number asked for over a slow line: the head of the request is there, its body comes when told."""

    def __init__(self, server, token):
        self.body = json.dumps({"queue": "general"}).encode()
        lines = (
            f"POST /api/v1/halls/{HALL}/tickets HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
        )
        self.line = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self.line.sendall("\r\n".join([*lines, "", ""]).encode() + self.body[:5])
        until(lambda: under_way(server) == 2, "the request to be under way")  # it, and the one that asks

    def go_on(self):
        self.line.sendall(self.body[5:])
        with self.line.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
        return head.decode(), json.loads(body)


def under_way(server):
    lines = requests.get(f"{server.url}/metrics", timeout=5).text.splitlines()
    (figure,) = [line.split()[1] for line in lines if line.startswith("yichuang_http_requests_under_way ")]
    return float(figure)


def is_shut(server):
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def tell(server, sign=signal.SIGTERM):
    server.process.send_signal(sign)
    until(lambda: is_shut(server), "the door to be shut")


@contextmanager
def gone(server, status=0):
    """What is done inside makes the server leave, in time."""
    yield
    assert server.process.wait(LEAVE_SECONDS) == status, server.log.read_text()[-2000:]


@modes
def test_what_is_begun_is_finished_and_everybody_comes_back(start_server, guests, mode):
    server = start_server(ASYNC_MODE=mode)
    people = People(server)
    board = guests(server.url, "/board", token=people.tokens["board"], hall=HALL)
    console = guests(server.url, "/counter", token=people.tokens[1], hall=HALL)
    number = people.issue()
    phone = guests(server.url, "/ticket", transports=("polling",), ticket=number["id"])
    until(lambda: board.last is not None and console.last is not None and phone.told, "everybody's first word")
    slow = Slow(server, people.tokens["kiosk"])
    with gone(server):
        tell(server)
        head, ticket = slow.go_on()
    assert head.startswith("HTTP/1.1 201")
    assert "connection: close" in head.lower()

    server.start()
    assert seconds_of_computing(server) < START_SECONDS
    until(lambda: [guest.arrivals for guest in (board, console, phone)] == [2, 2, 2], "everybody to come back")
    people.at(1, "open")
    assert people.at(1, "call")["number"] == number["number"]
    until(lambda: phone.told[-1]["state"] == "called", "the phone to hear of its call")
    for guest in (board, console):
        until(lambda guest=guest: guest.last == 4, "the whole log")  # two numbers, a counter open, a call
        assert guest.seqs == list(range(guest.seqs[0], 5))
    assert ticket["number"] != number["number"]


def seconds_of_computing(server):
    """What the process has used of the processors: on a loaded machine the clock would tell of the others."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@modes
def test_with_nothing_to_finish_it_leaves_at_once(start_server, guests, mode):
    server = start_server(ASYNC_MODE=mode)
    board = guests(server.url, "/board", token=People(server).tokens["board"], hall=HALL)
    until(lambda: board.last is not None, "the snapshot")
    with gone(server):
        tell(server, signal.SIGINT)
    assert "Traceback" not in server.log.read_text()


def test_a_request_that_never_ends_holds_it_up_for_a_while_only(server):
    Slow(server, People(server).tokens["kiosk"])
    with gone(server):
        tell(server)


def test_told_twice_it_leaves_at_once(server):
    slow = Slow(server, People(server).tokens["kiosk"])
    with gone(server, status=1):
        tell(server)
        server.process.send_signal(signal.SIGTERM)
    assert slow.line.recv(1) == b""


def test_two_servers_do_not_share_one_port(server):
    """They would take turns at random, each with a database of its own."""
    command = [sys.executable, "run.py", "serve", "--port", str(server.port)]
    done = subprocess.run(command, cwd=ROOT, env=server.environ, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Cannot listen on" in done.stderr
