"""Whatever comes by a socket: the server stays up, says no by a code or closes the line, and holds on to nothing."""

import json
import random
import string
from pathlib import Path

import pytest
import requests
import websocket

from tests.live.conftest import HALL, Server, until
from tests.live.people import People, Screen

pytestmark = pytest.mark.live

SEED = 20261124
LAST = "40/last,"  # there is no such namespace: the refusal says that everything before it was heard


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def people(request, tmp_path_factory, live_database_url):
    from tests.conftest import fresh_database

    url = fresh_database(live_database_url) if live_database_url else ""
    server = Server(tmp_path_factory.mktemp("sockets"), url, ASYNC_MODE=request.param)
    yield People(server)
    server.stop()


def wire(people, *packets: str | bytes, patience: float = 0.3) -> list[str]:
    """What a socket is told in answer to these packets, as far as it comes soon."""
    line = websocket.create_connection(
        f"ws://127.0.0.1:{people.server.port}/socket.io/?EIO=4&transport=websocket", timeout=10
    )
    heard = []
    try:
        assert line.recv().startswith("0{")
        for packet in (*packets, LAST):
            if isinstance(packet, bytes):
                line.send_binary(packet)
            else:
                line.send(packet)
        line.settimeout(patience)
        while (packet := line.recv()) and not packet.startswith("44/last,"):
            heard.append(packet)
    except (websocket.WebSocketException, OSError):
        pass
    finally:
        line.shutdown()
    return [packet for packet in heard if packet != "2"]


def is_well(people) -> None:
    assert people.issue()["number"]
    """The library says of a packet that it could not read it; nothing of ours may have failed."""
    log = people.server.log.read_text().splitlines()
    errors = [line for line in log if '"level":"ERROR"' in line and '"logger":"engineio.server"' not in line]
    assert not errors, errors[0][:2000]


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


CONNECTS = [
    None, [], "text", 7, {}, {"token": None}, {"token": 1}, {"token": ["x"]}, {"token": {}}, {"token": ""},
    {"token": "x" * 5000}, {"token": "\x00"}, {"token": "\ud800"}, {"token": "' OR '1'='1"}, {"token": "TOKEN"},
    {"token": "TOKEN", "hall": 1}, {"token": "TOKEN", "hall": None}, {"token": "TOKEN", "hall": []},
    {"token": "TOKEN", "hall": "nowhere"}, {"token": "TOKEN", "hall": "\x00"}, {"token": "TOKEN", "hall": "../" + HALL},
    {"token": "TOKEN", "hall": HALL, "after": -1}, {"token": "TOKEN", "hall": HALL, "after": "1"},
    {"token": "TOKEN", "hall": HALL, "after": 1.5}, {"token": "TOKEN", "hall": HALL, "after": True},
    {"token": "TOKEN", "hall": HALL, "after": 2**63}, {"token": "TOKEN", "hall": HALL, "after": []},
    {"ticket": 1}, {"ticket": None}, {"ticket": []}, {"ticket": {}}, {"ticket": "\x00"}, {"ticket": "x" * 5000},
    {"ticket": "' OR 1=1 --"}, {"ticket": "\ud800"}, {"__proto__": {}}, {"hall": HALL},
]  # fmt: skip


@pytest.mark.parametrize("namespace", ["/board", "/counter", "/manager", "/ticket"])
@pytest.mark.parametrize("auth", CONNECTS, ids=range(len(CONNECTS)))
def test_a_wrong_hello_is_refused_by_a_code(people, namespace, auth):
    text = json.dumps(auth).replace('"TOKEN"', json.dumps(people.tokens["kiosk"]))
    heard = wire(people, f"40{namespace},{text}")
    assert len(heard) == 1 and heard[0].startswith(f"44{namespace},"), heard
    told = json.loads(heard[0].split(",", 1)[1])
    assert told["data"]["code"] == told["message"] and 400 <= told["data"]["status"] < 500, told


@pytest.mark.parametrize("namespace", ["/nothing", "/admin", "/../board", "/board%2f", "/" + "x" * 2000, "/\x00"])
def test_a_namespace_that_is_none_is_refused(people, namespace):
    for packet in wire(people, f"40{namespace},"):
        assert packet.startswith("44"), packet
    is_well(people)


