"""The feeds over real sockets against real server processes: complete, in order, each event once.

ASYNC_MODE=gevent in the environment runs the same against gevent."""

import json
import os
import shutil
import socket
import time
from itertools import count
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import engineio
import pytest
import requests
import socketio
import websocket

from tests.conftest import fresh_database
from tests.display.house import House
from tests.live.conftest import Server, until
from ticketing.table import database

pytestmark = pytest.mark.live


class InOrder(engineio.Client):
    """The library handles each message in a thread of its own, so they overtake each other; here they may not."""

    def _trigger_event(self, event, *args, **kwargs):
        kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class OrderedClient(socketio.Client):
    def _engineio_client_class(self):
        return InOrder


class Ear:
    """A client of one namespace that keeps what it hears, in the order it came."""

    def __init__(self, server, namespace="/board", **auth):
        self.namespace = namespace
        self.heard = []
        self.refusal = None
        self.client = OrderedClient(reconnection=False)
        for name in ("snapshot", "event", "heartbeat", "changed"):
            self.client.on(name, lambda what, name=name: self.heard.append((name, what)), namespace=namespace)
        self.client.on("connect_error", self.refused, namespace=namespace)
        try:
            self.client.connect(server.url, namespaces=[namespace], auth=auth, transports=["websocket"])
        except socketio.exceptions.ConnectionError:
            until(lambda: self.refusal, "the refusal")

    def refused(self, why):
        self.refusal = why

    def of(self, name):
        return [what for heard, what in list(self.heard) if heard == name]

    def first(self, name):
        return until(lambda: self.of(name), name)[0]

    def seqs(self):
        return [event["seq"] for event in self.of("event")]

    def applied(self, after):
        """What the client's rule (last + 1) makes of it: live events may come before and between replayed ones."""
        last = after
        for seq in self.seqs():
            if seq == last + 1:
                last = seq
        return list(range(after + 1, last + 1))

    def replay(self, asked):
        return self.client.call("replay", asked, namespace=self.namespace, timeout=10)

    def close(self):
        # The closing handshake may take seconds; nobody waits for it.
        Thread(target=self.client.disconnect, daemon=True).start()


class Listened(House):
    """A house with clients of its feeds."""

    def __init__(self, server, code):
        super().__init__(server, code)
        self.ears = []

    def listen(self, namespace="/board", role="board", counter=None, server=None, **auth):
        asks = {"token": self.token(role, counter), "hall": self.code, **auth}
        self.ears.append(Ear(server or self.server, namespace, **asks))
        return self.ears[-1]

    def close(self):
        for ear in self.ears:
            ear.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, live_database_url):
    url = fresh_database(live_database_url) if live_database_url else ""
    server = Server(tmp_path_factory.mktemp("feeds"), url)
    yield server
    server.stop()


codes = count(1)


@pytest.fixture
def hall(shared):
    house = Listened(shared, f"hall{next(codes)}")
    yield house
    house.close()
    database.close_all()


@pytest.fixture
def server(shared):
    """The one server of this file; its log is read from where this test began."""
    shared.quiet_from = len(shared.log.read_text())
    return shared


def said_by(server):
    return server.log.read_text()[server.quiet_from :]


def test_a_newcomer_gets_a_snapshot_then_each_event_once_and_in_order(hall):
    hall.issue()
    board = hall.listen()
    assert board.first("snapshot")["seq"] == 1
    hall.at(1, "open")
    called = hall.at(1, "call")
    hall.at(1, "recall", ticket=called["id"])
    hall.at(1, "begin", ticket=called["id"])
    until(lambda: len(board.of("event")) == 4, "four events")
    assert board.seqs() == [2, 3, 4, 5]
    types = [event["type"] for event in board.of("event")]
    assert types == ["counter.opened", "ticket.called", "ticket.recalled", "ticket.serving"]


def test_what_is_pushed_is_what_the_log_has(hall):
    board = hall.listen()
    board.first("snapshot")
    for _ in range(5):
        hall.issue()
    until(lambda: len(board.of("event")) == 5, "five events")
    assert board.of("event") == hall.log()


def test_a_call_says_what_the_contract_says(hall):
    board = hall.listen()
    hall.issue()
    hall.at(2, "open")
    hall.at(2, "call")
    call = until(lambda: [e for e in board.of("event") if e["type"] == "ticket.called"], "the call")[0]
    assert call["number"] == "A001"
    assert (call["counter"], call["counter_name"], call["zone"], call["queue"]) == (2, "2", "east", "general")
    assert call["speech"] == {
        "zh-CN": "请A001号到2号窗口办理",
        "en": "Ticket A001, please go to counter 2",
    }
    assert [url.split("?")[0] for url in call["audio"]] == [
        f"/audio/{hall.code}/{call['seq']}/zh-CN.wav",
        f"/audio/{hall.code}/{call['seq']}/en.wav",
    ]
    assert call["speak_until"] > call["at"]
    assert not {"ticket", "items", "id", "name", "phone", "id_number", "agent"} & set(call)


