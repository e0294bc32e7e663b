"""The sign-in: a clear no, and each role on its own page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import CONSOLE, PASSWORD, accessible, part

pytest_plugins = ("tests.browser.staff_fixtures",)


@pytest.fixture
def signin(house, open_page):
    def open(path: str = "/signin", lang: str = "en") -> Page:
        return open_page(path, CONSOLE, lang=lang)

    return open


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    page.fill("#login", login)
    page.fill("#password", password)
    page.keyboard.press("Enter")


@pytest.mark.parametrize(("login", "page"), [("agent12", "/console"), ("desk01", "/desk"), ("manager01", "/manager")])
def test_each_role_comes_to_its_own_page(signin, house, login, page):
    browser = signin()
    sign_in(browser, login)
    expect(browser).to_have_url(f"{house.url}{page}")


def test_the_page_that_was_asked_for_comes_after_the_sign_in(signin, house):
    page = signin("/console?counter=12")
    sign_in(page, "agent12")
    expect(page).to_have_url(f"{house.url}/console?counter=12")


def test_a_wrong_password_is_said_and_can_be_typed_anew(signin):
    page = signin()
    sign_in(page, "agent12", "not this one")
    expect(part(page, "refusal")).to_contain_text("Account or password is wrong")
    expect(page.locator("#password")).to_be_focused()
    accessible(page)
    page.watch.forgive("Failed to load resource")


def test_empty_fields_are_said_without_asking_the_server(signin):
    page = signin()
    page.locator("[data-part=submit]").click()
    expect(part(page, "refusal")).to_contain_text("both needed")
    expect(page.locator("#login")).to_be_focused()


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_sign_in_is_accessible(signin, lang):
    page = signin(lang=lang)
    expect(page.locator("#login")).to_be_focused()
    accessible(page)
