"""A real Chromium over a real server: `run.py demo` on loopback, once for all browser tests."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.live.conftest import HALL, Server

ARGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking"]
PORTRAIT, LANDSCAPE, LOW, PHONE = (1080, 1920), (1920, 1080), (1366, 768), (390, 844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no browser: install the package chromium")


def chinese_font() -> None:
    fonts = shutil.which("fc-list") and subprocess.run(
        ["fc-list", ":lang=zh-cn"], capture_output=True, text=True, check=False
    )
    if not fonts or not fonts.stdout.strip():
        pytest.skip("no Chinese font: install the packages fontconfig and fonts-noto-cjk")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    chinese_font()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Hall"]:
    server = Server(tmp_path_factory.mktemp("hall"))
    yield Hall(server)
    server.stop()


class Hall:
    """The demo hall on a running server, and what tests do in it from outside the browser."""

    def __init__(self, server: Server):
        self.server = server
        self.url = server.url

    def kiosk_address(self) -> str:
        return f"/kiosk/{HALL}#token={self.server.token('kiosk')}"

    def board_address(self, query: str = "") -> str:
        return f"/board/{HALL}{query}#token={self.server.token('board')}"

    def get(self, path: str) -> Any:
        answer = self.server.session("kiosk").get(self.server.api(path), timeout=10)
        answer.raise_for_status()
        return answer.json()

    def issue(self, **what: Any) -> dict[str, Any]:
        path = self.server.api(f"/halls/{HALL}/tickets")
        answer = self.server.session("kiosk").post(path, json=what or {"queue": "general"}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def ticket(self, id: str) -> dict[str, Any]:
        return self.get(f"/tickets/{id}")

    def counter(self, number: int, verb: str, **body: Any) -> Any:
        path = self.server.api(f"/halls/{HALL}/counters/{number}/{verb}")
        answer = self.server.session("counter", number).post(path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def queue(self, code: str) -> dict[str, Any]:
        return next(queue for queue in self.get(f"/halls/{HALL}/queues")["items"] if queue["code"] == code)

    def waiting(self) -> int:
        return sum(queue["waiting"] for queue in self.get(f"/halls/{HALL}/queues")["items"])


class Watch:
    """What a page should never do: console errors, script errors, requests to another host."""

    def __init__(self, page: Page, host: str):
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.bytes = 0
        self.host = host
        page.on("console", self.on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self.on_request)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.host:
            self.foreign.append(request.url)

    def expect(self, part: str) -> None:
        """Errors a test makes on purpose (a lost network, an unknown address) are taken off the list."""
        assert any(part in error for error in self.errors), f"expected {part!r} in {self.errors}"
        self.forgive(part)

    def forgive(self, part: str) -> None:
        self.errors = [error for error in self.errors if part not in error]


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, hall: Hall) -> Iterator[OpenPage]:
    """open_page("/style", PHONE, lang="en"): a page in a fresh context; every one is watched until the test's end."""
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open(address: str | None, size: tuple[int, int] = PORTRAIT, lang: str = "zh-CN", **options: Any) -> Page:
        prepare = options.pop("prepare", None)
        viewport = {"width": size[0], "height": size[1]}
        contexts.append(browser.new_context(viewport=viewport, locale=lang, base_url=hall.url, **options))
        page = contexts[-1].new_page()
        watches.append(Watch(page, urlsplit(hall.url).netloc))
        page.watch = watches[-1]  # type: ignore[attr-defined]
        if prepare:
            prepare(page)
        if address is not None:
            page.goto(address)
        return page

    yield open
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert [error for watch in watches for error in watch.errors] == []
    assert [url for watch in watches for url in watch.foreign] == []
