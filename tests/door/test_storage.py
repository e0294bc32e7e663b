"""A database that can not be used: a clear, coded word, and nothing half written."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from peewee import DatabaseError, OperationalError

from ticketing import db
from ticketing.models import HallEvent, Ticket
from ticketing.table import database

ROOT = Path(__file__).resolve().parent.parent.parent
FULL = "database or disk is full"
READ_ONLY = "attempt to write a readonly database"
LOCKED = "database is locked"


@pytest.mark.parametrize(("fault", "code"), [(FULL, "no_storage"), (READ_ONLY, "no_storage"), (LOCKED, "busy")])
def test_a_commit_that_fails_is_told_and_changes_nothing(cast, client, monkeypatch, fault, code):
    def fail(self):
        raise OperationalError(fault)

    headers = {"Authorization": f"Bearer {cast.token('kiosk')}"}
    monkeypatch.setattr(type(database.obj), "flush" if db.is_sqlite() else "commit", fail)
    answer = client.post("/api/v1/halls/hall/tickets", json={"queue": "general"}, headers=headers)
    monkeypatch.undo()
    assert (answer.status_code, answer.json["code"]) == (503, code)
    assert answer.headers["Retry-After"]
    assert Ticket.select().count() == 0 and HallEvent.select().count() == 0
    answer = client.post("/api/v1/halls/hall/tickets", json={"queue": "general"}, headers=headers)
    assert answer.json["number"] == "A001"


def test_boards_still_show_while_nothing_can_be_written(cast, client, monkeypatch):
    cast.open(1)
    cast.issue()
    cast.call(1)
    headers = {"Authorization": f"Bearer {cast.token('board')}"}

    def fail(self):
        raise OperationalError(FULL)

    monkeypatch.setattr(db, "lock", lambda code: fail(None))
    answer = client.get("/api/v1/halls/hall/board", headers=headers)
    assert answer.status_code == 200 and answer.json["calls"][0]["number"] == "A001"


def die_unseen():
    """This task's connection ends: PostgreSQL's machine was restarted, and nothing on the line told so."""
    other = psycopg2.connect(**database.obj.connect_params | {"dbname": database.obj.database})
    with other, other.cursor() as cursor:
        # Returns when it is gone, at most so many milliseconds later.
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [database.connection().info.backend_pid])
    other.close()


@pytest.fixture
def on_a_dead_connection(cast):
    """Do something in a task whose connection has just died."""
    if db.is_sqlite():
        pytest.skip("PostgreSQL only")

    def do(work):
        with db.connection():
            die_unseen()
            return work()

    with ThreadPoolExecutor(1) as task:
        yield lambda work: task.submit(do, work).result()


def test_a_connection_that_died_unseen_costs_no_request(cast, client, on_a_dead_connection):
    kiosk, board = ({"Authorization": f"Bearer {cast.token(role)}"} for role in ("kiosk", "board"))
    doors = [
        lambda: client.get("/api/v1/halls/hall/board", headers=board),
        lambda: client.post("/api/v1/halls/hall/tickets", json={"queue": "general"}, headers=kiosk),
        lambda: client.get("/readyz"),
    ]
    assert [on_a_dead_connection(door).status_code for door in doors] == [200, 201, 200]
    assert HallEvent.select().count() == 1


def test_a_transaction_whose_beginning_meets_a_dead_connection_begins_anew(on_a_dead_connection):
    on_a_dead_connection(lambda: db.write("hall", lambda change: change.append("hall.notice", public={})))
    assert HallEvent.select().count() == 1


def test_a_write_that_broke_off_is_not_done_again(on_a_dead_connection):
    """Whether a commit was done nobody knows when its connection dies: the client's key decides."""
    begun = []

    def verb(change):
        begun.append(change)
        change.append("hall.notice", public={})
        die_unseen()

    with pytest.raises(db.BROKEN):
        on_a_dead_connection(lambda: db.write("hall", verb))
    assert len(begun) == 1 and HallEvent.select().count() == 0


def command(data_dir, *words):
    environ = os.environ | {"DATA_DIR": str(data_dir), "DATABASE_URL": "", "REDIS_URL": ""}
    done = subprocess.run([sys.executable, "run.py", *words], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path):
    (tmp_path / "yichuang.sqlite3").write_text("this is not a database, not at all" * 100)
    code, said = command(tmp_path, "check")
    assert (code, said) == (1, "The database can not be used: file is not a database")


def test_a_broken_file_is_refused_at_the_start(cast, tmp_path):
    if not db.is_sqlite():
        pytest.skip("SQLite files only")
    for _ in range(200):
        cast.issue()
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = bytearray((tmp_path / "yichuang.sqlite3").read_bytes())
    for page in range(10, len(pages) // 4096, 3):
        pages[page * 4096 : page * 4096 + 200] = b"\x55" * 200
    (tmp_path / "broken.sqlite3").write_bytes(pages)
    whole = database.obj
    try:
        with pytest.raises(DatabaseError):
            db.open_database("", tmp_path / "broken.sqlite3")
    finally:
        database.initialize(whole)


def test_an_address_without_a_database_is_told_in_one_line(tmp_path):
    environ = os.environ | {"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/none"}
    done = subprocess.run([sys.executable, "run.py", "check"], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("The database can not be used: ") and "Traceback" not in done.stderr
