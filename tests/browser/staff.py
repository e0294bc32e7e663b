"""The demo hall as its staff know it, at the API and on their pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, expect

from tests.live.conftest import HALL, until

PASSWORD = "demo-2026"
AXE = Path(__file__).resolve().parent.parent / "vendor" / "axe.min.js"
CONSOLE = (1366, 768)
TABLET = (1024, 768)
Sit = Callable[..., Page]


class Person:
    """Somebody of the staff at the API, beside the browser."""

    def __init__(self, url: str, login: str):
        self.http = requests.Session()
        self.base = f"{url}/api/v1"
        me = self.http.post(f"{self.base}/session", json={"login": login, "password": PASSWORD}).json()
        self.http.headers["X-CSRFToken"] = me["csrf"]

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self.http.request(method, self.base + path, json=body or None)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str = "") -> Any:
        return self.ask("GET", f"/halls/{HALL}{path}")

    def post(self, path: str, **body: Any) -> Any:
        return self.ask("POST", f"/halls/{HALL}{path}", **body)

    def at(self, counter: int, verb: str, **body: Any) -> Any:
        return self.post(f"/counters/{counter}/{verb}", **body)


class House:
    """The hall as its staff know it."""

    def __init__(self, url: str):
        self.url = url
        self.desk = Person(self.url, "desk01")
        self.manager = Person(self.url, "manager01")

    def issue(self, queue: str = "fund", **wish: Any) -> Any:
        way = {} if "items" in wish else {"queue": queue}
        return self.desk.post("/tickets", channel="desk", **way, **wish)

    def ticket(self, number: str) -> Any:
        return self.desk.get(f"/tickets?number={number}")["items"][0]

    def counter(self, number: int) -> Any:
        return self.manager.get(f"/counters/{number}")

    def no_show(self, counter: int, ticket: str) -> None:
        """As soon as the hall's rule allows it."""
        path = f"{self.manager.base}/halls/{HALL}/counters/{counter}/no-show"
        until(lambda: self.manager.http.post(path, json={"ticket": ticket}).ok, "a no-show to be allowed")

    def empty(self) -> None:
        for counter in self.manager.get()["counters"]:
            if counter["state"] != "closed":
                self.clear_counter(counter["counter"])
        for state in ("waiting", "called"):
            for ticket in self.desk.get(f"/tickets?state={state}&limit=500")["items"]:
                self.desk.ask("POST", f"/tickets/{ticket['id']}/cancel")
        for notice in self.manager.get("/load")["notices"]:
            self.manager.ask("DELETE", f"/halls/{HALL}/notices/{notice['id']}")

    def clear_counter(self, number: int) -> None:
        ticket = self.counter(number)["ticket"]
        if ticket and ticket["state"] == "called":
            self.manager.at(number, "begin", ticket=ticket["id"])
        if ticket:
            self.manager.at(number, "finish", ticket=ticket["id"])
        self.manager.at(number, "close")


def part(page: Page, name: str) -> Any:
    return page.locator(f'[data-part="{name}"]').first


def phase(page: Page, name: str) -> None:
    """The console has come to this phase, and no request is under way."""
    expect(part(page, "console")).to_have_attribute("data-phase", name)
    expect(part(page, "main")).not_to_have_attribute("aria-busy", "true")


def refuses_double_taps(page: Page) -> None:
    """Let the moment pass in which the big button takes a press for the second half of a double tap."""
    expect(part(page, "main")).not_to_have_attribute("data-fresh", "")


def forgive_the_line(page: Page) -> None:
    """What the browser itself writes about a lost line or a refusal that the test made on purpose."""
    for words in ("Failed to load resource", "WebSocket connection"):
        page.watch.forgive(words)  # type: ignore[attr-defined]


def accessible(page: Page) -> None:
    """No violation of axe's rules on the page as it stands."""
    page.evaluate(AXE.read_text("utf-8"))
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    assert not found, [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found]


def fits(page: Page) -> None:
    """Nothing of the page scrolls."""
    over = page.evaluate(
        "[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
    )
    assert max(over) <= 0, over