def test_staff_hear_the_ticket_and_never_who_it_is(hall):
    console = hall.listen("/counter", "counter", 1)
    assert console.first("snapshot") == {"seq": 0}
    issued = hall.issue(name="Zhang San", phone="13800000000", id_number="11010519491231002X")
    event = console.first("event")
    assert event["ticket"] == issued["id"]
    assert event["priority"] == "normal"
    assert "13800000000" not in str(event)
    assert "Zhang" not in str(event)
    assert "11010519491231002X" not in str(event)


def test_after_a_cut_exactly_the_missed_events_come(hall):
    first = hall.listen()
    first.first("snapshot")
    hall.issue()
    until(lambda: first.seqs() == [1], "the first event")
    first.close()
    for _ in range(3):
        hall.issue()
    again = hall.listen(after=1)
    until(lambda: again.applied(1) == [2, 3, 4], "the missed events")
    again.first("heartbeat")
    assert not again.of("snapshot")
    hall.issue()
    until(lambda: again.applied(1) == [2, 3, 4, 5], "the next live event")


def test_nothing_missed_is_told_by_a_heartbeat_alone(hall):
    hall.issue()
    board = hall.listen(after=1)
    assert board.first("heartbeat")["seq"] == 1
    assert not board.of("snapshot") and not board.of("event")


@pytest.mark.parametrize("after", [99, 2**40])
def test_after_from_the_future_gets_a_snapshot(hall, after):
    hall.issue()
    assert hall.listen(after=after).first("snapshot")["seq"] == 1


def test_who_missed_more_than_500_gets_a_snapshot(hall):
    hall.pass_time(502)
    assert hall.listen(after=1).first("snapshot")["seq"] == 502
    board = hall.listen(after=2)
    until(lambda: len(board.of("event")) == 500, "500 missed events")
    assert board.seqs() == list(range(3, 503))


def test_replay_is_answered_by_the_events_and_then_the_acknowledgement(hall):
    for _ in range(3):
        hall.issue()
    board = hall.listen()
    board.first("heartbeat")
    assert board.replay({"after": 1}) == {"seq": 3}
    assert board.seqs() == [2, 3]
    assert board.replay({"after": 3}) == {"seq": 3}
    assert board.seqs() == [2, 3]


def test_replay_from_the_future_gives_a_snapshot(hall):
    board = hall.listen()
    board.first("snapshot")
    assert board.replay({"after": 7}) == {"seq": 0}
    assert len(board.of("snapshot")) == 2


@pytest.mark.parametrize(
    "asked", [None, "1", 1, [], {}, {"after": "1"}, {"after": -1}, {"after": 1.5}, {"after": True}]
)
def test_a_malformed_replay_is_refused_by_a_problem(server, hall, asked):
    board = hall.listen()
    board.first("heartbeat")
    problem = board.replay(asked)
    assert (problem["status"], problem["code"]) == (422, "invalid")
    assert "Traceback" not in said_by(server)


def test_a_heartbeat_at_least_every_five_seconds_on_each_feed(hall):
    ears = [hall.listen(), hall.listen("/counter", "counter", 1), hall.listen("/manager", "counter", 1)]
    hall.issue()
    for ear in ears:
        until(lambda ear=ear: len(ear.of("heartbeat")) >= 3, "three heartbeats", seconds=13)
        assert ear.of("heartbeat")[-1]["seq"] == 1


def test_the_managers_newcomer_gets_the_load(hall):
    snapshot = hall.listen("/manager", "counter", 1).first("snapshot")
    assert snapshot["seq"] == 0
    assert {"headline", "queues", "counters"} <= set(snapshot)


@pytest.mark.parametrize(
    ("namespace", "role", "auth", "status", "code"),
    [
        ("/board", "board", {"token": ""}, 401, "unauthorized"),
        ("/board", "board", {"token": None}, 401, "unauthorized"),
        ("/board", "board", {"token": "x" * 43}, 401, "unauthorized"),
        ("/board", "board", {"hall": "nowhere"}, 404, "unknown_hall"),
        ("/board", "board", {"hall": 7}, 404, "unknown_hall"),
        ("/board", "kiosk", {}, 403, "forbidden"),
        ("/counter", "board", {}, 403, "forbidden"),
        ("/manager", "kiosk", {}, 403, "forbidden"),
        ("/board", "board", {"after": "yesterday"}, 422, "invalid"),
        ("/board", "board", {"after": -1}, 422, "invalid"),
        ("/board", "board", {"after": 2**70}, 422, "invalid"),
    ],
)
def test_who_may_not_hear_is_told_why(hall, namespace, role, auth, status, code):
    refused = hall.listen(namespace, role, **auth).refusal
    assert refused["message"] == code
    assert (refused["data"]["code"], refused["data"]["status"]) == (code, status)


