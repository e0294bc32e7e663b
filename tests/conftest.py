"""Fixtures of the whole suite: a fresh database a test, on SQLite or (TEST_DATABASE_URL) on PostgreSQL."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config import Settings
from counter import stats
from tests.cast import Cast, Door
from ticketing import clock, db, log
from ticketing.models import TABLES
from ticketing.table import database

SECRET = "a secret of the tests, long enough"
# Deleting a few rows is ten times as fast as TRUNCATE, which makes new files. Ids start at 1 again.
EMPTY = "".join(f'DELETE FROM "{table._meta.table_name}";' for table in reversed(TABLES)) + "".join(
    f"SELECT setval(pg_get_serial_sequence('{table._meta.table_name}', 'id'), 1, false);"
    for table in TABLES
    if table._meta.auto_increment
)


def worker_url(url: str) -> str:
    """A database of its own for each pytest-xdist worker."""
    return url + "_" + os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def database_url() -> str:
    """Empty for SQLite; else an empty PostgreSQL database of this worker's own, with its tables."""
    url = os.environ.get("TEST_DATABASE_URL", "")
    if url:
        url = fresh_database(worker_url(url))
        db.open_database(url, Path())
        database.close_all()
    return url


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with its tables, made once and copied for each test."""
    path = tmp_path_factory.mktemp("empty") / "empty.sqlite3"
    db.open_database("", path)
    database.close_all()
    return path


def fresh_database(url: str) -> str:
    name = urlsplit(url).path.lstrip("/")
    maintenance = psycopg2.connect(url.removesuffix(name) + "postgres")
    maintenance.autocommit = True
    with maintenance.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
        # These tests never cut the power; flushing each commit would only make them slow.
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    maintenance.close()
    return url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        redis_url=os.environ.get("TEST_REDIS_URL", ""),
        secret_key=SECRET,
        async_mode="threading",
        rate_limits=False,
    )


@pytest.fixture
def db_open(settings: Settings, empty_sqlite: Path) -> Iterator[None]:
    """Empty tables, one connection open for the test's own thread."""
    if settings.database_url:
        database.initialize(db.postgresql(settings.database_url))
    else:
        shutil.copy(empty_sqlite, settings.sqlite_path)
        database.initialize(db.sqlite(settings.sqlite_path))
    with database.obj.connection_context():
        # No test cuts the power; waiting for the disk would make them five times as long.
        database.execute_sql(EMPTY if settings.database_url else "PRAGMA synchronous = off")
        yield
    log.listeners.clear()
    stats.past.clear()
    database.close_all()


@pytest.fixture(name="db")
def empty_database(db_open: None) -> None:
    """A fresh empty database with its tables."""


@pytest.fixture
def cast(db_open: None) -> Cast:
    """The hall everybody in the tests knows (tests/cast.py)."""
    with database.atomic():
        return Cast()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator["Clock"]:
    """A clock that moves only when told: at(seconds) sets it, at.later(seconds) moves it."""
    yield Clock(monkeypatch)


class Clock:
    """Starts on Monday 2026-11-23 at 09:00 in Shanghai."""

    START = 1_795_395_600_000

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = self.START
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def __call__(self, seconds: float) -> None:
        self.now = self.START + round(seconds * 1000)

    def later(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


@pytest.fixture
def app(cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """The composed server, not serving: for its HTTP test client. It finds the test's database open."""
    import app as composition

    monkeypatch.setattr(db, "open_database", lambda *_: database.obj)
    return composition.create_app(settings)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def door(app, cast: Cast) -> Door:
    """The HTTP door; every answer that comes through it is held to the OpenAPI document."""
    return Door(app, cast)
