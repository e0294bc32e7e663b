"""Each test of a staff page starts with closed counters and nobody waiting, and sits down as whom it likes."""

import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Hall, OpenPage
from tests.browser.staff import CONSOLE, PASSWORD, House, Sit

# One call and two seconds are enough for a no-show here, so that no test waits long.
RULES = '{"no_show_calls": 1, "no_show_seconds": 2, "reinstate_times": 9}'


@pytest.fixture(scope="session")
def signed_in(hall: Hall) -> House:
    """The desk and the manager sign in once: the passwords' hash is slow on purpose."""
    return House(hall.url)


@pytest.fixture
def house(hall: Hall, signed_in: House) -> Iterator[House]:
    file = hall.server.log.parent / "yichuang.sqlite3"
    with sqlite3.connect(file) as database:
        (usual,) = database.execute("SELECT rules FROM hall").fetchone()
        database.execute("UPDATE hall SET rules = ?", (RULES,))
    signed_in.empty()
    yield signed_in
    with sqlite3.connect(file) as database:
        database.execute("UPDATE hall SET rules = ?", (usual,))


@pytest.fixture
def sit(house: House, open_page: OpenPage) -> Sit:
    """sit("agent01", "/console?counter=1"): a page of somebody who has signed in."""

    def sit_down(login: str, path: str, size: tuple[int, int] = CONSOLE, lang: str = "en") -> Page:
        def sign_in(page: Page) -> None:
            page.set_default_timeout(15_000)
            page.context.request.post("/api/v1/session", data={"login": login, "password": PASSWORD})

        return open_page(path, size, lang=lang, prepare=sign_in, reduced_motion="reduce")

    return sit_down