BROKEN: list[str | bytes] = [
    "", "4", "9", "x", "40/board", "40/board,{", "40/board,[[[", "42", "42[", "42[]", "42[1]", "42[null]",
    '42["replay"]',
    '42/board,["replay",{"after":1}]', "42/board,99999999999999999999[]", "43/board,1[]", "43[]", "45", "451-",
    "459-[]", "4599999999999-/board,[]", '451-/board,["x",{"_placeholder":true,"num":0}]',
    '451-["x",{"_placeholder":true,"num":-1}]',
    "46", "461-", "41/board,", "41", "1", "2probe", "3", "5", "6", b"", b"\x00", b"\xff" * 100, b"4" + b"\x00" * 1000,
    "40/board," + deep(900), "42/board," + deep(20_000), "40/board," + "9" * 5000, "\ud7ff" * 1000, "b====", "bAAAA",
]  # fmt: skip


@pytest.mark.parametrize("packet", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_packet_harms_nobody_else(people, packet):
    for heard in wire(people, packet):
        assert "Traceback" not in heard
    is_well(people)


def test_a_packet_without_its_attachments_is_not_kept_for_ever(people):
    """A binary event announces parts that never come; the line ends, and so does what was kept for it."""
    wire(people, *['451-/board,["replay",{"_placeholder":true,"num":0}]'] * 50)
    is_well(people)


@pytest.mark.parametrize("size", [70_000, 5_000_000])
@pytest.mark.parametrize("kind", ["text", "binary"])
def test_a_huge_packet_ends_the_line(people, size, kind):
    before = memory(people.server)
    packet = "40/board," + "x" * size if kind == "text" else b"x" * size
    assert wire(people, packet, patience=5) == []
    is_well(people)
    assert memory(people.server) - before < 60_000_000


def test_chance_finds_nothing(people):
    """Four thousand packets from a seed, most of them nearly right."""
    chance = random.Random(SEED)
    for _ in range(40):
        wire(people, *(by_chance(chance) for _ in range(100)), patience=0.05)
    is_well(people)


def test_many_lines_and_replays_leave_nothing_behind(people):
    hello = "40/board," + json.dumps({"token": people.tokens["board"], "hall": HALL})
    replays = [f'42/board,["replay",{json.dumps(value)}]' for value in (None, 0, "x", [], {"after": -1}, {"after": []})]
    wire(people, hello, *replays * 5)
    before = memory(people.server)
    for _ in range(30):
        wire(people, hello, *replays * 5, patience=0.05)
    until(lambda: "yichuang_" in figures(people) and listening(people) == 0, "all lines to be let go")
    assert memory(people.server) - before < 60_000_000
    is_well(people)


def test_meanwhile_a_board_goes_on(people):
    board = Screen(people)
    try:
        until(lambda: board.last is not None, "the board's snapshot")
        chance = random.Random(SEED + 1)
        wire(people, *(by_chance(chance) for _ in range(200)))
        number = people.issue()["number"]
        until(lambda: board.heard("ticket.issued", number), "the board to hear of the ticket")
    finally:
        board.close()


@pytest.mark.parametrize("query", ["EIO=3&transport=polling", "EIO=4&transport=pigeon", "EIO=4&transport=polling&sid=x",
                                   "EIO=x&transport=polling", "", "EIO=4&transport=polling&j=1%0d%0aX:1",
                                   "EIO=4&transport=websocket", "EIO=4&transport=polling&sid=%00"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_a_wrong_handshake_is_no_fault_of_the_servers(people, query, method):
    answer = requests.request(method, f"{people.server.url}/socket.io/?{query}", data=b"x" * 100, timeout=20)
    assert answer.status_code < 500 and "Traceback" not in answer.text
    assert "X" not in answer.headers


def by_chance(chance: random.Random) -> str | bytes:
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(200))
    letters = string.printable + '{}[]",:/\\"' * 5
    rest = "".join(chance.choice(letters) for _ in range(chance.randrange(60)))
    start = chance.choice(
        ["4", "40", "42", "43", "44", "45", "451-", "46", "40/board,", "42/board,", "42/ticket,1", "2"]
    )
    return start + chance.choice([rest, json.dumps(rest), json.dumps(["replay", {"after": rest}]), deep(len(rest))])


def memory(server: Server) -> int:
    """Bytes the server's process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def figures(people) -> str:
    return requests.get(f"{people.server.url}/metrics", timeout=20).text


def listening(people) -> float:
    lines = [line for line in figures(people).splitlines() if line.startswith("yichuang_sockets{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
