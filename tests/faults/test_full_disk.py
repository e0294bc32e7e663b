"""The disk is full while the hall works: coded refusals, screens that go on showing, nothing half written; and it works
again as soon as there is room. Log and voice clips lie on the same disk."""

import shutil

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import browser  # noqa: F401  # a fixture
from tests.browser.test_kiosk import number_of, to_priority
from tests.faults.judge import judge
from tests.live.conftest import HALL, Server, until

pytestmark = pytest.mark.usefixtures("on_sqlite")


@pytest.fixture
def server(disk):
    server = Server(disk.folder)
    yield server
    server.stop()


def test_a_full_disk_is_told_and_survived(server, disk, day_at, figure):
    day = day_at(server)
    day.goes_on(acts=50)
    disk.fill()
    until(lambda: day.refused["no_storage"] > 20, "to be refused", day.state)
    answer = day.people.post("kiosk", "{hall}/tickets", {"queue": "general"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "no_storage"
    assert day.people.get("board", "{hall}/board")["seq"] == day.newest()
    assert requests.get(f"{server.url}/healthz", timeout=20).status_code == 200
    day.add_boards(1)  # a screen that is switched on now
    called = day.people.told("ticket.called")[-1]
    assert sound_of(server, called).status_code in (200, 404)  # made before, or a chime instead
    disk.free()
    day.goes_on()
    figure("converged within", day.converged())
    judge(day)
    if shutil.which("espeak-ng"):
        clip = sound_of(server, called).content
        assert int.from_bytes(clip[4:8], "little") + 8 == len(clip)  # no half of one was kept
    assert [board.arrivals for board in day.boards] == [1] * 4


def sound_of(server, called):
    return requests.get(f"{server.url}/audio/{HALL}/{called['seq']}/zh-CN.wav", timeout=20)


def test_the_kiosk_says_so_and_works_again(server, disk, browser):  # noqa: F811
    page = browser.new_page(locale="zh-CN", viewport={"width": 1080, "height": 1920})
    page.goto(f"{server.url}/kiosk/{HALL}#token={server.token('kiosk')}")
    to_priority(page)
    disk.fill()
    page.locator(".priority.normal").click()
    expect(page.locator("#content")).to_contain_text("系统暂时无法保存数据，请联系工作人员。", timeout=15_000)
    disk.free()
    page.reload()
    to_priority(page)
    page.locator(".priority.normal").click()
    assert number_of(page) == "E001"
    page.close()
