"""The tables' version: made once, brought forward with what they hold, refused when newer than the program."""

import threading
from pathlib import Path

import pytest
from peewee import CharField, IntegrityError
from playhouse.migrate import migrate

from counter import sweep
from tests.conftest import fresh_database
from ticketing import clock, db, lifecycle, log, schema
from ticketing.lifecycle import Wish
from ticketing.models import TABLES, Hall, HallEvent, PastTicket, PriorityClass, Queue, Rating, SchemaVersion, Ticket
from ticketing.schema import SchemaTooNew
from ticketing.table import database


def start(settings):
    db.open_database(settings.database_url, settings.sqlite_path)
    database.connect(reuse_if_open=True)


def test_a_second_start_changes_nothing(cast, settings):
    cast.issue()
    start(settings)
    assert [row.version for row in SchemaVersion.select()] == [schema.VERSION]
    assert Ticket.select().count() == 1


def test_a_newer_database_is_refused(cast, settings):
    SchemaVersion.update(version=schema.VERSION + 1).execute()
    with pytest.raises(SchemaTooNew, match="update the program"):
        start(settings)
    start_again(settings)


def start_again(settings):
    database.connect(reuse_if_open=True)
    SchemaVersion.update(version=schema.VERSION).execute()
    start(settings)


def test_a_step_runs_once_and_keeps_what_is_there(cast, settings, monkeypatch):
    cast.issue()
    ran = []

    def add_motto(migrator):
        ran.append("motto")
        migrate(migrator.add_column("hall", "motto", CharField(default="one window")))

    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    monkeypatch.setattr(schema, "STEPS", {schema.VERSION: add_motto})
    try:
        start(settings)
        start(settings)
        mottos = database.execute_sql("SELECT motto FROM hall").fetchall()
        assert ran == ["motto"] and mottos == [("one window",)]
        assert Ticket.select().count() == 1 and Hall.select().count() == 1
    finally:
        monkeypatch.undo()
        database.execute_sql("ALTER TABLE hall DROP COLUMN motto")
        SchemaVersion.update(version=schema.VERSION).execute()


def test_a_step_that_fails_leaves_the_old_version(cast, settings, monkeypatch):
    def fail(migrator):
        migrate(migrator.add_column("hall", "motto", CharField(default="")))
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    monkeypatch.setattr(schema, "STEPS", {schema.VERSION: fail})
    with pytest.raises(RuntimeError):
        start(settings)
    database.connect(reuse_if_open=True)
    assert SchemaVersion.get().version == schema.VERSION - 1
    assert "motto" not in [column.name for column in database.get_columns("hall")]


def test_two_first_starts_at_once_are_one(settings, monkeypatch):
    start_two_at_once(settings.database_url, settings.sqlite_path)


def start_two_at_once(url, path):
    starts = threading.Barrier(2)
    failed = []
    database.initialize(db.postgresql(url) if url else db.sqlite(path))

    def start_together():
        starts.wait(10)
        try:
            with database.connection_context():
                if db.is_sqlite():
                    with db.without_foreign_keys(), database.atomic("IMMEDIATE"):
                        schema.prepare(is_sqlite=True)
                else:
                    with database.atomic():
                        database.execute_sql("SELECT pg_advisory_xact_lock(20190514)")
                        schema.prepare(is_sqlite=False)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start_together) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with database.connection_context():
        assert failed == [] and SchemaVersion.select().count() == 1
    database.close_all()


# -- from version 1 ------------------------------------------------------------------------------------------------

# A database as version 1 made it, with a day that is over and one that has begun: never written anew.
VERSION_1 = Path(__file__).parent / "version_1"


@pytest.fixture
def of_version_1(settings, tmp_path):
    """(url, path) of such a database, of this test's own."""
    url = fresh_database(settings.database_url + "_v1") if settings.database_url else ""
    path = tmp_path / "version_1.sqlite3"
    database.initialize(db.postgresql(url) if url else db.sqlite(path))
    with database.connection_context(), database.atomic():
        for name in ("postgresql.sql" if url else "sqlite.sql", "rows.sql"):
            for statement in (VERSION_1 / name).read_text().splitlines():
                database.execute_sql(statement.replace("%", "%%") if url else statement)
        for table in database.get_tables() if url else ():
            if "id" in [column.name for column in database.get_columns(table) if column.data_type == "integer"]:
                count = f"pg_get_serial_sequence('{table}', 'id')"
                database.execute_sql(f"SELECT setval({count}, (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)")
    database.close_all()
    yield url, path
    database.close_all()


