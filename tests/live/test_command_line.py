"""`python run.py COMMAND` as somebody at a terminal meets it."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import requests

from tests.conftest import fresh_database
from tests.live.conftest import HALL, PATIENCE, ROOT, Server, run_py, until
from tests.live.people import People

pytestmark = pytest.mark.live


@pytest.fixture
def environ(tmp_path, live_database_url):
    """An installation of this test's own, without a server."""
    if live_database_url:
        fresh_database(live_database_url)
    return os.environ | {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": live_database_url,
        "REDIS_URL": "",
        "SECRET_KEY": "a secret of the live tests, long enough",
    }


@pytest.fixture
def loaded(environ):
    done = run_py(environ, "load", str(ROOT / "data" / "licheng"))
    assert done.returncode == 0, done.stderr
    return environ


def test_demo_prints_every_pages_address_and_the_sign_ins(server):
    said = server.log.read_text()
    addresses = re.findall(r"http://\S+", said)
    assert {a.split("#")[0].removeprefix(server.url) for a in addresses} >= {
        "/",
        f"/kiosk/{HALL}",
        f"/board/{HALL}",
        "/console",
        "/desk",
        "/manager",
    }
    for page in addresses:
        answer = requests.get(page, timeout=20)
        assert answer.status_code == 200, page
    for login, password in re.findall(r"(\w+) / (\S+)", said):
        signed_in = requests.post(server.api("/session"), json={"login": login, "password": password}, timeout=20)
        assert signed_in.status_code == 200, login


def test_demo_tokens_open_the_kiosk_and_the_board(server):
    said = server.log.read_text()
    kiosk, board = (re.search(rf"/{page}/{HALL}#token=(\w+)", said)[1] for page in ("kiosk", "board"))
    asks = {"headers": {"Authorization": f"Bearer {kiosk}"}, "timeout": 20}
    assert requests.post(server.api(f"/halls/{HALL}/tickets"), json={"queue": "general"}, **asks).status_code == 201
    asks["headers"] = {"Authorization": f"Bearer {board}"}
    assert requests.get(server.api(f"/halls/{HALL}/board"), **asks).status_code == 200


def test_a_port_that_is_taken_is_said_in_one_line(server):
    done = run_py(server.environ, "serve", "--port", str(server.port))
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{server.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_first_starts_at_once_share_one_hall(tmp_path, live_database_url):
    """Both make the tables, the key and the demo hall, or find them made."""
    if live_database_url:
        fresh_database(live_database_url)
    servers = [Server(tmp_path, live_database_url, wait=False, SECRET_KEY="", log=f"{n}.log") for n in (1, 2)]
    try:
        for server in servers:
            server.until_it_answers()
        people = People(servers[0])
        assert people.issue()["number"] == "A001"
        assert people.issue(server=servers[1])["number"] == "A002"
        assert len(people.get(None, "/halls")["items"]) == 1
    finally:
        for server in servers:
            server.stop()


def test_every_command_has_help(environ):
    whole = run_py(environ, "--help").stdout
    for command in ("serve", "demo", "load", "token", "user", "close-day", "backup", "restore", "move", "check"):
        assert command in whole
        assert run_py(environ, command, "--help").returncode == 0


# -- load ---------------------------------------------------------------------------------------------------------


def test_load_refuses_a_bad_file_with_each_bad_row_named_and_loads_nothing(environ, tmp_path):
    hall = tmp_path / "hall"
    shutil.copytree(ROOT / "data" / "licheng", hall)
    rows = (hall / "items.csv").read_text("utf-8-sig").splitlines()
    broken = {3: "事项名称", 7: "办理分钟"}
    header = rows[0].split(",")
    for row, column in broken.items():
        cells = rows[row - 1].split(",")
        cells[header.index(column)] = "" if column == "事项名称" else "soon"
        rows[row - 1] = ",".join(cells)
    (hall / "items.csv").write_text("\n".join(rows) + "\n", "utf-8")
    done = run_py(environ, "load", str(hall))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for row in broken:
        assert re.search(rf"items\.csv\D+{row}\b", done.stderr), done.stderr
    assert "No hall is loaded" in run_py(environ, "check").stdout


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"hall": {"code": "x"}, "surprise": 1})])
def test_load_says_what_is_wrong_with_a_file(environ, tmp_path, text):
    file = tmp_path / "hall.json"
    file.write_text(text)
    done = run_py(environ, "load", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert "hall.json" in done.stderr and "Traceback" not in done.stderr


def test_load_says_that_a_file_is_not_there(environ):
    done = run_py(environ, "load", "nowhere.csv")
    assert done.returncode == 1
    assert "nowhere.csv" in done.stderr and "Traceback" not in done.stderr


# -- token and user -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--role", "kiosk", "--hall", "nowhere"), "There is no hall 'nowhere'"),
        (("--role", "counter", "--hall", HALL), "--counter goes with --role counter"),
        (("--role", "board", "--hall", HALL, "--counter", "1"), "--counter goes with --role counter"),
        (("--role", "counter", "--hall", HALL, "--counter", "999"), "has no counter 999"),
    ],
)
def test_a_token_for_nobody_is_refused(loaded, words, told):
    done = run_py(loaded, "token", *words)
    assert done.returncode == 1
    assert told in done.stderr


