"""The board in a real browser: every call shown, every call spoken, in order, once; and what it says of itself."""

import io
import signal
import struct
import time
import wave
from itertools import count
from threading import Thread

import pytest
from playwright.sync_api import expect

from counter import balance
from tests.browser.conftest import ARGS, LANDSCAPE, PORTRAIT, Watch, chromium
from tests.display.house import House
from tests.live.conftest import Server, until
from ticketing import db
from ticketing.table import database

codes = count(1)


def sound(seconds):
    """Silence of a length, so that tests need not wait for whole sentences."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack("<h", 0) * int(8000 * seconds))
    return out.getvalue()


class Board:
    """What is to be seen and heard on one board's page."""

    def __init__(self, page):
        self.page = page

    def state(self):
        return self.page.evaluate("board.state")

    def is_live(self):
        until(lambda: self.state() == "live", "the board to be live", self.told)
        return self

    def told(self):
        return str(self.page.evaluate("[board.state, board.spoken]"))

    def shown(self):
        rows = self.page.locator("#calls .call:not(.empty)").all_inner_texts()
        return [row.split()[0] for row in rows]

    def spoken(self):
        return self.page.evaluate("board.spoken")

    def numbers_spoken(self):
        return [call["number"] for call in self.spoken()]

    def glowing(self):
        return [row.split()[0] for row in self.page.locator("#calls .call.speaking").all_inner_texts()]

    def has_shown(self, *numbers):
        until(lambda: self.shown() == list(numbers), f"{numbers} shown", lambda: str(self.shown()))

    def has_spoken(self, *numbers):
        until(lambda: self.numbers_spoken() == list(numbers), f"{numbers} spoken", self.told)


@pytest.fixture
def house(hall):
    """A small hall of this test's own: each call is said once, in Chinese."""
    yield House(hall.server, f"board{next(codes)}", speak_times=1, languages=["zh-CN"])
    database.close_all()


@pytest.fixture
def open_board(open_page, house):
    """open_board("?zone=east"): a paired board; short=True makes every sound a tenth of a second long."""

    def open(query="", size=LANDSCAPE, short=True, of=house, prepare=None, **options):
        def quick(page):
            if short:
                page.route("**/audio/**", lambda route: route.fulfill(body=sound(0.1), content_type="audio/wav"))
                page.route("**/chime.wav*", lambda route: route.fulfill(body=sound(0.1), content_type="audio/wav"))
            if prepare:
                prepare(page)

        page = open_page(None, size, prepare=quick, **options)
        page.goto(f"{of.server.url}/board/{of.code}{query}#token={of.token('board')}")
        return Board(page)

    return open


def line_up(house, count=3):
    """Counters open, with so many waiting in all."""
    for number in (1, 2, 31):
        house.at(number, "open")
    for place in range(count):
        house.issue("tax" if place % 3 == 2 else "general")


def call_next(house, counter, finish=True):
    ticket = house.at(counter, "call")
    if finish:
        house.at(counter, "begin", ticket=ticket["id"])
        house.at(counter, "finish", ticket=ticket["id"])
    return ticket["number"]


