"""Races run twice: as one process with its lane, and as several that share only the database."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import EMPTY
from tests.races import hammer
from ticketing import db
from ticketing.models import TABLES
from ticketing.table import database


@pytest.fixture(params=["one process", "several processes"])
def crowd(request: pytest.FixtureRequest, cast, monkeypatch: pytest.MonkeyPatch):
    """The cast, with many at its doors."""
    if request.param == "several processes":
        hammer.as_processes(monkeypatch)
    return cast


@pytest.fixture
def unguarded(cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Callable[[], None]]]:
    """For controls: take the guards away, and make so many writers meet between reading and writing.

    SQLite has a single writer: a second one that has read fails as a whole, so there no control can show anything."""
    if db.is_sqlite():
        pytest.skip("SQLite lets nobody write who has read before another wrote")

    def take_away(parties: int) -> Callable[[], None]:
        meet = hammer.meeting(parties)
        hammer.without_guards(monkeypatch, meet)
        return meet

    yield take_away
    database.execute_sql(EMPTY)
    database.create_tables(TABLES)  # and their constraints
