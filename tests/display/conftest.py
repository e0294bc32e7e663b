"""The display's own hall, empty, with announcements as they are spoken."""

import pytest

from display import announce, board
from tests.display.small import small_hall
from ticketing import log


@pytest.fixture
def hall(db_open, monkeypatch):
    monkeypatch.setattr(log, "announcer", announce.words)
    board.kept.clear()
    return small_hall()
