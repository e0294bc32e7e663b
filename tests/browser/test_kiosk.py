"""The kiosk, as an applicant meets it."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import LANDSCAPE, LOW, PORTRAIT, Hall, OpenPage

CJK = re.compile(r"[\u3400-\u9fff]")
SIZES = pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE, LOW], ids=["portrait", "landscape", "low"])
TICKETS = "**/api/v1/halls/*/tickets"


@pytest.fixture
def kiosk(open_page: OpenPage, hall: Hall):
    def open(size=PORTRAIT, prepare=None) -> Page:
        page = open_page(hall.kiosk_address(), size, prepare=prepare)
        expect(page.locator("button.tile").first).to_be_visible()
        return page

    return open


def choose(page: Page, theme: str, *items: str) -> None:
    page.get_by_role("button", name=theme, exact=True).click()
    for item in items:
        page.get_by_role("checkbox", name=item, exact=True).click()


def onward(page: Page):
    return page.locator(".onward .primary")


def to_priority(page: Page) -> None:
    choose(page, "户籍出入境", "居民身份证到期换领")
    onward(page).click()
    expect(page.locator(".bring")).to_be_visible()
    onward(page).click()
    expect(page.locator(".priorities")).to_be_visible()


def number_of(page: Page) -> str:
    number = page.locator(".done h1.number")
    expect(number).to_be_visible()
    return number.inner_text()


@SIZES
def test_from_a_theme_to_a_number(kiosk, hall: Hall, size):
    hall.counter(20, "open")
    page = kiosk(size)
    choose(page, "户籍出入境", "居民身份证到期换领", "居民身份证遗失补领")
    expect(page.locator(".chosen")).to_have_text("已选2项")
    onward(page).click()
    expect(page.locator(".papers")).to_contain_text("居民户口簿原件")
    expect(page.locator(".queue-facts")).to_contain_text("20号")
    onward(page).click()
    page.get_by_role("button", name="都不是，直接取号").click()
    number = number_of(page)
    assert re.fullmatch(r"E\d{3,}", number)
    expect(page.locator(".done")).to_contain_text("过号后请到服务台恢复")
    code = page.get_by_role("img", name="手机查看二维码")
    code.wait_for()
    page.wait_for_function("() => document.querySelector('.qr img').naturalWidth > 0")
    id = code.get_attribute("src").split("/")[-2]
    assert hall.ticket(id)["number"] == number and len(hall.ticket(id)["items"]) == 2


def test_the_number_fills_half_the_screen(kiosk):
    page = kiosk()
    to_priority(page)
    page.locator(".priority.normal").click()
    number_of(page)
    assert page.locator(".done .big").bounding_box()["height"] > PORTRAIT[1] * 0.3
    assert page.locator(".done h1.number").bounding_box()["width"] > PORTRAIT[0] * 0.75


def test_a_double_tap_gives_one_number(kiosk, hall: Hall):
    page = kiosk()
    to_priority(page)
    before = hall.waiting()
    page.evaluate("() => { const b = document.querySelector('.priority.normal'); b.click(); b.click(); }")
    number_of(page)
    assert hall.waiting() == before + 1


def test_a_lost_answer_is_asked_again_with_the_same_key(kiosk, hall: Hall):
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # the server did it; its answer gets lost
            route.abort()
        else:
            route.continue_()

    page = kiosk()
    to_priority(page)
    before = hall.waiting()
    page.route(TICKETS, lose_the_first)
    page.locator(".priority.normal").click()
    number_of(page)
    assert len(keys) == 2 and keys[0] == keys[1]
    assert hall.waiting() == before + 1
    page.watch.expect("ERR_FAILED")


def test_another_visit_has_another_key(kiosk):
    keys: list[str] = []
    page = kiosk()
    page.on(
        "request",
        lambda request: keys.append(request.headers.get("idempotency-key")) if request.method == "POST" else None,
    )
    for _ in range(2):
        to_priority(page)
        page.locator(".priority.normal").click()
        number_of(page)
        onward(page).click()
        expect(page.locator("button.tile").first).to_be_visible()
    assert len(set(keys)) == 2


def test_without_a_network_it_says_so_and_goes_on_by_itself(kiosk):
    page = kiosk()
    to_priority(page)
    page.context.set_offline(True)
    page.locator(".priority.normal").click()
    expect(page.locator(".taking")).to_contain_text("不会重复取号", timeout=15_000)
    expect(page.locator(".news")).to_contain_text("网络中断")
    page.context.set_offline(False)
    expect(page.locator(".done h1.number")).to_be_visible(timeout=15_000)
    expect(page.locator(".news")).to_be_hidden()
    page.watch.expect("ERR_INTERNET_DISCONNECTED")


def test_started_without_a_network_it_waits_for_it(open_page: OpenPage, hall: Hall):
    page = open_page(None)
    page.route("**/api/v1/**", lambda route: route.abort())
    page.goto(hall.kiosk_address())
    expect(page.get_by_role("heading", name="连接不上服务器")).to_be_visible(timeout=15_000)
    page.unroute("**/api/v1/**")
    expect(page.locator("button.tile").first).to_be_visible(timeout=15_000)
    page.watch.expect("ERR_FAILED")


def test_search_takes_initials_and_chinese(kiosk):
    page = kiosk()
    page.locator(".search-open").click()
    for letter in "SFZ":
        page.get_by_role("button", name=letter, exact=True).click()
    expect(page.locator(".item")).to_have_count(4)
    page.get_by_role("button", name="删除一个字母").click()
    expect(page.locator("#words")).to_have_value("SF")
    page.get_by_role("button", name="清空").click()
    page.locator("#words").fill("护照")
    expect(page.locator(".item").first).to_contain_text("护照")
    page.locator("#words").fill("zzzz")
    expect(page.get_by_text("没有找到“zzzz”")).to_be_visible()


def test_back_keeps_what_was_ticked_and_start_over_forgets_it(kiosk):
    page = kiosk()
    choose(page, "税务", "契税申报缴纳")
    page.get_by_role("button", name="返回").click()
    expect(page.locator(".chosen")).to_have_text("已选1项")
    choose(page, "户籍出入境", "居民身份证到期换领")
    expect(page.locator(".chosen")).to_have_text("已选2项")
    onward(page).click()
    expect(page.locator(".queue")).to_contain_text("综合窗口")
    corner = page.get_by_role("button", name="回首页").bounding_box()
    page.get_by_role("button", name="返回").click()
    assert page.get_by_role("button", name="回首页").bounding_box() == corner
    page.get_by_role("button", name="回首页").click()
    expect(page.locator(".chosen")).to_have_count(0)


def test_several_matters_under_one_number(kiosk):
    page = kiosk()
    page.get_by_role("button", name="一件事（几件事一起办）").click()
    page.get_by_role("button", name="新生儿出生一件事").click()
    expect(page.locator(".paper")).to_have_count(4)
    onward(page).click()
    page.locator(".priority.normal").click()
    assert number_of(page).startswith("A")


def test_who_does_not_know_takes_a_number_for_the_comprehensive_counter(kiosk):
    page = kiosk()
    page.locator(".onward button").click()
    onward(page).click()
    page.locator(".priority.normal").click()
    assert number_of(page).startswith("A")


def test_a_declared_priority_waits_for_the_guide(kiosk, hall: Hall):
    page = kiosk()
    to_priority(page)
    page.get_by_role("button", name="老年人、残疾人").click()
    number_of(page)
    expect(page.locator(".done")).to_contain_text("请先到导办台核验证件")
    id = page.locator(".qr img").get_attribute("src").split("/")[-2]
    assert hall.ticket(id)["asked_priority"] == "elderly-disabled"


def test_when_nobody_is_there_the_next_person_finds_the_first_screen(kiosk):
    page = kiosk(prepare=lambda page: page.clock.install())
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Tax", exact=True).click()
    page.clock.run_for(20_000)
    expect(page.locator(".idle")).to_be_hidden()
    page.clock.run_for(20_000)
    expect(page.locator(".idle")).to_contain_text("seconds")
    page.get_by_role("checkbox").first.click()
    expect(page.locator(".idle")).to_be_hidden()
    page.clock.run_for(62_000)
    expect(page.get_by_role("heading", name="您要办什么业务？")).to_be_visible()
    expect(page.locator(".chosen")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_a_number_does_not_stay_for_the_next_person(kiosk):
    page = kiosk(prepare=lambda page: page.clock.install())
    to_priority(page)
    page.locator(".priority.normal").click()
    number_of(page)
    page.clock.run_for(50_000)
    expect(page.get_by_role("heading", name="您要办什么业务？")).to_be_visible()


def tab_to(page: Page, selector: str) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth")
            assert float(outline.removesuffix("px")) >= 3
            return
    raise AssertionError(f"Tab never comes to {selector}")


def test_every_step_by_keyboard(kiosk):
    page = kiosk()
    tab_to(page, ".tile")
    page.keyboard.press("Enter")
    tab_to(page, ".item")
    page.keyboard.press("Space")
    tab_to(page, ".onward .primary")
    page.keyboard.press("Enter")
    expect(page.locator(".bring")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".item").first).to_have_attribute("aria-checked", "true")
    tab_to(page, ".onward .primary")
    page.keyboard.press("Enter")
    tab_to(page, ".onward .primary")
    page.keyboard.press("Enter")
    tab_to(page, ".priority.normal")
    page.keyboard.press("Enter")
    number_of(page)


def test_a_kiosk_without_a_token_is_paired(open_page: OpenPage, hall: Hall):
    page = open_page("/kiosk/licheng")
    field = page.get_by_label("本机令牌（技术人员填写）")
    field.fill("wrong")
    page.get_by_role("button", name="配对").click()
    expect(page.locator(".error")).to_contain_text("这个令牌不能用于本大厅")
    field.fill(hall.server.token("kiosk"))
    page.get_by_role("button", name="配对").click()
    expect(page.locator("button.tile").first).to_be_visible()
    page.watch.expect("401")
    page.watch.forgive("422")  # the question that tries the token
    page.reload()
    expect(page.locator("button.tile").first).to_be_visible()


def test_the_token_does_not_stay_in_the_address(kiosk):
    assert "token" not in kiosk().url


def changed_queues(**change):
    def answer(route: Route) -> None:
        answered = route.fetch()
        facts = answered.json()
        for queue in facts["items"]:
            queue.update(change)
        route.fulfill(response=answered, json=facts)

    return lambda page: page.route("**/api/v1/halls/*/queues", answer)


def test_a_changed_catalogue_is_there_for_the_next_person(kiosk):
    def rename(route: Route) -> None:
        answered = route.fetch()
        facts = answered.json()
        for item in facts["items"]:
            item["name"] = "新名称"
        route.fulfill(response=answered, json=facts)

    page = kiosk(prepare=lambda page: page.clock.install())
    page.route("**/items?*", rename)
    page.clock.fast_forward(11 * 60_000)
    expect(page.locator(".common .item").first).to_have_text("新名称")


def test_a_closed_hall_says_when_it_opens(kiosk):
    def close(route: Route) -> None:
        answered = route.fetch()
        facts = answered.json() | {"open": False}
        facts["opens_at"] = facts["now"]
        route.fulfill(response=answered, json=facts)

    page = kiosk(prepare=lambda page: page.route("**/api/v1/halls/licheng", close))
    expect(page.locator(".news")).to_contain_text(re.compile("大厅现在不在服务时间，.*开放"))


def test_a_full_queue_is_said_before_anything_is_asked(kiosk):
    page = kiosk(prepare=changed_queues(open=False, closed_because="queue_full"))
    choose(page, "税务", "契税申报缴纳")
    onward(page).click()
    expect(page.locator(".queue")).to_contain_text("暂时已发完")
    onward(page).click()
    expect(page.get_by_role("heading", name="您要办什么业务？")).to_be_visible()


def test_a_queue_that_nobody_serves_still_gives_numbers_and_says_so(kiosk):
    page = kiosk(prepare=changed_queues(counters_open=0, counters=[], wait=None))
    choose(page, "税务", "契税申报缴纳")
    onward(page).click()
    expect(page.locator(".queue")).to_contain_text("目前没有窗口受理此业务")
    onward(page).click()
    page.locator(".priority.normal").click()
    number_of(page)


def test_a_refusal_is_told_in_plain_words(kiosk):
    def refuse(route: Route) -> None:
        problem = {"status": 409, "code": "queue_closed", "title": "x", "detail": "此业务现在不取号。"}
        route.fulfill(status=409, content_type="application/problem+json", json=problem)

    page = kiosk()
    to_priority(page)
    page.route(TICKETS, refuse)
    page.locator(".priority.normal").click()
    expect(page.get_by_role("alert")).to_contain_text("此业务现在不取号。")
    onward(page).click()
    expect(page.locator("button.tile").first).to_be_visible()
    page.watch.expect("409")


# What can be seen of each target: what a list has scrolled away is not there for a finger.
SEEN = """const seen = [...document.querySelectorAll('button, input, a.button')].filter(e => e.offsetParent).map(e => {
        const box = e.getBoundingClientRect(), port = e.closest('.port, .rows, .themes')?.getBoundingClientRect();
        const whole = !port || (box.top >= port.top - 1 && box.bottom <= port.bottom + 1);
        return {name: e.textContent || e.id, box, whole};
    }).filter(({box, whole}) => box.width && whole);"""
SMALL = f"""() => {{ {SEEN} return seen.filter(({{box}}) => box.width < 96 || box.height < 96)
    .map(({{name, box}}) => `${{name}} ${{box.width}}×${{box.height}}`); }}"""
CLOSE = f"""() => {{ {SEEN}
    const gap = (a, b) => Math.max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom);
    return seen.flatMap((one, i) => seen.slice(i + 1).filter(other => gap(one.box, other.box) < 15.5)
        .map(other => `${{one.name}} | ${{other.name}}`)); }}"""
BODY = "() => parseFloat(getComputedStyle(document.querySelector('.screen button, .screen p')).fontSize)"


@SIZES
def test_targets_are_for_fingers_and_type_for_weak_eyes(kiosk, size):
    page = kiosk(size)
    steps = [
        (".home", lambda: None),
        (".search", lambda: page.locator(".search-open").click()),
        (".home", lambda: page.get_by_role("button", name="回首页").click()),
        (".items", lambda: choose(page, "税务", "契税申报缴纳")),
        (".bring", lambda: onward(page).click()),
        (".priorities", lambda: onward(page).click()),
        (".done", lambda: page.locator(".priority.normal").click()),
    ]
    for screen, step in steps:
        step()
        expect(page.locator(screen)).to_be_visible()
        assert page.evaluate(SMALL) == []
        assert page.evaluate(CLOSE) == []
        if size == PORTRAIT:
            assert page.evaluate(BODY) >= 28


def test_large_type_is_large(kiosk):
    page = kiosk()
    page.get_by_role("button", name="大字").click()
    assert page.evaluate(BODY) >= 40
    choose(page, "税务", "契税申报缴纳")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PORTRAIT[0]


def chinese_left(page: Page) -> list[str]:
    texts = page.locator("body").evaluate(
        """body => { const walk = document.createTreeWalker(body, NodeFilter.SHOW_TEXT), found = [];
        const other = '[lang="zh-CN"]:not(html), script, noscript, .skip';
        while (walk.nextNode())
          if (!walk.currentNode.parentElement.closest(other)) found.push(walk.currentNode.textContent);
        return found; }"""
    )
    return [text for text in texts if CJK.search(text)]


def test_english_is_complete(kiosk):
    page = kiosk()
    page.get_by_role("button", name="English").click()
    assert chinese_left(page) == []
    page.locator(".search-open").click()
    assert chinese_left(page) == []
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Several matters at once").click()
    assert chinese_left(page) == []
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Identity and travel").click()
    page.locator(".item").first.click()
    assert chinese_left(page) == []
    for _ in range(2):
        onward(page).click()
        assert chinese_left(page) == []
    page.locator(".priority.normal").click()
    number_of(page)
    assert chinese_left(page) == []
