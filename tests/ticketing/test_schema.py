"""The tables' version: made once, brought forward with what they hold, refused when newer than the program."""

import threading

import pytest
from peewee import CharField
from playhouse.migrate import migrate

from ticketing import db, schema
from ticketing.models import Hall, SchemaVersion, Ticket
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
    starts = threading.Barrier(2)
    failed = []
    database.initialize(
        db.postgresql(settings.database_url) if settings.database_url else db.sqlite(settings.sqlite_path)
    )

    def start_together():
        starts.wait(10)
        try:
            with database.connection_context(), database.atomic("IMMEDIATE") if db.is_sqlite() else database.atomic():
                if not db.is_sqlite():
                    database.execute_sql("SELECT pg_advisory_xact_lock(20190514)")
                schema.prepare(db.is_sqlite())
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
