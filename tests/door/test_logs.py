"""Log lines: who, what, how it ended and under which id; never what is personal or secret."""

import io
import json
import logging
import re
from dataclasses import replace

import pytest
from flask import request
from peewee import IntegrityError, OperationalError

import app as composition
import commands
from config import BadSetting, load_settings
from door import logs
from door.logs import JsonLines, masked, start_logging
from tests.cast import CODE, PASSWORD
from ticketing import db
from ticketing.models import Hall

PHONE, ID_NUMBER, NAME = "13800138000", "11010519491231002X", "王小明"
PERSON = {"name": NAME, "phone": PHONE, "id_number": ID_NUMBER}


class Lines(io.StringIO):
    """What a server writes, as text and as objects."""

    def json(self):
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, endpoint):
        return [line for line in self.json() if line.get("endpoint") == endpoint]


@pytest.fixture
def written(monkeypatch):
    """The log of a serving process, begun as it begins; the tests' own logging is put back."""
    root, quieted = logging.getLogger(), [logging.getLogger(name) for name in logs.TALKATIVE]
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    for logger in quieted:
        monkeypatch.setattr(logger, "level", logger.level)
    yield lambda format="json", level="INFO": begin(format, level)
    for logger in [root, *quieted]:
        logger.manager._clear_cache()


def begin(format, level):
    lines = Lines()
    start_logging(level, format, lines)
    return lines


def test_a_request_is_one_object_on_one_line(door, written):
    lines = written()
    answer = door.post(f"/halls/{CODE}/tickets", {"queue": "general"}, "kiosk")
    (line,) = lines.json()
    assert line["ms"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["at"])
    assert re.fullmatch(r"token:\d+", line["who"])
    assert {name: line[name] for name in line if name not in ("ms", "at", "who")} == {
        "level": "INFO",
        "logger": "yichuang.access",
        "message": "POST tickets.issue_ticket 201",
        "request_id": answer.headers["X-Request-ID"],
        "method": "POST",
        "endpoint": "tickets.issue_ticket",
        "status": 201,
    }


def test_staff_are_named_by_their_row(cast, door, written):
    door.get("/session", "alice")
    lines = written()
    door.get("/session", "alice")
    assert lines.json()[-1]["who"] == f"staff:{cast.staff['alice'].id}"


