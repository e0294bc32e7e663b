"""The phone's page of one number, while its visit goes through the hall."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, Hall, OpenPage

COUNTER = 20
QUEUE = "police"
RECORD = """Object.defineProperty(navigator, "userActivation", {value: {hasBeenActive: true}});
navigator.vibrate = pattern => { window.vibrated = (window.vibrated || 0) + 1; return true; };"""


@pytest.fixture
def counter(hall: Hall):
    """The counter's verbs; it is open and free when the test begins."""
    hall.counter(COUNTER, "open")
    free(hall)
    yield lambda verb, **body: hall.counter(COUNTER, verb, **body)
    free(hall)


def free(hall: Hall) -> None:
    """Finish what is in hand and let nobody wait, so that the next test's number is the next one called."""
    while True:
        session = hall.server.session("counter", COUNTER)
        state = session.get(hall.server.api(f"/halls/licheng/counters/{COUNTER}"), timeout=10).json()
        ticket = state["ticket"] or (hall.counter(COUNTER, "call") if state["waiting"] else None)
        if ticket is None:
            return
        if ticket["state"] == "called":
            hall.counter(COUNTER, "begin", ticket=ticket["id"])
        hall.counter(COUNTER, "finish", ticket=ticket["id"])


@pytest.fixture
def phone(open_page: OpenPage):
    def open(ticket: dict, **options) -> Page:
        options.setdefault("prepare", lambda page: page.add_init_script(RECORD))
        page = open_page(f"/t/{ticket['id']}", PHONE, **options)
        expect(page.locator(".ticket")).not_to_have_attribute("aria-busy", "true")
        return page

    return open


def without_socket(page: Page) -> None:
    page.route("**/socket.io/**", lambda route: route.abort())
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close())


def in_state(page: Page, state: str) -> None:
    page.locator(f"body[data-state={state}]").wait_for()


def live(page: Page) -> None:
    expect(page.locator(".heard")).to_contain_text("实时更新")


def test_it_shows_the_number_the_place_and_what_to_bring(phone, hall: Hall, counter):
    item = next(i for i in hall.get("/halls/licheng/items")["items"] if i["queue"] == QUEUE)
    hall.issue(queue=QUEUE)
    page = phone(hall.issue(items=[item["code"]]))
    expect(page.locator("h1.number")).to_have_text(re.compile(r"^E\d+$"))
    expect(page.locator(".ahead")).to_contain_text("您前面还有1人")
    expect(page.locator(".papers li")).to_have_count(len(item["papers"]))
    live(page)


def test_the_line_moves_by_itself(phone, hall: Hall, counter):
    hall.issue(queue=QUEUE)
    page = phone(hall.issue(queue=QUEUE))
    live(page)
    share = int(page.get_by_role("progressbar").get_attribute("aria-valuenow"))
    counter("call")
    expect(page.locator(".ahead")).to_have_text("下一个就是您")
    assert int(page.get_by_role("progressbar").get_attribute("aria-valuenow")) > share


def test_called_it_turns_blue_with_the_counter_rings_once_and_stays(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket)
    live(page)
    counter("call", ticket=ticket["number"])
    in_state(page, "called")
    expect(page.locator("h1.counter")).to_have_text(re.compile(r"20\s*号窗口"))
    expect(page).to_have_title(f"{ticket['number']}：请到20号窗口")
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(9, 75, 203)"
    assert page.evaluate("() => window.vibrated") == 1
    counter("recall", ticket=ticket["id"])
    page.evaluate("() => dispatchEvent(new Event('online'))")
    live(page)
    assert page.evaluate("() => window.vibrated") == 1
    page.reload()
    in_state(page, "called")
    assert page.evaluate("() => window.vibrated") is None
    counter("begin", ticket=ticket["id"])
    in_state(page, "serving")
    expect(page.locator(".ahead")).to_have_text("正在20号窗口办理")


def test_opened_after_the_call_it_rings_too(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)
    counter("call", ticket=ticket["number"])
    page = phone(ticket)
    in_state(page, "called")
    assert page.evaluate("() => window.vibrated") == 1


def test_without_its_socket_it_asks_every_ten_seconds(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)

    def prepare(page: Page) -> None:
        page.clock.install()
        without_socket(page)

    page = phone(ticket, prepare=prepare)
    expect(page.locator(".heard")).to_contain_text("每10秒刷新")
    counter("call", ticket=ticket["number"])
    page.clock.run_for(11_000)
    in_state(page, "called")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("WebSocket")


def test_without_a_network_it_says_since_when(phone, hall: Hall):
    page = phone(hall.issue(queue=QUEUE))
    live(page)
    page.context.set_offline(True)
    page.evaluate("() => dispatchEvent(new Event('online'))")  # as a phone that comes out of a lift looks again
    expect(page.locator(".heard")).to_contain_text("您的号码仍然有效")
    expect(page.locator("h1.number")).to_be_visible()
    page.context.set_offline(False)
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".heard")).not_to_contain_text("连接中断", timeout=15_000)
    page.watch.forgive("ERR_INTERNET_DISCONNECTED")


def test_giving_up_is_asked_in_place_and_then_done(phone, hall: Hall):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket)
    page.get_by_role("button", name="取消取号").click()
    expect(page.locator(".ask")).to_contain_text("号码作废")
    page.get_by_role("button", name="不，继续排队").click()
    expect(page.locator(".ask")).to_have_count(0)
    assert hall.ticket(ticket["id"])["state"] == "waiting"
    page.get_by_role("button", name="取消取号").click()
    page.get_by_role("button", name="确定取消").click()
    in_state(page, "cancelled")
    assert hall.ticket(ticket["id"])["state"] == "cancelled"


