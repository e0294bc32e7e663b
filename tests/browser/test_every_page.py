"""What holds for every page: nothing in the console, no other host, no accessibility fault, no sideways scroll, light.

A new page is one more line in PAGES."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import HALL, Hall, OpenPage
from tests.browser.staff import AXE

WIDTHS = [(360, 740), (1366, 768), (1920, 1080)]
HEAVIEST = 150 * 1024  # on the way, before images


@dataclass
class EveryPage:
    name: str
    address: Callable[[Hall], str]
    ready: str  # a selector that is there when the page shows what it is for
    login: str = ""
    status: int = 200
    rules: tuple[str, ...] = ()  # of axe, beyond the usual ones


ENHANCED = ("color-contrast-enhanced",)  # 7:1, for what is read standing or from afar
PASSWORD = "demo-2026"
BOARD = "body.board:not(.loading)"

PAGES = [
    EveryPage("home", lambda hall: "/", ".home"),
    EveryPage("style", lambda hall: "/style", ".style"),
    EveryPage("not found", lambda hall: "/no-such-page", ".empty", status=404),
    EveryPage("kiosk", lambda hall: hall.kiosk_address(), "button.tile", rules=ENHANCED),
    EveryPage("kiosk unpaired", lambda hall: f"/kiosk/{HALL}", ".pairing", rules=ENHANCED),
    EveryPage("phone", lambda hall: f"/t/{hall.issue(queue='tax')['id']}", ".verbs"),
    EveryPage("phone unknown", lambda hall: "/t/nosuchticket", ".empty", status=404),
    EveryPage("board", lambda hall: hall.board_address(), "body.board:not(.loading)", rules=ENHANCED),
    EveryPage(
        "counter screen", lambda hall: hall.board_address("?counter=3"), "body.board:not(.loading)", rules=ENHANCED
    ),
    EveryPage("sign in", lambda hall: "/signin", "form"),
    EveryPage("console", lambda hall: "/console?counter=4", "main", login="agent04"),
    EveryPage("desk", lambda hall: "/desk", "main", login="desk01"),
    EveryPage("manager", lambda hall: "/manager", "main", login="manager01"),
]
ALL = pytest.mark.parametrize("which", PAGES, ids=lambda which: which.name)


@pytest.fixture
def show(open_page: OpenPage, hall: Hall):
    def open(which: EveryPage, size=(1366, 768), lang="zh-CN") -> Page:
        page = open_page(None, size, lang=lang)
        if which.login:
            who = {"login": which.login, "password": PASSWORD}
            assert page.context.request.post("/api/v1/session", data=who).ok
        answer = page.goto(which.address(hall))
        assert answer is not None and answer.status == which.status
        page.locator(which.ready).first.wait_for()
        page.wait_for_load_state("load")
        if which.status != 200:
            page.watch.expect(str(which.status))
        return page

    return open


def faults(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """axe-core's violations, one line each."""
    page.evaluate(AXE.read_text("utf-8"))
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is neither
    options: dict[str, Any] = {"rules": {rule: {"enabled": True} for rule in rules}}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in found for node in fault["nodes"]]


@ALL
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_nothing_is_wrong_for_who_cannot_see_or_point(show, which: EveryPage, lang):
    page = show(which, lang=lang)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if "kiosk" in which.name else lang)
    assert faults(page, which.rules) == []


@ALL
@pytest.mark.parametrize("size", WIDTHS, ids=[f"{width}" for width, _ in WIDTHS])
def test_nothing_is_beyond_the_edge(show, which: EveryPage, size):
    page = show(which, size)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]


@ALL
def test_it_is_light(show, which: EveryPage):
    page = show(which)
    weighed = page.evaluate(
        """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            .filter(e => !/\\.(svg|png|jpg|mp4|wav)|\\/api\\/|socket\\.io\\/\\?/.test(e.name))
            .map(e => [e.name, e.encodedBodySize])"""
    )
    assert sum(size for _, size in weighed) < HEAVIEST, sorted(weighed, key=lambda entry: -entry[1])[:5]


@ALL
def test_double_zoom_cuts_nothing_off(show, which: EveryPage):
    """200 % on a 1366×768 screen is 683×384 to the page."""
    page = show(which, (683, 384))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 683


KIOSK_STEPS = [
    ("search", lambda page: page.locator(".search-open").click()),
    ("bundles", lambda page: page.locator(".tile").last.click()),
    ("items", lambda page: (page.locator(".tile").first.click(), page.locator(".item").first.click())),
    ("bring", lambda page: page.locator(".onward .primary").click()),
    ("priority", lambda page: page.locator(".onward .primary").click()),
    ("number", lambda page: page.locator(".priority").nth(1).click()),
]


def test_each_step_of_the_kiosk_too(show, hall: Hall):
    page = show(next(page for page in PAGES if page.name == "kiosk"), (1080, 1920))
    for name, step in KIOSK_STEPS:
        step(page)
        page.locator("h1").first.wait_for()
        if name == "number":
            page.locator(".done").wait_for()
        assert faults(page, ENHANCED) == [], name
        if name in ("search", "bundles"):
            page.get_by_role("button", name="回首页").click()


def answer_with(facts: dict[str, Any]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json=facts)


def test_each_state_of_the_phone_too(show, hall: Hall, open_page: OpenPage):
    ticket = hall.issue(queue="tax")
    page = open_page(f"/t/{ticket['id']}", (390, 844))
    page.locator(".heard", has_text="实时更新").wait_for()
    for change in (
        {"state": "called", "counter": 3, "counter_name": "3"},
        {"state": "serving", "counter": 3, "counter_name": "3"},
        {"state": "held", "hold_kind": "papers"},
        {"state": "no_show", "can_reinstate": True},
        {"state": "finished"},
        {"state": "expired"},
    ):
        page.unroute("**/api/v1/tickets/*")
        page.route("**/api/v1/tickets/*", answer_with(ticket | change))
        page.evaluate("() => dispatchEvent(new Event('online'))")
        page.locator(f"body[data-state={change['state']}]").wait_for()
        assert faults(page) == [], change
