"""The console: an agent's whole work, with the keys alone, over a bad line, and never one applicant too many."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.staff import (
    House,
    Person,
    Sit,
    accessible,
    fits,
    forgive_the_line,
    part,
    phase,
    refuses_double_taps,
)

pytest_plugins = ("tests.browser.staff_fixtures",)

SEVEN, EIGHT = 7, 8  # counters that serve real estate only
QUEUE = "realestate"


@pytest.fixture
def console(house: House, sit: Sit) -> Page:
    """Counter 7, open, three waiting."""
    for _ in range(3):
        house.issue(QUEUE)
    page = sit("agent07", f"/console?counter={SEVEN}")
    phase(page, "closed")
    press_main(page)
    phase(page, "free")
    return page


def press_main(page: Page) -> None:
    refuses_double_taps(page)
    page.keyboard.press("Space")


def next_called(page: Page) -> str:
    press_main(page)
    phase(page, "called")
    return part(page, "number").inner_text()


def begun(page: Page) -> str:
    number = next_called(page)
    press_main(page)
    phase(page, "serving")
    return number


def verb(page: Page, name: str):
    return page.locator(f'[data-verb="{name}"]')


def test_the_big_button_leads_through_a_visit(house, console):
    before = house.counter(SEVEN)["figures"]["finished"]
    number = begun(console)
    press_main(console)
    phase(console, "free")
    expect(part(console, "answer")).to_contain_text(number)
    expect(part(console, "finished")).to_have_text(str(before + 1))
    assert house.ticket(number)["state"] == "finished"


def test_a_counter_is_chosen_with_its_number_and_enter(house, sit):
    page = sit("agent08", "/console")
    expect(page.locator(f'[data-counter="{EIGHT}"]')).to_be_visible()
    page.keyboard.type(str(EIGHT))
    page.keyboard.press("Enter")
    phase(page, "free")
    assert house.counter(EIGHT)["agent"] == "agent08"


def test_an_open_counter_is_come_back_to(console, sit):
    page = sit("agent07", "/console")
    expect(page).to_have_url(f"{page.url.split('/console')[0]}/console?counter={SEVEN}")


def test_another_agents_counter_is_not_offered(console, sit):
    page = sit("agent08", "/console")
    tile = page.locator(f'[data-counter="{SEVEN}"]')
    expect(tile).to_have_attribute("aria-disabled", "true")
    page.goto(f"/console?counter={SEVEN}")
    phase(page, "taken")


def test_a_double_tap_calls_one_applicant(house, console):
    refuses_double_taps(console)
    part(console, "main").dblclick()
    phase(console, "called")
    view = house.counter(SEVEN)
    assert (view["ticket"]["state"], view["waiting_count"]) == ("called", 2)


def test_two_fast_presses_of_the_space_bar_call_one_applicant(house, console):
    refuses_double_taps(console)
    console.keyboard.press("Space")
    console.keyboard.press("Space")
    phase(console, "called")
    view = house.counter(SEVEN)
    assert (view["ticket"]["state"], view["waiting_count"]) == ("called", 2)


def test_a_lost_answer_is_asked_for_again_with_the_same_key(house, console):
    keys = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        route.fetch()
        route.abort()

    console.route("**/call", lose_the_first_answer)
    next_called(console)
    forgive_the_line(console)
    assert len(keys) == 2 and keys[0] == keys[1]
    assert house.counter(SEVEN)["waiting_count"] == 2


def test_an_act_waits_for_the_connection_and_is_sent_once(house, console):
    console.context.set_offline(True)
    press_main(console)
    expect(part(console, "lost")).to_be_visible()
    expect(part(console, "main")).to_have_attribute("aria-disabled", "true")
    accessible(console)
    console.context.set_offline(False)
    phase(console, "called")
    expect(part(console, "lost")).to_be_hidden()
    forgive_the_line(console)
    assert house.counter(SEVEN)["waiting_count"] == 2


def test_an_act_that_waits_for_the_connection_can_be_withdrawn(house, console):
    console.context.set_offline(True)
    press_main(console)
    part(console, "withdraw").click()
    console.context.set_offline(False)
    expect(part(console, "lost")).to_be_hidden()
    phase(console, "free")
    forgive_the_line(console)
    assert house.counter(SEVEN)["waiting_count"] == 3


def test_a_reload_comes_back_to_the_ticket_and_the_outcomes(house, sit, console):
    item = next(one for one in house.desk.get("/items")["items"] if one["queue"] == QUEUE)
    number = house.issue(items=[item["code"]])["number"]
    call_given(console, number)
    console.keyboard.press("3")
    console.locator(".note").fill("proof of address")
    console.reload()
    phase(console, "called")
    expect(part(console, "number")).to_have_text(number)
    expect(console.locator('[value="supplement"]')).to_be_checked()
    expect(console.locator(".note")).to_have_value("proof of address")


def call_given(page: Page, number: str) -> None:
    refuses_double_taps(page)
    page.keyboard.press("g")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    phase(page, "called")


def test_the_outcome_of_each_matter_goes_out_with_finish(house, console):
    items = [one["code"] for one in house.desk.get("/items")["items"] if one["queue"] == QUEUE][:2]
    call_given(console, house.issue(items=items)["number"])
    number = part(console, "number").inner_text()
    press_main(console)
    phase(console, "serving")
    console.keyboard.press("ArrowDown")
    console.keyboard.press("6")
    press_main(console)
    phase(console, "free")
    assert [item["outcome"] for item in house.ticket(number)["items"]] == ["done", "advice"]


def test_the_name_is_shown_only_after_the_call(house, console):
    number = house.issue(QUEUE, name="Applicant One", phone="13800000000")["number"]
    expect(part(console, "waiting")).to_contain_text(number)
    assert "Applicant One" not in console.content()
    call_given(console, number)
    expect(part(console, "applicant")).to_contain_text("Applicant One")


def test_figures_on_the_numeric_keypad_call_a_given_number(house, console):
    number = house.issue(QUEUE)["number"]
    expect(part(console, "waiting")).to_contain_text(number)
    first, *others = str(int(number[1:]))
    console.keyboard.press(f"Numpad{first}")  # opens the field, which takes the other figures as any field does
    console.keyboard.type("".join(others))
    console.keyboard.press("Enter")
    phase(console, "called")
    expect(part(console, "number")).to_have_text(number)


def test_a_no_show_waits_for_the_halls_rule_and_says_so(house, console):
    number = next_called(console)
    expect(verb(console, "no-show")).to_have_attribute("aria-disabled", "true")
    console.keyboard.press("n")
    expect(part(console, "answer")).to_have_attribute("data-kind", "bad")
    assert house.ticket(number)["state"] == "called"
    expect(verb(console, "no-show")).not_to_have_attribute("aria-disabled", "true")
    console.keyboard.press("n")
    phase(console, "free")
    expect(part(console, "missed")).to_contain_text(number)
    part(console, "missed").get_by_role("button").first.click()
    expect(part(console, "waiting")).to_contain_text(number)
    assert house.ticket(number)["state"] == "waiting"


def test_recall_counts(house, console):
    next_called(console)
    console.keyboard.press("r")
    expect(part(console, "running-name")).to_contain_text("2 calls")


def test_after_a_click_on_another_verb_the_space_bar_is_the_next_step_again(console):
    next_called(console)
    verb(console, "recall").click()
    expect(part(console, "running-name")).to_contain_text("2 calls")
    press_main(console)
    phase(console, "serving")


def test_a_number_is_put_on_hold_and_taken_back(house, console):
    number = begun(console)
    console.keyboard.press("h")
    console.keyboard.press("2")
    phase(console, "free")
    assert house.ticket(number)["hold_kind"] == "kept"
    expect(part(console, "held")).to_contain_text(number)
    console.keyboard.press("e")
    console.keyboard.press("1")
    phase(console, "serving")
    expect(part(console, "number")).to_have_text(number)


def test_a_number_is_transferred_by_the_letter_of_a_queue(house, console):
    number = begun(console)
    console.keyboard.press("t")
    console.keyboard.type("d")
    console.keyboard.press("Enter")
    phase(console, "free")
    assert house.ticket(number)["queue"] == "tax"


def test_a_number_is_transferred_to_a_counter(house, console):
    house.manager.at(EIGHT, "open")
    number = begun(console)
    console.keyboard.press("t")
    console.locator(".choice", has_text="Counter 8").click()
    phase(console, "free")
    assert house.ticket(number)["reserved_for"] == EIGHT


def test_a_pause_has_a_reason_and_ends_with_the_big_button(house, console):
    console.keyboard.press("p")
    console.keyboard.press("4")
    phase(console, "paused")
    assert house.counter(SEVEN)["pause_reason"] == "Meal"
    press_main(console)
    phase(console, "free")


def test_a_refusal_is_said_beside_the_button(house, console):
    view = house.counter(SEVEN)
    console.route("**/counters/7", lambda route: route.fulfill(json=view))  # the page does not hear of it
    Person(house.url, "agent07").at(SEVEN, "call")
    press_main(console)
    expect(part(console, "answer")).to_have_text("This counter still has a number in hand.")
    forgive_the_line(console)
    console.unroute("**/counters/7")
    console.reload()
    phase(console, "called")


def test_what_others_do_appears_by_itself(house, console):
    number = house.issue(QUEUE)["number"]
    expect(part(console, "waiting")).to_contain_text(number)
    house.manager.at(SEVEN, "call", ticket=number)
    phase(console, "called")
    expect(part(console, "number")).to_have_text(number)


def test_closing_and_signing_out_leave_the_counter_closed(house, console):
    part(console, "sign-out").click()
    expect(console.locator("#login")).to_be_visible()
    assert house.counter(SEVEN)["state"] == "closed"


def test_nobody_signs_out_with_a_number_in_hand(house, console):
    number = next_called(console)
    part(console, "sign-out").click()
    expect(part(console, "answer")).to_have_attribute("data-kind", "bad")
    assert house.ticket(number)["state"] == "called"


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
@pytest.mark.parametrize("size", [(1366, 768), (1366, 640), (1920, 1080)])
def test_everything_stands_on_one_screen(house, sit, size, lang):
    items = [one["code"] for one in house.desk.get("/items")["items"] if one["queue"] == QUEUE][:3]
    house.issue(items=items, name="Applicant One", phone="13800000000")
    for _ in range(20):
        house.issue(QUEUE)
    page = sit("agent07", f"/console?counter={SEVEN}", size, lang)
    phase(page, "closed")
    for name in ("free", "called", "serving"):
        press_main(page)
        phase(page, name)
        fits(page)
    box = page.locator(".hand").bounding_box()
    last = verb(page, "keys").bounding_box()
    assert last["y"] + last["height"] <= box["y"] + box["height"]


def test_every_phase_and_panel_is_accessible(house, console):
    accessible(console)
    next_called(console)
    accessible(console)
    press_main(console)
    phase(console, "serving")
    accessible(console)
    for name in ("hold", "transfer", "keys"):
        verb(console, name).click()
        expect(console.locator(f'[data-panel="{name}"]')).to_be_visible()
        accessible(console)
        console.keyboard.press("Escape")
    console.keyboard.press("h")
    console.keyboard.press("1")
    phase(console, "free")
    for name in ("resume-ticket", "given", "pause"):
        verb(console, name).click()
        accessible(console)
        console.keyboard.press("Escape")


def test_the_choice_of_counters_is_accessible(sit):
    page = sit("agent07", "/console", lang="zh-CN")
    expect(page.locator("[data-counter]").first).to_be_visible()
    accessible(page)
