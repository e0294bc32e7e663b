"""The manager: is today all right, and every act in place with its opposite."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import House, Sit, accessible, fits, part

pytest_plugins = ("tests.browser.staff_fixtures",)

SEVENTEEN = 17  # serves the housing fund only


@pytest.fixture
def manager(house: House, sit: Sit) -> Page:
    house.manager.at(SEVENTEEN, "open", agent="agent17")
    return sit_as_manager(sit)


def sit_as_manager(sit: Sit, **how) -> Page:
    page = sit("manager01", "/manager", **how)
    expect(page.locator("[data-part=manager]")).not_to_have_attribute("aria-busy", "true")
    return page


def tile(page: Page, number: int):
    return page.locator(f'[data-part="counters"] [data-key="{number}"] button')


def queue(page: Page, code: str):
    return page.locator(f'[data-part="queues"] [data-key="{code}"]')


def undo(page: Page) -> None:
    page.locator(".toast").get_by_role("button", name="Undo").click()


def test_a_quiet_hall_is_all_right(manager):
    expect(part(manager, "verdict")).to_have_text("Today is all right")
    expect(part(manager, "no-alerts")).to_be_visible()


def test_a_queue_nobody_serves_is_told_with_one_button(house, manager):
    house.issue("tax")
    expect(part(manager, "verdict")).to_have_text("1 thing needs a look")
    expect(manager.locator('[data-headline="open"]')).to_have_attribute("data-over", "yes")
    manager.get_by_role("button", name="Let Counter 17 also serve D").click()
    expect(part(manager, "verdict")).to_have_text("Today is all right")
    assert house.counter(SEVENTEEN)["queues"] == ["fund", "tax"]
    undo(manager)
    expect(part(manager, "verdict")).to_have_text("1 thing needs a look")
    assert house.counter(SEVENTEEN)["queues"] == ["fund"]


def test_figures_follow_the_hall_by_themselves(house, manager):
    house.issue("fund")
    expect(queue(manager, "fund").locator("[data-part=waiting]")).to_have_text("1")
    number = house.manager.at(SEVENTEEN, "call")["number"]
    expect(tile(manager, SEVENTEEN)).to_contain_text(number)
    expect(tile(manager, SEVENTEEN)).to_contain_text("Called")


def test_a_counter_is_paused_in_place_and_goes_on_with_undo(house, manager):
    tile(manager, SEVENTEEN).click()
    manager.locator('[data-counter-act="pause"]').click()
    expect(tile(manager, SEVENTEEN)).to_contain_text("Paused")
    undo(manager)
    expect(tile(manager, SEVENTEEN)).to_contain_text("Free")
    assert house.counter(SEVENTEEN)["state"] == "open"


def test_a_counter_closed_by_mistake_gets_its_agent_back(house, manager):
    tile(manager, SEVENTEEN).click()
    manager.locator('[data-counter-act="close"]').click()
    expect(tile(manager, SEVENTEEN)).to_contain_text("Closed")
    undo(manager)
    expect(tile(manager, SEVENTEEN)).to_contain_text("Free")
    assert house.counter(SEVENTEEN)["agent"] == "agent17"


def test_a_counter_with_a_number_in_hand_is_not_closed_and_says_why(house, manager):
    house.issue("fund")
    house.manager.at(SEVENTEEN, "call")
    tile(manager, SEVENTEEN).click()
    manager.locator('[data-counter-act="close"]').click()
    expect(part(manager, "detail-answer")).to_have_text("This counter still has a number in hand.")
    manager.watch.forgive("Failed to load resource")


def test_a_closed_counter_is_opened_for_an_agent(house, manager):
    tile(manager, 18).click()
    part(manager, "agent").select_option("agent18")
    part(manager, "open-form").get_by_role("button").click()
    expect(tile(manager, 18)).to_contain_text("Free")
    assert house.counter(18)["agent"] == "agent18"


def test_queues_of_a_counter_are_ticked_and_ordered(house, manager):
    tile(manager, SEVENTEEN).click()
    serves = part(manager, "serves")
    serves.locator('[data-key="tax"] input').check()
    for _ in range(12):
        if serves.locator("li").first.get_attribute("data-key") == "tax":
            break
        serves.locator('[data-key="tax"]').get_by_role("button", name="Tax further up").click()
    part(manager, "serves-form").get_by_role("button", name="Let it serve these").click()
    expect(part(manager, "serves-acts")).to_be_hidden()
    assert house.counter(SEVENTEEN)["queues"] == ["tax", "fund"]
    undo(manager)
    expect(serves.locator("li").first).to_have_attribute("data-key", "fund")
    assert house.counter(SEVENTEEN)["queues"] == ["fund"]


def test_a_counter_must_serve_something(house, manager):
    tile(manager, SEVENTEEN).click()
    part(manager, "serves").locator('[data-key="fund"] input').uncheck()
    part(manager, "serves-form").get_by_role("button", name="Let it serve these").click()
    expect(part(manager, "detail-answer")).to_contain_text("at least one queue")
    assert house.counter(SEVENTEEN)["queues"] == ["fund"]


def test_a_queue_stops_giving_numbers_and_goes_on_with_undo(house, manager):
    queue(manager, "fund").get_by_role("button").click()
    expect(queue(manager, "fund")).to_contain_text("gives no numbers")
    undo(manager)
    expect(queue(manager, "fund")).not_to_contain_text("gives no numbers")
    house.issue("fund")


def test_a_notice_is_posted_withdrawn_and_brought_back(house, manager):
    part(manager, "notice-text").fill("The lift is under repair.")
    part(manager, "notice-form").get_by_role("button", name="Post").click()
    notices = part(manager, "notices")
    expect(notices).to_contain_text("The lift is under repair.")
    notices.get_by_role("button").click()
    expect(part(manager, "no-notices")).to_be_visible()
    undo(manager)
    expect(notices).to_contain_text("The lift is under repair.")


def test_a_number_is_looked_up_and_moved(house, manager):
    number = house.issue("tax")["number"]
    part(manager, "number").fill(number)
    part(manager, "number").press("Enter")
    manager.locator('[data-act="move"]').click()
    manager.locator("#to-queue").select_option("fund")
    part(manager, "move").get_by_role("button", name="Move").click()
    expect(part(manager, "ticket-facts")).to_contain_text("Housing fund")
    assert house.ticket(number)["queue"] == "fund"


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_the_day_stands_on_one_screen_and_is_accessible(house, manager, sit, size, lang):
    for name in ("tax", "fund", "general"):
        house.issue(name)
    page = sit_as_manager(sit, size=size, lang=lang)
    fits(page)
    accessible(page)
    tile(page, SEVENTEEN).click()
    expect(part(page, "detail")).to_be_visible()
    accessible(page)
    page.keyboard.press("Escape")
    expect(part(page, "detail")).to_be_hidden()
    expect(tile(page, SEVENTEEN)).to_be_focused()


def test_an_agent_is_sent_to_sign_in(sit):
    page = sit("agent01", "/manager")
    expect(page.locator("#login")).to_be_visible()
    expect(page.get_by_role("link", name="My page")).to_have_attribute("href", "/console")


# -- earlier days --------------------------------------------------------------------------------------------------

HISTORY = "**/api/v1/halls/*/days?*"
NO_DAYS = {"items": [], "next": None}


def open_days(page: Page):
    page.get_by_role("button", name="Earlier days", exact=True).click()
    expect(part(page, "days")).to_be_visible()
    expect(part(page, "days")).not_to_have_attribute("aria-busy", "true")
    return part(page, "days")


def test_earlier_days_stand_in_a_table_and_close_with_escape(house, manager):
    number = house.issue("fund")["number"]
    ticket = house.manager.at(SEVENTEEN, "call")
    assert ticket["number"] == number
    issued = house.manager.get("/days")["items"][-1]["issued"]
    days = open_days(manager)
    today = days.locator("tbody tr").first
    expect(today.get_by_role("rowheader")).to_contain_text("so far")
    expect(today.locator("td").first).to_have_text(str(issued))
    accessible(manager)
    fits(manager)
    manager.keyboard.press("Escape")
    expect(days).to_be_hidden()
    expect(part(manager, "days-open")).to_be_focused()


def test_earlier_days_are_taken_along_as_a_table(house, manager):
    house.issue("fund")
    days = open_days(manager)
    days.locator("select").select_option("31")
    with manager.expect_download() as got:
        days.get_by_role("link", name="For Excel").click()
    text = got.value.path().read_text("utf-8-sig")
    assert text.startswith("Day,Queue code,Queue,Issued") and len(text.splitlines()) > 2
    assert got.value.suggested_filename == "licheng-days.csv"


def test_days_on_which_nobody_came_are_said_to_be_empty(manager):
    manager.route(HISTORY, lambda route: route.fulfill(json=NO_DAYS))
    days = open_days(manager)
    expect(days).to_contain_text("Nobody came in these days.")
    expect(days.locator("table")).to_be_hidden()


def test_days_that_do_not_come_are_asked_for_again(house, manager):
    house.issue("fund")
    manager.route(HISTORY, lambda route: route.abort())
    days = open_days(manager)
    expect(days).to_contain_text("No connection. Please try again.")
    accessible(manager)
    manager.unroute(HISTORY)
    days.get_by_role("button", name="Try again").click()
    expect(days.locator("tbody tr").first).to_contain_text("so far")
    manager.watch.forgive("Failed to load resource")