@pytest.mark.parametrize("ticket", [None, "", "no-such-ticket", 5, {"a": 1}])
def test_a_phone_without_a_ticket_is_told_why(server, ticket):
    assert Ear(server, "/ticket", ticket=ticket).refusal["message"] == "unknown_ticket"


def test_a_phone_hears_its_own_ticket_and_only_when_something_changed(server, hall):
    hall.at(1, "open")
    tickets = [hall.issue() for _ in range(3)]
    phone = Ear(server, "/ticket", ticket=tickets[2]["id"])
    assert phone.first("changed")["ahead"] == 2
    called = hall.at(1, "call")
    until(lambda: phone.of("changed")[-1]["ahead"] == 1, "one fewer ahead")
    hall.at(1, "begin", ticket=called["id"])
    hall.at(1, "finish", ticket=called["id"])
    called = hall.at(1, "call")
    until(lambda: phone.of("changed")[-1]["ahead"] == 0, "nobody ahead")
    hall.at(1, "begin", ticket=called["id"])
    hall.at(1, "finish", ticket=called["id"])
    hall.at(1, "call")
    told = until(lambda: [t for t in phone.of("changed") if t["state"] == "called"], "the call")[0]
    assert (told["counter"], told["counter_name"], told["ahead"]) == (1, "1", None)
    places = [told["ahead"] for told in phone.of("changed") if told["state"] == "waiting"]
    assert places == sorted(places, reverse=True)
    assert "number" not in str(phone.heard)
    phone.close()


def test_a_burst_of_calls_reaches_every_board_whole(hall):
    boards = [hall.listen() for _ in range(5)]
    for board in boards:
        board.first("heartbeat")
    for counter, queue in ((1, "general"), (2, "general"), (31, "tax")):
        hall.at(counter, "open")
        hall.issue(queue)
    for counter in (1, 2, 31):
        hall.at(counter, "call")
    for board in boards:
        until(lambda board=board: len(board.of("event")) == 9, "nine events")
        assert board.seqs() == list(range(1, 10))
        numbers = [event["number"] for event in board.of("event") if event["type"] == "ticket.called"]
        assert numbers == ["A001", "A002", "B001"]


