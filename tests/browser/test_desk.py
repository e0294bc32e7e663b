"""The desk: a number for somebody, a number that exists, a certificate to look at."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import TABLET, House, Sit, accessible, fits, forgive_the_line, part

pytest_plugins = ("tests.browser.staff_fixtures",)

NUMBER = re.compile(r"^[A-Z]\d{3,}$")


@pytest.fixture
def desk(sit: Sit) -> Page:
    return sit_at_desk(sit)


def sit_at_desk(sit: Sit, **how) -> Page:
    page = sit("desk01", "/desk", **{"size": TABLET, **how})
    expect(page.locator("[data-part=found] input").first).to_be_visible()
    return page


def given(page: Page) -> str:
    expect(part(page, "given-number")).to_have_text(NUMBER)
    return part(page, "given-number").inner_text()


def look_up(page: Page, number: str, state: str) -> None:
    part(page, "number").fill(number)
    part(page, "number").press("Enter")
    expect(part(page, "ticket-number")).to_have_text(number)
    expect(part(page, "ticket-state")).to_have_text(state)


def test_a_matter_is_found_by_its_initials_and_gets_a_number_with_a_qr_code(house, desk):
    item = house.desk.get("/items")["items"][5]
    part(desk, "search").fill(item["initials"])
    row = part(desk, "found").locator(f'[data-key="{item["code"]}"] input')
    row.check()
    part(desk, "issue").click()
    number = given(desk)
    expect(desk.locator("[data-part=given-qr]")).to_have_js_property("complete", True)
    assert desk.locator("[data-part=given-qr]").evaluate("image => image.naturalWidth") > 50
    assert [one["code"] for one in house.ticket(number)["items"]] == [item["code"]]
    part(desk, "again").click()
    expect(part(desk, "search")).to_be_focused()


def test_full_pinyin_finds_a_matter(house, desk):
    part(desk, "search").fill("hunyin")
    found = house.desk.get("/items?q=hunyin")["items"]
    for item in found:
        expect(part(desk, "found").locator(f'[data-key="{item["code"]}"]')).to_be_visible()


def test_a_number_is_given_for_a_queue_with_name_and_phone(house, desk):
    part(desk, "straight").locator("summary").click()
    part(desk, "queues").locator("label", has_text="Tax").click()
    desk.locator(".person summary").click()
    desk.fill("#name", "Applicant Two")
    desk.fill("#phone", "13800000000")
    part(desk, "issue").click()
    assert house.ticket(given(desk))["queue"] == "tax"


def test_nothing_chosen_is_said_beside_the_button(desk):
    part(desk, "issue").click()
    expect(part(desk, "answer")).to_have_text("First choose a matter or a queue.")


def choose_priority(page: Page, name: str) -> None:
    part(page, "found").locator("input").first.check()
    part(page, "priorities").locator("label", has_text=name).click()


def test_a_certificate_that_was_seen_counts_at_once(house, desk):
    choose_priority(desk, "Elderly")
    part(desk, "checked").check()
    part(desk, "issue").click()
    number = given(desk)
    expect(part(desk, "given-priority")).to_contain_text("Priority: Elderly")
    ticket = house.ticket(number)
    assert (ticket["priority"], ticket["asked_priority"]) == ("elderly-disabled", None)


def test_a_declared_priority_waits_for_a_look_and_is_granted(house, desk):
    choose_priority(desk, "Elderly")
    part(desk, "issue").click()
    number = given(desk)
    row = part(desk, "declared").locator("li", has_text=number)
    row.get_by_role("button", name=f"Grant {number}").click()
    expect(row).to_have_count(0)
    assert house.ticket(number)["priority"] == "elderly-disabled"


def test_a_refused_priority_can_be_undone(house, desk):
    number = house.issue("tax", priority="pregnant-ill")["number"]
    part(desk, "declared").locator("li", has_text=number).get_by_role("button", name=f"Refuse {number}").click()
    desk.get_by_role("button", name="Undo").click()
    look_up(desk, number, "waiting")
    expect(part(desk, "ticket-facts")).to_contain_text("Late pregnancy")


def test_a_look_up_hears_of_a_change_whose_answer_is_still_on_its_way(house, desk):
    number = house.issue("tax", priority="pregnant-ill")["number"]

    def late(route):
        answer = route.fetch()
        desk.wait_for_timeout(1500)
        route.fulfill(response=answer)

    look_up(desk, number, "waiting")
    expect(part(desk, "ticket-facts")).to_contain_text("Normal · declared: Late pregnancy")
    desk.route("**/priority", late)
    part(desk, "declared").locator("li", has_text=number).get_by_role("button", name=f"Grant {number}").click()
    expect(part(desk, "ticket-facts")).not_to_contain_text("declared")
    expect(part(desk, "ticket-facts")).to_contain_text("Late pregnancy")


def test_a_number_given_by_mistake_is_cancelled(house, desk):
    part(desk, "found").locator("input").first.check()
    part(desk, "issue").click()
    number = given(desk)
    part(desk, "take-back").click()
    expect(part(desk, "giving")).to_be_visible()
    assert house.ticket(number)["state"] == "cancelled"


def test_cancelling_a_number_is_asked_once_more(house, desk):
    number = house.issue("tax")["number"]
    look_up(desk, number, "waiting")
    desk.locator('[data-act="cancel"]').click()
    expect(part(desk, "no")).to_be_focused()
    assert house.ticket(number)["state"] == "waiting"
    part(desk, "yes").click()
    expect(part(desk, "ticket-state")).to_have_text("cancelled")


def test_a_move_to_another_queue_can_be_undone(house, desk):
    number = house.issue("tax")["number"]
    look_up(desk, number, "waiting")
    desk.locator('[data-act="move"]').click()
    desk.locator("#to-queue").select_option("fund")
    part(desk, "move").get_by_role("button", name="Move").click()
    expect(part(desk, "ticket-facts")).to_contain_text("Housing fund")
    desk.get_by_role("button", name="Undo").click()
    expect(part(desk, "ticket-facts")).to_contain_text("Tax")
    assert house.ticket(number)["queue"] == "tax"


def test_news_of_the_number_does_not_shut_the_form(house, desk):
    number = house.issue("tax", priority="pregnant-ill")["number"]
    look_up(desk, number, "waiting")
    desk.locator('[data-act="move"]').click()
    desk.locator("#to-queue").select_option("fund")
    house.manager.post(f"/tickets/{house.ticket(number)['id']}/move", priority="normal")
    expect(part(desk, "ticket-facts")).not_to_contain_text("Late pregnancy")
    expect(part(desk, "move")).to_be_visible()
    expect(desk.locator("#to-queue")).to_have_value("fund")


def missed(house: House) -> str:
    house.manager.at(17, "open")
    number = house.issue("fund")["number"]
    called = house.manager.at(17, "call", ticket=number)
    house.no_show(17, called["id"])
    return number


def test_a_missed_number_goes_back_in_line(house, desk):
    number = missed(house)
    look_up(desk, number, "missed")
    desk.locator('[data-act="reinstate"]').click()
    expect(part(desk, "ticket-state")).to_have_text("waiting")


def test_a_number_that_was_never_given_is_said_so(desk):
    part(desk, "number").fill("A999")
    part(desk, "number").press("Enter")
    expect(part(desk, "find-answer")).to_contain_text("was not given today")


def test_a_lost_connection_keeps_what_was_chosen_and_sends_it_once(house, desk):
    part(desk, "found").locator("input").first.check()
    waiting = len(house.desk.get("/tickets?state=waiting")["items"])
    desk.context.set_offline(True)
    part(desk, "issue").click()
    expect(part(desk, "lost")).to_be_visible()
    desk.context.set_offline(False)
    given(desk)
    forgive_the_line(desk)
    assert len(house.desk.get("/tickets?state=waiting")["items"]) == waiting + 1


@pytest.mark.parametrize("size", [(1024, 768), (768, 1024)])
def test_the_desk_is_accessible_and_as_wide_as_the_tablet(house, sit, size):
    house.issue("tax", priority="pregnant-ill")
    page = sit_at_desk(sit, size=size, lang="zh-CN")
    expect(part(page, "declared").get_by_role("button").first).to_be_visible()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    if size == TABLET:
        fits(page)
    look_up_zh(page, house.issue("tax")["number"])
    page.locator('[data-act="move"]').click()
    accessible(page)
    part(page, "found").locator("input").first.check()
    part(page, "issue").click()
    given(page)
    accessible(page)


def look_up_zh(page: Page, number: str) -> None:
    part(page, "number").fill(number)
    part(page, "number").press("Enter")
    expect(part(page, "ticket-number")).to_have_text(number)
