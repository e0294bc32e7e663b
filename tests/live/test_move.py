"""`run.py move`: a hall that has been at work on SQLite goes on on PostgreSQL, with every row, or stays where it is."""

import os
import sqlite3

import psycopg2
import pytest

from counter import sweep
from tests.conftest import fresh_database
from tests.live.conftest import HALL, Server, run_py
from tests.live.people import People, opened
from ticketing import archive, clock, db
from ticketing.models import PastHallEvent, PastTicket, PastTurn, Queue
from ticketing.table import database

pytestmark = pytest.mark.live

PERSON = {"name": "张三", "phone": "13897531864", "id_number": "11010519491231002X"}
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def url(live_database_url):
    """An empty PostgreSQL database, whatever the rest of the run is on."""
    if not live_database_url:
        pytest.skip("TEST_DATABASE_URL is not set: there is nothing to move to")
    return fresh_database(live_database_url)


@pytest.fixture
def old(tmp_path):
    """A server on SQLite."""
    server = Server(tmp_path, "")
    yield server
    server.stop()


def a_day(server):
    """One visit is finished and rated, one given up; the finished ticket."""
    people = People(server)
    people.at(1, "open")
    finished, cancelled = people.issue(**PERSON), people.issue()
    people.at(1, "call")
    people.at(1, "begin", ticket=finished["id"])
    people.at(1, "finish", ticket=finished["id"])
    people.post(None, f"/tickets/{finished['id']}/rating", {"level": 5, "comment": "很好"})
    people.post(None, f"/tickets/{cancelled['id']}/cancel")
    return finished


def to_history(server, monkeypatch):
    """What the first passes of the next day do."""
    with opened(server), monkeypatch.context() as tomorrow:
        there = clock.now() + DAY_MS
        tomorrow.setattr(clock, "now", lambda: there)
        Queue.update(service_ms=123456.7890123, usual_minutes=7.3).where(Queue.code == "general").execute()
        sweep.sweep()
        assert PastTicket.select().count() == 3 and PastTurn.select().count() == 1
        assert PastHallEvent.select().count() > 5


def moved(server, url):
    return run_py(server.environ | {"DATABASE_URL": url}, "move")


def rows_in(url):
    """All rows of the PostgreSQL database; 0 as well where there are no tables yet."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall() if name != "schema_version"]
        total = 0
        for name in tables:
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            total += cursor.fetchone()[0]
    connection.close()
    return total


def digests(url, path):
    db.open_database(url, path)
    try:
        with database.connection_context():
            return archive.digests()
    finally:
        database.close_all()


def test_a_hall_goes_on_after_the_move(old, url, tmp_path, monkeypatch):
    finished = a_day(old)
    told = moved(old, url)
    assert told.returncode == 1 and "stop the server first" in told.stderr, told
    People(old).issue()  # and nobody in the hall noticed
    old.stop()
    to_history(old, monkeypatch)
    before = digests("", tmp_path / "yichuang.sqlite3")

    told = moved(old, url)
    rows = sum(rows for rows, _ in before.values())
    assert told.returncode == 0 and f"{rows} rows, equal" in told.stdout, told
    assert rows_in(url) == rows and digests(url, tmp_path) == before
    left = sorted(file.name for file in tmp_path.iterdir() if "sqlite" in file.name)
    assert left == ["yichuang.sqlite3.moved"]
    assert digests("", tmp_path / left[0]) == before

    new = Server(tmp_path, url, log="new.log")
    try:
        people = People(new)
        assert people.get(None, f"/tickets/{finished['id']}")["rating"] == 5
        people.at(2, "open")
        fresh = people.issue(**PERSON)
        assert fresh["number"] == "A001"  # the day was closed, and a closed day does not come back
        people.at(2, "call", ticket=fresh["number"])
        assert people.at(2, "begin", ticket=fresh["id"])["applicant"] == PERSON
        people.at(2, "finish", ticket=fresh["id"])
        with opened(new):
            assert [queue.usual_minutes for queue in Queue.select().where(Queue.code == "general")] == [7.3]
        assert "log" not in new.check()
        assert len(people.log()) == people.log()[-1]["seq"]
    finally:
        new.stop()


@pytest.fixture
def stopped(old):
    a_day(old)
    old.stop()
    return old


def numbers(tmp_path):
    with sqlite3.connect(tmp_path / "yichuang.sqlite3") as file:
        return [number for (number,) in file.execute("SELECT number FROM ticket ORDER BY issue_seq")]


def refused(server, url, tmp_path, why):
    told = moved(server, url)
    assert told.returncode == 1 and why in told.stderr and "Traceback" not in told.stderr, told
    assert not [file for file in tmp_path.iterdir() if ".mov" in file.name]
    assert numbers(tmp_path) == ["A001", "A002"]


def test_what_comes_back_changed_is_not_kept(stopped, url, tmp_path):
    """A database that alters what it is given, however little, is left empty."""
    db.open_database(url, tmp_path)
    with database.connection_context():
        database.execute_sql(
            "CREATE FUNCTION alter_it() RETURNS trigger AS"
            " $$ BEGIN NEW.weight = NEW.weight + 0.000000000001; RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        database.execute_sql(
            "CREATE TRIGGER altering BEFORE INSERT ON priority_class FOR EACH ROW EXECUTE FUNCTION alter_it()"
        )
    database.close_all()
    refused(stopped, url, tmp_path, "other rows than it was given: priority_class")
    assert rows_in(url) == 0


def test_only_an_empty_database_is_moved_to(stopped, url, tmp_path):
    assert run_py(stopped.environ | {"DATABASE_URL": url}, "load", "data/licheng").returncode == 0
    before = rows_in(url)
    refused(stopped, url, tmp_path, "the database is not empty")
    assert rows_in(url) == before


def test_a_database_that_does_not_answer(stopped, url, tmp_path):
    refused(stopped, "postgresql://postgres@127.0.0.1:1/nowhere", tmp_path, "The database can not be used")


def test_no_move_without_a_target_or_a_source(tmp_path, url):
    environ = os.environ | {
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "",
        "SECRET_KEY": "a secret of the live tests, long",
    }
    told = run_py(environ, "move")
    assert told.returncode == 1 and "DATABASE_URL is not set" in told.stderr
    told = run_py(environ | {"DATABASE_URL": url}, "move")
    assert told.returncode == 1 and "yichuang.sqlite3 to move" in told.stderr
    (tmp_path / "yichuang.sqlite3").touch()
    (tmp_path / "yichuang.sqlite3.moved").touch()
    told = run_py(environ | {"DATABASE_URL": url}, "move")
    assert told.returncode == 1 and "from an earlier move" in told.stderr
    assert HALL and rows_in(url) == 0