def test_a_line_of_a_request_has_its_id(door, client, written, monkeypatch):
    lines = written()
    monkeypatch.setattr(Hall, "select", lambda *_: 1 / 0)
    answer = client.get("/api/v1/halls", headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.headers["X-Request-ID"] == "from-the-proxy.1"
    error, end = lines.json()
    assert error["request_id"] == end["request_id"] == "from-the-proxy.1"
    assert (error["level"], end["status"]) == ("ERROR", 500)
    assert "ZeroDivisionError" in error["error"]


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "a\tb", "<script>", PHONE, "号"])
def test_an_id_that_is_not_sane_is_not_taken(client, given):
    answer = client.get("/healthz", environ_overrides={"HTTP_X_REQUEST_ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_two_requests_have_two_ids(client):
    assert client.get("/healthz").headers["X-Request-ID"] != client.get("/healthz").headers["X-Request-ID"]


def test_watchers_are_told_of_only_when_they_fail(client, written, monkeypatch):
    lines = written()
    for path in ("/healthz", "/readyz", "/metrics", "/static/css/base.css"):
        client.get(path)
    assert lines.json() == []

    def fail(*_):
        raise OperationalError("away")

    monkeypatch.setattr(Hall, "select", fail)
    client.get("/readyz")
    assert [line["status"] for line in lines.json()] == [503]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize("format", ["json", "text"])
def test_planted_secrets_never_come_out(cast, door, client, written, format, level):
    lines = written(format, level)
    token = cast.token("kiosk")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "a-key-of-the-kiosk"}
    issued = client.post(f"/api/v1/halls/{CODE}/tickets", json={"queue": "general", **PERSON}, headers=headers)
    ticket = issued.json["id"]
    for path in (
        f"/api/v1/tickets/{ticket}",
        f"/t/{ticket}",
        f"/t/{ticket}?phone={PHONE}",
        f"/kiosk/{CODE}?token={token}",
    ):
        client.get(path)
    client.post(f"/api/v1/tickets/{ticket}/rating", json={"level": 9, "comment": f"call {PHONE}"})
    client.post("/api/v1/session", json={"login": "alice", "password": PASSWORD})
    client.post("/api/v1/session", json={"login": "alice", "password": "wrong " + PASSWORD})
    client.get("/api/v1/session", headers={"Authorization": "Bearer wrong-token-of-somebody"})
    client.post(f"/api/v1/halls/{CODE}/tickets", data=f'{{"phone": "{PHONE}"', headers=headers)
    text = lines.getvalue()
    assert text.count("issue_ticket 201") == 1
    secrets = (*PERSON.values(), token, ticket, PASSWORD, "wrong-token", "a-key-of-the-kiosk", "call ")
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize("format", ["json", "text"])
def test_what_a_library_says_is_masked(app, written, monkeypatch, format):
    """An exception may quote the row, the address or the value that it failed on."""
    lines = written(format)
    told = (
        f"duplicate key\nDETAIL:  Failing row contains (1, {NAME}, {PHONE}).",
        f"no such page /t/AbCdEfGhIjKlMnOpQr?phone={PHONE}",
        f"phone='{PHONE}', name=\"{NAME}\", token=abc.def",
        f"Authorization: Bearer {'s' * 40}",
        "could not connect to postgresql://hall:open-sesame@db/yichuang",
        f"[type=value_error, input_value={{'name': '{NAME}'}}, input_type=dict]",
        f'{{"id_number": "{ID_NUMBER}", "password": "open-sesame"}}',
        f"called +86 {PHONE[:3]}-{PHONE[3:7]}-{PHONE[7:]} back, id {ID_NUMBER}",
    )
    with app.test_request_context("/"):
        app.preprocess_request()
        for text in told:
            try:
                raise IntegrityError(text)
            except IntegrityError:
                logging.getLogger("library").exception("failed: %s", text)
    text = lines.getvalue()
    found = [s for s in (NAME, PHONE, ID_NUMBER, "AbCdEf", "abc.def", "sss", "open-sesame", PHONE[3:7]) if s in text]
    assert found == []
    assert text.count("raise IntegrityError") == len(told)


@pytest.mark.parametrize(
    "harmless",
    [
        "push: hall 3",
        "redis: not listening: Error 111 connecting to 127.0.0.1:6379. Connection refused.",
        "the database refused tickets.issue_ticket: database is locked",
        "2026-11-23T09:00:00.000+08:00 took 1795395600000 ms",
        'File "/opt/yichuang/ticketing/db.py", line 138, in write',
    ],
)
def test_what_is_harmless_stays_as_it_is(harmless):
    assert masked(harmless) == harmless


def test_whatever_a_client_sent_is_one_line_of_json():
    record = logging.LogRecord("x", logging.INFO, "f", 1, "half a letter %s and\na new line", ("\ud83d",), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "half a letter \\ud83d and\na new line"


def test_text_for_a_terminal_and_json_elsewhere(written):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, kind in ((Terminal(), logs.TextLines), (io.StringIO(), JsonLines)):
        start_logging("INFO", "", stream)
        (handler,) = logging.getLogger().handlers
        assert type(handler.formatter) is kind


def test_a_line_for_a_terminal_tells_time_and_id(door, written):
    lines = written("text")
    answer = door.get("/halls")
    assert re.search(
        rf"INFO yichuang.access GET tickets.list_halls 200  \[[\d.]+ ms {answer.headers['X-Request-ID']}\]",
        lines.getvalue(),
    )


# -- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "LOUD"), ("TRUSTED_PROXIES", "-1")])
def test_a_setting_that_can_not_be_is_refused(tmp_path, name, value):
    with pytest.raises(BadSetting, match=name):
        load_settings({"DATA_DIR": str(tmp_path), name: value})


def address_seen(app, **headers):
    """Whom the server takes a request for, and by which scheme."""
    seen = {}

    @app.before_request
    def look():
        seen.update(address=request.remote_addr, scheme=request.scheme)

    environ = {"REMOTE_ADDR": "10.0.0.1"}
    app.test_client().get("/healthz", headers=headers, environ_overrides=environ)
    return seen["address"], seen["scheme"]


FORWARDED = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto": "https"}


def test_nobody_is_believed_who_speaks_for_others(app):
    assert address_seen(app, **FORWARDED) == ("10.0.0.1", "http")


def test_as_many_proxies_as_are_told_of_are_believed(cast, settings, monkeypatch):
    monkeypatch.setattr(db, "open_database", lambda *_: db.database.obj)
    server = composition.create_app(replace(settings, trusted_proxies=1))
    assert address_seen(server, **FORWARDED) == ("2.2.2.2", "https")


@pytest.mark.parametrize(("trusted", "said"), [(0, True), (1, False)])
def test_check_tells_of_a_proxy_that_nobody_trusts(cast, settings, monkeypatch, trusted, said):
    monkeypatch.setattr(db, "open_database", lambda *_: db.database.obj)
    behind = replace(settings, public_url="https://hall.example.cn", trusted_proxies=trusted)
    assert any("TRUSTED_PROXIES" in finding for finding in commands.findings(behind)) is said