def test_a_token_made_beside_the_running_server_works_at_once(server):
    token = server.run("token", "--role", "counter", "--hall", HALL, "--counter", "2")
    headers = {"Authorization": f"Bearer {token}"}
    opened = requests.post(server.api(f"/halls/{HALL}/counters/2/open"), json={}, headers=headers, timeout=20)
    assert opened.status_code == 200
    foreign = requests.post(server.api(f"/halls/{HALL}/counters/1/open"), json={}, headers=headers, timeout=20)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")


def test_a_member_of_staff_comes_changes_the_password_and_goes(server):
    def sign_in(password):
        browser = requests.Session()
        told = browser.post(server.api("/session"), json={"login": "wang", "password": password}, timeout=20)
        return browser if told.status_code == 200 else told.json()["code"]

    def user(*words, said=""):
        return run_py(server.environ, "user", *words, said=said)

    assert user("add", "wang", "--role", "agent", "--hall", HALL, said="first password\n").returncode == 0
    first = sign_in("first password")
    assert first.get(server.api("/session"), timeout=20).json()["login"] == "wang"
    assert user("passwd", "wang", said="second password\n").returncode == 0
    assert first.get(server.api("/session"), timeout=20).status_code == 401  # every session ends with the password
    assert sign_in("first password") == "bad_credentials"
    second = sign_in("second password")
    assert user("disable", "wang").returncode == 0
    assert second.get(server.api("/session"), timeout=20).status_code == 401
    assert sign_in("second password") == "bad_credentials"


@pytest.mark.parametrize(
    ("words", "said", "told"),
    [
        (("add", "li", "--role", "agent"), "long enough 1\n", "--hall"),
        (("add", "li", "--role", "agent", "--hall", HALL), "short\n", "at least 8"),
        (("add", "agent01", "--role", "agent", "--hall", HALL), "long enough 1\n", "already an account 'agent01'"),
        (("passwd", "nobody"), "long enough 1\n", "There is no account 'nobody'"),
        (("disable", "nobody"), "", "There is no account 'nobody'"),
    ],
)
def test_what_cannot_be_done_to_an_account_is_said(loaded, words, said, told):
    done = run_py(loaded, "user", *words, said=said)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


# -- close-day and check ------------------------------------------------------------------------------------------


def test_close_day_of_an_unknown_hall(loaded):
    done = run_py(loaded, "close-day", "--hall", "nowhere")
    assert (done.returncode, done.stderr.strip()) == (1, "There is no hall 'nowhere'")


def test_check_tells_what_is_unsafe_one_line_each(loaded):
    unsafe = loaded | {"RATE_LIMITS": "off", "HOST": "0.0.0.0", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = run_py(unsafe, "check")
    assert done.returncode == 1
    for word in ("RATE_LIMITS", "HOST", "REDIS_URL", "demo password"):
        assert [word in line for line in done.stdout.splitlines()].count(True) == 1, word


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("ASYNC_MODE", "asyncio"), ("SECRET_KEY", "changeme"), ("PORT", "70000")]
)
def test_a_wrong_setting_is_named_and_nothing_starts(environ, name, value):
    done = run_py(environ | {name: value}, "serve")
    assert done.returncode == 1
    assert name in done.stderr or value in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_server_without_a_trace(environ):
    from tests.live.conftest import free_port

    port = free_port()
    command = [sys.executable, "run.py", "demo", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as one:
        until(lambda: ready(port), "the server to answer")
        one.send_signal(2)
        assert one.wait(PATIENCE) == 0
        assert b"Traceback" not in one.stderr.read()


def ready(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok
    except requests.RequestException:
        return False