def test_a_reader_that_stops_reading_does_not_delay_the_others(server, hall):
    stalled = raw_board(hall)
    board = hall.listen()
    board.first("heartbeat")
    delays = []
    for _ in range(60):
        started = time.monotonic()
        seq = len(board.of("event"))
        hall.issue()
        until(lambda seq=seq: len(board.of("event")) > seq, "the event")
        delays.append(time.monotonic() - started)
    delays.sort()
    assert board.seqs() == list(range(1, 61))
    assert delays[len(delays) // 2] < 0.5
    stalled.close()


def raw_board(hall):
    """A paired board that reads its way into the feed and then never again; its window to receive is tiny."""
    where = urlsplit(hall.server.url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.connect((where.hostname, where.port))
    raw = websocket.WebSocket()
    raw.connect(f"ws://{where.netloc}/socket.io/?EIO=4&transport=websocket", socket=line)
    assert raw.recv().startswith("0")
    raw.send("40/board," + json.dumps({"token": hall.token("board"), "hall": hall.code}))
    assert raw.recv().startswith("40/board,")
    return raw


def test_the_answer_to_connect_comes_before_anything_else(server, hall):
    hall.issue()
    raw = raw_board(hall)
    assert raw.recv().startswith('42/board,["snapshot"')
    raw.close()


# Whole lines that are no packet: only the development server, which nobody serves with, prints a trace for them.
NO_PACKET = pytest.param(
    "hello", marks=pytest.mark.skipif(os.environ.get("ASYNC_MODE") == "threading", reason="the development server")
)


@pytest.mark.parametrize(
    "garbage",
    ["4", "42", "42/board,", '42/board,["replay"', "49", "45-x/board", NO_PACKET, '42/board,{"a":1}', "4" * 9000],
)
def test_garbage_on_the_line_leaves_no_stack_trace_and_harms_nobody(server, hall, garbage):
    board = hall.listen()
    board.first("heartbeat")
    raw = raw_board(hall)
    raw.send(garbage)
    hall.issue()
    until(lambda: board.seqs() == [1], "the event")
    raw.close()
    assert "Traceback" not in said_by(server)


def test_the_server_comes_back_and_the_numbers_go_on(start_server):
    hall = Listened(start_server(), "phoenix")
    hall.issue()
    hall.listen().first("snapshot")
    hall.server.kill()
    hall.server.start()
    assert hall.issue()["number"] == "A002"
    again = hall.listen(after=1)
    until(lambda: again.applied(1) == [2], "the event made after the restart")
    hall.close()


def test_two_processes_tell_each_others_boards(start_server):
    one, other = start_server(), start_server()
    hall = Listened(one, "twins")
    boards = [hall.listen(server=server) for server in (one, other)]
    for board in boards:
        board.first("heartbeat")
    hall.issue()
    hall.kiosk.post(other.api(f"/halls/{hall.code}/tickets"), json={"queue": "general"})
    for board in boards:
        until(lambda board=board: board.seqs() == [1, 2], "both events, in order")
    hall.close()


def test_redis_being_away_costs_at_most_a_second(start_server):
    nowhere = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    one, other = start_server(**nowhere), start_server(**nowhere)
    hall = Listened(one, "noredis")
    board = hall.listen(server=other)
    board.first("heartbeat")
    for seq in (1, 2, 3):
        began = time.monotonic()
        hall.issue()
        until(lambda seq=seq: len(board.of("event")) == seq, "the event")
        assert time.monotonic() - began < 5  # a second, and what a loaded machine adds
    assert board.seqs() == [1, 2, 3]
    assert "Traceback" not in one.log.read_text() + other.log.read_text()
    hall.close()


# -- by HTTP ------------------------------------------------------------------------------------------------------


def test_the_feed_by_pages(hall):
    for _ in range(5):
        hall.issue()
    board = hall.session("board")
    page = board.get(f"{hall.base}/events", params={"after": 1, "limit": 2}).json()
    assert ([event["seq"] for event in page["items"]], page["seq"], page["next"]) == ([2, 3], 5, 3)
    page = board.get(f"{hall.base}/events", params={"after": 3}).json()
    assert ([event["seq"] for event in page["items"]], page["seq"], page["next"]) == ([4, 5], 5, None)
    page = board.get(f"{hall.base}/events", params={"after": 9}).json()
    assert (page["items"], page["seq"], page["next"]) == ([], 5, None)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", "page=2", f"after={2**63}"])
def test_wrong_questions_to_the_feed(hall, query):
    answer = hall.session("board").get(f"{hall.base}/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_the_board_by_http(hall):
    hall.at(1, "open")
    hall.issue()
    hall.at(1, "call")
    board = hall.session("board").get(f"{hall.base}/board").json()
    assert board["seq"] == 3
    assert [call["number"] for call in board["calls"]] == ["A001"]
    assert board["waiting"]["general"] == 0
    assert [c["number"] for c in board["counters"] if c["counter"] == 1] == ["A001"]
    assert requests.get(f"{hall.base}/board").status_code == 401
    assert hall.session("kiosk").get(f"{hall.base}/board").status_code == 403


def test_the_sound_of_a_call(server, hall):
    hall.at(1, "open")
    hall.issue()
    hall.at(1, "call")
    call = next(event for event in hall.log() if event["type"] == "ticket.called")
    answer = requests.get(server.url + call["audio"][0])
    if answer.status_code == 404:  # no speech engine on this machine
        assert answer.json()["code"] == "no_voice"
        pytest.skip("espeak-ng is not installed")
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.content[:4] == b"RIFF" and len(answer.content) > 20_000
    assert "max-age" in answer.headers["Cache-Control"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_clips_are_ready_before_a_board_asks(server, hall):
    board = hall.listen()
    board.first("heartbeat")
    clips = Path(server.environ["DATA_DIR"]) / "voice"
    known = set(clips.glob("*.wav"))
    for _ in range(6):
        hall.issue()
    hall.at(1, "open")
    for _ in range(5):  # numbers that no other test here has called
        ticket = hall.at(1, "call")
        hall.at(1, "begin", ticket=ticket["id"])
        hall.at(1, "finish", ticket=ticket["id"])
    until(lambda: set(clips.glob("*.wav")) - known, "clips")


@pytest.mark.parametrize("path", ["1/zh-CN.wav", "999/zh-CN.wav", "3/xx.wav", f"{2**63}/zh-CN.wav", "3/..%2f.wav"])
def test_no_sound_is_a_problem(server, hall, path):
    hall.issue()
    assert requests.get(f"{server.url}/audio/{hall.code}/{path}").status_code == 404
