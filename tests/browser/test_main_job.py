"""The main job from end to end: a number at the kiosk, called at a counter, shown on the board and on the phone,
served, and seen by the manager."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import LANDSCAPE, PHONE, Hall, OpenPage
from tests.browser.staff import House, Sit, part, phase, refuses_double_taps

pytest_plugins = ("tests.browser.staff_fixtures",)

COUNTER = 20  # household and identity
QUEUE = "police"


def number_from_kiosk(open_page: OpenPage, hall: Hall, house: House) -> str:
    """Through the kiosk's questions as an applicant in a hurry answers them."""
    page = open_page(hall.kiosk_address())
    page.get_by_role("button", name="户籍出入境", exact=True).click()
    page.get_by_role("checkbox", name="居民身份证到期换领", exact=True).click()
    page.locator(".onward .primary").click()
    expect(page.locator(".bring")).to_be_visible()
    page.locator(".onward .primary").click()
    page.get_by_role("button", name="都不是，直接取号").click()
    number = page.locator(".done h1.number")
    expect(number).to_be_visible()
    return number.inner_text()


def console_at_work(sit: Sit, number: str) -> Page:
    page = sit("agent20", f"/console?counter={COUNTER}", lang="zh-CN")
    phase(page, "closed")
    refuses_double_taps(page)
    page.keyboard.press("Space")
    phase(page, "free")
    expect(part(page, "waiting")).to_contain_text(number)
    return page


def press(page: Page, then: str) -> None:
    refuses_double_taps(page)
    page.keyboard.press("Space")
    phase(page, then)


def test_a_visit_from_the_kiosk_to_the_managers_figures(open_page: OpenPage, hall: Hall, house: House, sit: Sit):
    number = number_from_kiosk(open_page, hall, house)
    ticket = house.ticket(number)
    phone = open_page(f"/t/{ticket['id']}", PHONE)
    expect(phone.locator("body")).to_contain_text(number)
    board = open_page(hall.board_address(), LANDSCAPE)
    manager = sit("manager01", "/manager", lang="zh-CN")
    waiting = manager.locator(f'[data-part="queues"] [data-key="{QUEUE}"] [data-part="waiting"]')
    expect(waiting).to_have_text("1")

    console = console_at_work(sit, number)
    press(console, "called")
    expect(part(console, "number")).to_have_text(number)
    expect(board.locator("body")).to_contain_text(number)
    expect(phone.locator("body")).to_contain_text(f"{COUNTER}号窗口")
    tile = manager.locator(f'[data-part="counters"] [data-key="{COUNTER}"]')
    expect(tile).to_contain_text(number)
    expect(waiting).to_have_text("0")

    press(console, "serving")
    expect(tile).to_contain_text("办理中")
    press(console, "free")
    expect(tile).not_to_contain_text(number)
    assert house.ticket(number)["state"] == "finished"
    load = house.manager.get("/load")
    assert next(one for one in load["counters"] if one["counter"] == COUNTER)["finished"] >= 1