def rows_of_version_1():
    """{table: rows} in the columns that version 1 had, as the database gives them."""
    kept = {}
    for line in (VERSION_1 / "rows.sql").read_text().splitlines():
        table, columns = line.split('"')[1], line.partition("(")[2].partition(")")[0]
        if table != "schema_version" and table not in kept:
            kept[table] = sorted(database.execute_sql(f'SELECT {columns} FROM "{table}"').fetchall(), key=repr)
    return kept


def test_version_1_comes_forward_with_all_it_holds(of_version_1):
    database.initialize(db.postgresql(of_version_1[0]) if of_version_1[0] else db.sqlite(of_version_1[1]))
    with database.connection_context():
        before = rows_of_version_1()
    database.close_all()
    for _ in range(2):
        db.open_database(*of_version_1)
    with database.connection_context():
        assert rows_of_version_1() == before
        assert len(before) == 17 and len(before["ticket"]) == 7
        assert [row.version for row in SchemaVersion.select()] == [2]
        hall = Hall.get()
        assert hall.last_at == HallEvent.get(HallEvent.seq == hall.last_seq).at > 0
        exact = [Queue.get(Queue.code == "tax").usual_minutes, PriorityClass.get(code="appointment").weight]
        assert exact == [7.3, 1.1]


def test_the_day_goes_on_and_the_old_one_goes_to_history(of_version_1, at):
    db.open_database(*of_version_1)
    with database.connection_context():
        hall = Hall.get()
        at.now = hall.last_at + 1000
        fresh = db.write("hall", lambda change: lifecycle.issue(change, Wish(channel="kiosk", queue="general")))
        assert fresh.number == "A002"
        rated = Rating.get().ticket
        sweep.sweep()
        assert PastTicket.select().count() == 5 and PastTicket.get_by_id(rated)
        assert Ticket.select(Ticket.business_date).distinct().count() == 1
        hall = Hall.get()
        assert [event.seq for event in log.since(hall.id, 0)] == list(range(1, hall.last_seq + 1))
        assert sweep.inconsistencies(hall, clock.now()) == []
        with pytest.raises(IntegrityError), database.atomic():
            Rating.create(ticket=rated, level=1, at=1)


def test_version_1_started_twice_at_once_is_brought_forward_once(of_version_1):
    start_two_at_once(*of_version_1)
    db.open_database(*of_version_1)
    with database.connection_context():
        assert SchemaVersion.get().version == 2 and Ticket.select().count() == 7


def shape():
    """Columns, keys and indexes of every table, without what the two ways may name or order differently."""
    shown = {}
    for table in sorted(database.get_tables()):
        columns = {column.name: (kind(column.data_type), column.null) for column in database.get_columns(table)}
        keys = {(key.column, key.dest_table) for key in database.get_foreign_keys(table)}
        indexes = {
            (tuple(index.columns), index.unique, "WHERE" in (index.sql or "")) for index in database.get_indexes(table)
        }
        shown[table] = columns, keys, indexes
    return shown


def kind(data_type):
    """SQLite keeps what it was told; these are the same to it."""
    same = {"BIGINT": "INTEGER", "REAL": "DOUBLE"} if db.is_sqlite() else {}
    return same.get(data_type.upper(), data_type.upper())


def test_what_came_forward_has_the_shape_of_what_is_new(of_version_1, settings, tmp_path):
    db.open_database(*of_version_1)
    with database.connection_context():
        brought_forward = shape()
    database.close_all()
    url = fresh_database(settings.database_url + "_v1") if settings.database_url else ""
    db.open_database(url, tmp_path / "new.sqlite3")
    with database.connection_context():
        assert brought_forward == shape()
    assert {table._meta.table_name for table in TABLES} < set(brought_forward)