def at_once(house, *counters):
    """All of these counters call at the same moment; the numbers in the order of the log."""
    asks = [(house.session("counter", number), f"{house.base}/counters/{number}/call") for number in counters]
    threads = [Thread(target=session.post, args=(url,), kwargs={"json": {}}) for session, url in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = [event for event in house.log() if event["type"] == "ticket.called"]
    assert len(calls) == len(counters)
    return [call["number"] for call in calls]


def test_three_calls_at_once_are_all_shown_and_spoken_in_order(open_board, house):
    board = open_board(short=False).is_live()
    line_up(house)
    numbers = at_once(house, 1, 2, 31)
    board.has_shown(*reversed(numbers))
    glowed = []
    until(lambda: glowed.append(board.glowing()) or len(board.spoken()) == 3, "three announcements", board.told)
    board.has_spoken(*numbers)
    assert [row[0] for row, before in zip(glowed, [None, *glowed], strict=False) if row and row != before] == numbers
    assert {call["how"] for call in board.spoken()} <= {"voice", "clip", "chime"}
    board.has_shown(*reversed(numbers))


def test_an_announcement_is_said_as_often_as_the_hall_says(open_board, hall):
    house = House(hall.server, f"board{next(codes)}", speak_times=3, languages=["zh-CN", "en"])
    asked = []
    line_up(house, 1)
    board = open_board(of=house, prepare=lambda page: page.add_init_script(COUNT_SOUNDS)).is_live()
    board.page.on("request", lambda request: "/audio/" in request.url and asked.append(request.url))
    call_next(house, 1)
    board.has_spoken("A001")
    assert len(asked) == 2  # each language's clip is fetched once …
    assert board.page.evaluate("window.sounds") == 1 + 3 * 2  # … and heard three times, after one chime


COUNT_SOUNDS = """
window.sounds = 0;
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) { window.sounds += 1; return start.apply(this, when); };
"""


def test_a_recall_waits_behind_what_is_queued_and_comes_on_top(open_board, house):
    line_up(house, 2)
    board = open_board().is_live()
    first = house.at(1, "call")
    second = house.at(2, "call")
    house.at(1, "recall", ticket=first["id"])
    board.has_spoken(first["number"], second["number"], first["number"])
    board.has_shown(first["number"], second["number"])


def test_a_call_that_newer_ones_pushed_out_is_seen_while_it_is_spoken(open_board, house):
    board = open_board(short=False).is_live()
    line_up(house)
    numbers = [call_next(house, 1)]
    until(lambda: board.glowing() == numbers, "the first to be spoken")
    for _ in range(9):
        house.issue()
        numbers.append(call_next(house, 1))
    newest = list(reversed(numbers))[:5]
    until(lambda: board.shown()[:5] == newest, "the newest five")
    assert board.shown() == [*newest, numbers[0]]
    assert board.glowing() == [numbers[0]]


def test_a_board_cut_off_comes_back_whole(open_board, house):
    line_up(house)
    board = open_board().is_live()
    first = call_next(house, 1)
    board.has_spoken(first)
    board.page.context.set_offline(True)
    until(lambda: board.state() == "offline", "the board to notice")
    second, third = call_next(house, 1), call_next(house, 31)
    assert board.shown() == [first]
    expect(board.page.locator("#stale")).to_be_visible()
    board.page.context.set_offline(False)
    board.has_spoken(first, second, third)
    board.has_shown(third, second, first)
    expect(board.page.locator("#stale")).to_be_hidden()
    board.page.watch.forgive("ERR_INTERNET_DISCONNECTED")


def test_a_call_that_comes_too_late_is_painted_and_not_spoken(open_board, hall):
    house = House(hall.server, f"board{next(codes)}", speak_seconds=0.5, languages=["zh-CN"], speak_times=1)
    line_up(house)
    board = open_board(of=house).is_live()
    board.page.context.set_offline(True)
    until(lambda: board.state() == "offline", "the board to notice")
    late = call_next(house, 1)
    until(lambda: board.page.evaluate("until => board.now() > Date.parse(until)", last_call(house)), "it to be late")
    board.page.context.set_offline(False)
    board.has_shown(late)
    live = call_next(house, 1)
    board.has_spoken(live)
    board.page.watch.forgive("ERR_INTERNET_DISCONNECTED")


def last_call(house):
    return [event for event in house.log() if event["type"] == "ticket.called"][-1]["speak_until"]


def test_a_live_call_is_spoken_though_the_boards_clock_is_wrong(open_board, house):
    line_up(house)
    skew = "const real = Date.now; Date.now = () => real() + 3600_000;"
    board = open_board(prepare=lambda page: page.add_init_script(skew)).is_live()
    number = call_next(house, 1)
    board.has_spoken(number)


def test_a_reloaded_board_repeats_nothing(open_board, house):
    line_up(house)
    board = open_board().is_live()
    first = call_next(house, 1)
    board.has_spoken(first)
    board.page.reload()
    board.is_live().has_shown(first)
    second = call_next(house, 1)
    board.has_spoken(second)


def test_what_was_called_while_the_board_restarted_is_spoken(open_board, house):
    line_up(house)
    board = open_board().is_live()
    first = call_next(house, 1)
    board.has_spoken(first)
    board.page.goto("about:blank")
    second, third = call_next(house, 1), call_next(house, 31)
    board.page.goto(f"{house.server.url}/board/{house.code}")
    board.is_live().has_spoken(second, third)
    board.has_shown(third, second, first)


@pytest.mark.parametrize("fault", ["404", "abort", "garbage"])
def test_a_clip_that_fails_never_stops_the_next(open_board, house, fault):
    answers = {
        "404": lambda route: route.fulfill(status=404),
        "abort": lambda route: route.abort(),
        "garbage": lambda route: route.fulfill(body=b"no sound at all", content_type="audio/wav"),
    }
    line_up(house)
    board = open_board().is_live()
    board.page.route("**/audio/**", answers[fault])
    first = call_next(house, 1)
    board.has_spoken(first)
    board.page.unroute("**/audio/**", answers[fault])
    second = call_next(house, 1)
    board.has_spoken(first, second)
    assert [call["how"] for call in board.spoken()] == ["chime", "clip"]
    board.page.watch.forgive("Failed to load resource")


VOICE = """
window.said = [];
const voice = {lang: "zh-CN", name: "test", localService: true, default: true, voiceURI: "test"};
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", {value: {
  getVoices: () => [voice],
  cancel() {},
  speak(utterance) {
    window.said.push(utterance.text);
    setTimeout(() => window.voiceFails ? utterance.onerror({error: "synthesis-failed"}) : utterance.onend(), 50);
  },
}});
"""


def test_the_browsers_own_chinese_voice_goes_first_and_the_clip_steps_in(open_board, house):
    line_up(house)
    board = open_board(prepare=lambda page: page.add_init_script(VOICE)).is_live()
    first = call_next(house, 1)
    board.has_spoken(first)
    assert board.page.evaluate("said") == ["请A零零一号到一号窗口办理"]
    board.page.evaluate("window.voiceFails = true")
    second = call_next(house, 1)
    board.has_spoken(first, second)
    assert [call["how"] for call in board.spoken()] == ["voice", "clip"]


def test_a_silent_board_only_shows(open_board, house):
    line_up(house)
    board = open_board("?silent=1").is_live()
    board.has_shown(call_next(house, 1))
    assert board.spoken() == []
    expect(board.page.locator("#mute")).to_be_hidden()
    expect(board.page.locator("#said")).to_have_text("请A001号到1号窗口办理")


def test_a_zones_board_shows_and_says_its_own_calls_only(open_board, house):
    line_up(house)
    board = open_board("?zone=west").is_live()
    call_next(house, 1)
    west = call_next(house, 31)
    board.has_spoken(west)
    board.has_shown(west)
    tiles = board.page.locator("#counters .tile .name")
    expect(tiles).to_have_text(["出件窗口"])


def test_the_form_over_one_counter(open_board, house):
    board = open_board("?counter=1", size=(1280, 400))
    page = board.page
    expect(page.locator("#word")).to_have_text("未登录！")
    expect(page.locator("#window")).to_have_text("1号窗口")
    house.at(1, "open")
    expect(page.locator("#word")).to_have_text("欢迎光临！")
    house.at(1, "pause")
    expect(page.locator("#word")).to_have_text("暂离！")
    house.at(1, "resume")
    house.issue()
    ticket = house.at(1, "call")
    expect(page.locator("#number")).to_have_text("A001")
    expect(page.locator("#word")).to_be_hidden()
    house.at(1, "begin", ticket=ticket["id"])
    expect(page.locator("#below")).to_have_text("办理中")
    house.at(1, "finish", ticket=ticket["id"])
    expect(page.locator("#word")).to_have_text("欢迎光临！")


@pytest.mark.parametrize("query", ["?zone=nowhere", "?counter=99"])
def test_an_address_that_names_nothing_says_so(open_board, query):
    expect(open_board(query).page.locator("#unknown")).to_be_visible()


def test_pairing_once_and_for_all(open_page, house):
    page = open_page(f"/board/{house.code}", LANDSCAPE)
    pairing = page.locator("#pairing")
    expect(pairing).to_be_visible()
    page.fill("#pairing-token", "not a token")
    page.click("#pairing-form button")
    expect(page.locator("#pairing-why")).to_have_text("本屏的令牌已失效。")
    page.fill("#pairing-token", house.token("kiosk"))
    page.click("#pairing-form button")
    expect(page.locator("#pairing-why")).to_have_text("本屏的令牌属于其他大厅或其他设备。")
    page.fill("#pairing-token", house.token("board"))
    page.click("#pairing-form button")
    expect(pairing).to_be_hidden()
    Board(page).is_live()
    page.reload()
    Board(page).is_live()
    expect(pairing).to_be_hidden()
    assert "token" not in page.url


def test_the_token_leaves_the_address_bar(open_board):
    board = open_board().is_live()
    assert "token" not in board.page.url


@pytest.fixture
def strict_browser(browser):
    """A browser that keeps a page silent until it is touched, as they come."""
    args = [arg for arg in ARGS if not arg.startswith("--autoplay")]
    other = browser.browser_type.launch(executable_path=chromium(), args=args)
    yield other
    other.close()


def test_it_asks_once_for_the_tap_and_shows_that_it_cannot_sound(strict_browser, house):
    line_up(house)
    page = strict_browser.new_page(locale="zh-CN")
    page.goto(f"{house.server.url}/board/{house.code}#token={house.token('board')}")
    board = Board(page).is_live()
    expect(page.locator("#tap")).to_be_visible()
    expect(page.locator("#mute")).to_be_visible()
    first = call_next(house, 1)
    board.has_spoken(first)
    assert board.spoken()[0]["how"] == "silent"
    page.click("#tap")
    expect(page.locator("#tap")).to_be_hidden()
    expect(page.locator("#mute")).to_be_hidden()
    second = call_next(house, 1)
    board.has_spoken(first, second)
    assert board.spoken()[1]["how"] in ("voice", "clip", "chime")


def test_notices_are_text_and_nothing_else(open_board, house):
    board = open_board().is_live()
    text = "<img src=x onerror=alert(1)> 今日下午三时系统维护"
    with database.connection_context():
        db.write(house.code, lambda change: balance.post_notice(change, text, None, None, None))
    expect(board.page.locator("#notices")).to_have_text(text)
    assert board.page.locator("#notices img").count() == 0


def test_what_it_says_is_also_text_for_a_screen_reader(open_board, house):
    line_up(house)
    board = open_board().is_live()
    call_next(house, 1)
    said = board.page.locator("#said")
    expect(said).to_have_text("请A001号到1号窗口办理")
    expect(said).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize(("size", "rows", "top", "row"), [(LANDSCAPE, 6, 160, 100), (PORTRAIT, 8, 150, 90)])
def test_figures_are_read_at_ten_metres(open_board, house, size, rows, top, row):
    """105–160 px on a 55-inch board is 67–100 mm; the newest call is the greatest thing on it."""
    line_up(house, 12)
    board = open_board("?silent=1", size=size).is_live()
    for _ in range(8):
        house.issue()
        call_next(house, 1)
    until(lambda: board.page.locator("#calls .call:visible").count() == rows, "the rows")
    sizes = board.page.locator("#calls .call .number").evaluate_all(
        "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert sizes[0] >= top
    assert min(sizes[1:rows]) >= row
    assert not board.page.evaluate(SPILLS)


# What is wider than its cell, or reaches below the screen.
SPILLS = """() => [...document.querySelectorAll("#calls .call > *, .tile > *, #waiting li > *")].filter(one => {
  const cell = one.parentElement.getBoundingClientRect(), box = one.getBoundingClientRect();
  return box.width > 0 && (box.right > cell.right + 1 || box.bottom > innerHeight);
}).map(one => one.textContent)"""


def test_a_week_of_events_leaves_nothing_behind(open_board, house):
    """Twenty thousand events, as the feed hands them over: the page has as many nodes, rows and timers as before."""
    line_up(house)
    board = open_board("?silent=1").is_live()
    call_next(house, 1)
    board.has_shown("A001")
    before = board.page.evaluate("document.getElementsByTagName('*').length")
    board.page.evaluate(WEEK)
    until(lambda: board.shown()[0] == "A999", "the last of them")
    assert board.page.evaluate("document.getElementsByTagName('*').length") == before
    assert board.page.evaluate("[board.board.calls.length, board.board.notices.length, board.feed.early.size]") == [
        24,
        0,
        0,
    ]


WEEK = """() => {
  const feed = board.feed, template = board.board.calls[0];
  for (let n = 0; n < 20000; n += 1) {
    const number = "A" + String(n % 1000).padStart(3, "0");
    feed.take({...template, type: "ticket.called", seq: feed.seq + 1, number, waiting: {general: n % 50},
      counter_now: {counter: 1, state: "open", number, serving: false}});
    const notice = {id: n - n % 100, text: "x", zone: null, until: null};
    if (n % 100 === 0) feed.take({seq: feed.seq + 1, type: "notice.posted", notice});
    if (n % 100 === 1) feed.take({seq: feed.seq + 1, type: "notice.withdrawn", notice});
  }
}"""


def test_announcements_waiting_to_be_spoken_are_bounded(open_board, house):
    line_up(house)
    board = open_board(short=False).is_live()
    call_next(house, 1)
    board.has_shown("A001")
    board.page.evaluate(WEEK)
    assert board.page.evaluate("board.speaker.queue.length") <= 100


# -- a line that loses, repeats and reorders ----------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lost", "repeated", "late", "lost heartbeats too"])
def test_whatever_the_line_does_each_call_is_shown_and_spoken_once_in_order(open_board, house, fault):
    line_up(house, 4)

    def spoil(line):
        server = line.connect_to_server()
        kept = []

        def hear(message):
            if '"ticket.called"' in message and '"A002"' in message and not kept:
                kept.append(message)
                return  # lost, or comes after the next
            if fault == "lost heartbeats too" and '"heartbeat"' in message and len(kept) == 1:
                kept.append(message)
                return
            line.send(message)
            if fault == "repeated":
                line.send(message)
            if fault == "late" and len(kept) == 1 and '"ticket.serving"' in message and "A002" in message:
                kept.append("")
                line.send(kept[0])

        server.on_message(hear)

    board = open_board(prepare=lambda page: page.route_web_socket("**/socket.io/**", spoil)).is_live()
    numbers = [call_next(house, 1) for _ in range(3)]
    assert numbers[1] == "A002"
    board.has_spoken(*numbers)
    board.has_shown(*reversed(numbers))


def test_the_last_call_lost_is_noticed_by_the_next_heartbeat(open_board, house):
    line_up(house, 1)
    lost = []

    def spoil(line):
        server = line.connect_to_server()
        server.on_message(
            lambda message: lost.append(message) if '"ticket.called"' in message and not lost else line.send(message)
        )

    board = open_board(prepare=lambda page: page.route_web_socket("**/socket.io/**", spoil)).is_live()
    house.at(1, "call")
    until(lambda: board.state() and lost, "the message to be lost")  # asking the page lets its handlers run
    began = time.monotonic()
    board.has_shown("A001")
    assert time.monotonic() - began < 8  # the next heartbeat, and a loaded machine
    board.has_spoken("A001")


def test_a_member_of_staff_needs_no_token(open_page, hall):
    page = open_page(None, LANDSCAPE)
    who = {"login": "manager01", "password": "demo-2026"}
    assert page.context.request.post("/api/v1/session", data=who).ok
    page.goto("/board/licheng")
    Board(page).is_live()
    expect(page.locator("#pairing")).to_be_hidden()


# -- a server that stops, and one that only seems to run ----------------------------------------------------------


@pytest.fixture
def own_server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.stop()


def watched(browser, server, house):
    page = browser.new_page(locale="zh-CN")
    page.watch = Watch(page, "")
    page.goto(f"{server.url}/board/{house.code}?silent=1#token={house.token('board')}")
    return Board(page).is_live()


def test_the_server_is_killed_and_comes_back(browser, own_server):
    house = House(own_server, "phoenix")
    line_up(house)
    board = watched(browser, own_server, house)
    first = call_next(house, 1)
    board.has_shown(first)
    own_server.kill()
    until(lambda: board.state() == "offline", "the board to notice")
    expect(board.page.locator("#stale")).to_be_visible()
    own_server.start()
    second = call_next(house, 1)
    board.has_shown(second, first)
    expect(board.page.locator("#stale")).to_be_hidden()
    board.page.close()


def test_a_server_that_hangs_is_noticed_within_fifteen_seconds(browser, own_server):
    """The line stays up and says nothing: only the missing heartbeat tells."""
    house = House(own_server, "frozen")
    line_up(house)
    board = watched(browser, own_server, house)
    own_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    expect(board.page.locator("#stale")).to_be_visible(timeout=25_000)
    assert time.monotonic() - began < 22  # 15 s without a heartbeat, the last of which came within 5
    own_server.process.send_signal(signal.SIGCONT)
    board.has_shown(call_next(house, 1))
    expect(board.page.locator("#stale")).to_be_hidden()
    board.page.close()