def test_more_time_lets_others_go_first_as_often_as_the_hall_allows(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)
    hall.issue(queue=QUEUE)
    hall.issue(queue=QUEUE)
    page = phone(ticket)
    expect(page.locator(".ahead")).to_have_text("下一个就是您")
    for left in (1, 0):
        page.get_by_role("button", name="我要晚一点").click()
        expect(page.locator(".ask")).to_contain_text(f"还可以往后排{left + 1}次")
        page.get_by_role("button", name="1位").click()
        expect(page.locator(".ask")).to_have_count(0)
        assert hall.ticket(ticket["id"])["postpones_left"] == left
    expect(page.locator(".ahead")).to_contain_text("您前面还有2人")
    expect(page.get_by_role("button", name="我要晚一点")).to_have_count(0)


def test_a_lost_answer_does_not_put_it_back_twice(phone, hall: Hall):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket)
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/postpone", lose_the_first)
    page.get_by_role("button", name="我要晚一点").click()
    page.get_by_role("button", name="1位").click()
    expect(page.locator(".ask")).to_have_count(0)
    assert len(keys) == 2 and len(set(keys)) == 1
    assert hall.ticket(ticket["id"])["postpones_left"] == 1
    page.watch.expect("ERR_FAILED")


def test_a_refusal_says_why_beside_the_button(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket, prepare=without_socket)
    page.get_by_role("button", name="取消取号").click()
    counter("call", ticket=ticket["number"])
    counter("begin", ticket=ticket["id"])
    page.get_by_role("button", name="确定取消").click()
    expect(page.get_by_role("alert")).to_contain_text("已不能取消")
    in_state(page, "serving")
    page.watch.expect("409")
    page.watch.forgive("ERR_FAILED")
    page.watch.forgive("WebSocket")


@pytest.mark.parametrize(
    ("kind", "words"), [("papers", "任一窗口继续办理"), ("kept", "材料留在20号窗口"), ("waiting", "稍后会再叫您")]
)
def test_on_hold_it_says_what_to_do(phone, hall: Hall, counter, kind, words):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket)
    live(page)
    counter("call", ticket=ticket["number"])
    counter("begin", ticket=ticket["id"])
    counter("hold", ticket=ticket["id"], kind=kind)
    expect(page.locator(".now")).to_contain_text(words)
    counter("resume-ticket", ticket=ticket["id"])
    in_state(page, "serving")


def test_finished_it_may_be_rated_once(phone, hall: Hall, counter):
    item = next(i for i in hall.get("/halls/licheng/items")["items"] if i["queue"] == QUEUE)
    ticket = hall.issue(items=[item["code"]])
    page = phone(ticket)
    live(page)
    counter("call", ticket=ticket["number"])
    counter("begin", ticket=ticket["id"])
    counter("finish", ticket=ticket["id"], outcomes=[{"item": item["code"], "outcome": "supplement"}])
    expect(page.locator(".outcomes")).to_contain_text("需补正材料")
    expect(page.locator(".rating")).to_contain_text("自愿评价")
    page.get_by_text("先写几句话").click()
    page.get_by_label("您想告诉我们什么？").fill("很快")
    page.get_by_role("button", name="基本满意").click()
    expect(page.locator(".rated")).to_contain_text("基本满意")
    assert hall.ticket(ticket["id"])["rating"] == 3
    page.reload()
    expect(page.locator(".rated")).to_contain_text("谢谢您")
    expect(page.locator(".face")).to_have_count(0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "no_show", "can_reinstate": True, "no_shows": 1}, "排在3人之后，最多可恢复2次"),
        ({"state": "no_show", "can_reinstate": False, "no_shows": 3}, "请重新取号"),
        ({"state": "expired"}, "当天有效"),
        ({"served": False, "counters": [], "wait": None}, "目前没有窗口受理此业务"),
        ({"asked_priority": "military"}, "请到导办台出示证件"),
        ({"number": "A1000"}, "A1000"),
    ],
    ids=["missed", "missed too often", "expired", "nobody serves", "priority asked", "long number"],
)
def test_other_states_say_what_they_mean(phone, hall: Hall, change, words):
    """As the API would say it; to make such tickets takes a day or a miss."""
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket)
    live(page)
    page.route("**/api/v1/tickets/*", lambda route: route.fulfill(json=ticket | change))
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".ticket")).to_contain_text(words)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE[0]


def test_a_number_nobody_knows(open_page: OpenPage):
    page = open_page("/t/nosuchticket", PHONE)
    expect(page.get_by_role("heading", name="找不到这个号码")).to_be_visible()
    page.watch.expect("404")


def test_the_page_of_a_ticket_is_kept_by_nobody_on_the_way(hall: Hall):
    answer = hall.server.session("kiosk").get(f"{hall.url}/t/{hall.issue()['id']}", timeout=10)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]


def test_in_english(phone, hall: Hall, counter):
    ticket = hall.issue(queue=QUEUE)
    page = phone(ticket, lang="en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".ahead")).to_have_text("You are next")
    page.locator(".heard", has_text="Live").wait_for()
    counter("call", ticket=ticket["number"])
    expect(page.locator("h1.counter")).to_have_text(re.compile(r"Counter\s*20"))
