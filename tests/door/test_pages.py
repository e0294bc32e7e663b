"""Static files, security headers and error pages."""

import gzip

import pytest

from door import pages
from tests.cast import CODE


def test_a_static_address_changes_with_the_file(app, client):
    with app.test_request_context("/"):
        address = pages.static_url("css/tokens.css")
    answer = client.get(address)
    assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
    assert "immutable" not in client.get("/static/css/tokens.css").headers["Cache-Control"]


def test_scripts_and_styles_are_small_on_the_way(client):
    plain = client.get("/static/js/kiosk.js")
    packed = client.get("/static/js/kiosk.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data) / 2
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert client.get("/static/js/kiosk.js", headers=again).status_code == 304


@pytest.mark.parametrize("path", ["/", "/style", "/api/v1/halls"])
def test_what_may_hold_a_secret_is_not_compressed(client, path):
    assert "Content-Encoding" not in client.get(path, headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize("path", ["/", "/style", "/no-such-page", "/static/css/tokens.css", "/api/v1/halls"])
def test_every_answer_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_a_script_or_style_of_its_own(client):
    for path in ("/", "/style", f"/kiosk/{CODE}", "/no-such-page"):
        page = client.get(path).text
        assert "<style" not in page and " style=" not in page and "onclick" not in page
        assert "<script>" not in page


def test_an_unknown_page_is_told_calmly_in_the_readers_language(client):
    answer = client.get("/no-such-page", headers={"Accept-Language": "en"})
    assert answer.status_code == 404 and "This page does not exist" in answer.text
    chinese = client.get("/no-such-page")
    assert '<html lang="zh-CN">' in chinese.text and "This page does not exist" not in chinese.text


def test_a_page_that_fails_shows_nothing_of_the_machine(app, client, monkeypatch):
    def broken(*_parts):
        raise RuntimeError("inner workings")

    monkeypatch.setattr(pages, "hall_pages", broken)
    answer = client.get("/", headers={"Accept-Language": "en"})
    assert answer.status_code == 500 and answer.mimetype == "text/html"
    assert "inner workings" not in answer.text and "Something went wrong here" in answer.text


def test_the_api_answers_errors_in_its_own_way(client):
    assert client.get("/api/v1/no-such").mimetype == "application/problem+json"


def test_home_names_every_page_of_every_hall(client):
    page = client.get("/").text
    for address in (f"/kiosk/{CODE}", f"/board/{CODE}", "/console", "/desk", "/manager", "/style"):
        assert f'href="{address}"' in page
