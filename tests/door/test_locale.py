"""Every word a person reads has its Chinese, and Chinese stands in the catalogues and nowhere in the code."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from flask import Flask, render_template_string
from flask_babel import gettext

from door import locale

ROOT = Path(__file__).resolve().parent.parent.parent
AREAS = sorted((ROOT / "translations/zh_CN/LC_MESSAGES").glob("*.po"))
PLACES = ("door", "ticketing", "counter", "display", "app.py", "config.py", "run.py")
CJK = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
# Where Chinese is the matter itself: column headings people fill in, and spoken words.
CHINESE_ITSELF = {"ticketing/rows.py", "display/announce.py"}


def python_files():
    for place in PLACES:
        top = ROOT / place
        yield from [top] if top.is_file() else sorted(top.rglob("*.py"))


def template_files():
    return sorted((ROOT / "templates").rglob("*.html"))


def script_files():
    return sorted((ROOT / "static/js").rglob("*.js"))


def messages(method, path):
    """Source strings of a file; of a plural pair the second, as Chinese has one form."""
    keywords = {"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}
    found = extract(method, BytesIO(path.read_bytes()), keywords=keywords, options={"encoding": "utf-8"})
    for _line, message, _comments, _context in found:
        yield message[0] if isinstance(message, tuple) else message


def used():
    places: dict[str, str] = {}
    for path in python_files():
        places |= dict.fromkeys(messages("python", path), str(path.relative_to(ROOT)))
    for path in template_files():
        places |= dict.fromkeys(messages("jinja2.ext:babel_extract", path), str(path.relative_to(ROOT)))
    return places | dict.fromkeys(locale.script_msgids(), "static/js")


def placeholders(text):
    return set(re.findall(r"%\(\w+\)|\{\w+\}", text))


def entries(area):
    with area.open("rb") as file:
        for entry in read_po(file, locale="zh_CN"):
            if entry.id:
                one = entry.id if isinstance(entry.id, str) else entry.id[0]
                yield one, entry.string if isinstance(entry.string, str) else entry.string[0]


def test_every_source_string_has_its_chinese():
    translated = {msgid for area in AREAS for msgid, text in entries(area) if text}
    missing = [f"{place}: {msgid}" for msgid, place in used().items() if msgid and msgid not in translated]
    assert missing == []


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.stem)
def test_a_translation_keeps_its_placeholders(area):
    for msgid, text in entries(area):
        assert placeholders(text) <= placeholders(msgid), msgid


def test_the_same_source_string_has_one_chinese_everywhere():
    chinese: dict[str, str] = {}
    for area in AREAS:
        for msgid, text in entries(area):
            assert chinese.setdefault(msgid, text) == text, f"{area.stem}: {msgid}"


def test_no_chinese_stands_in_code():
    found = []
    for path in [*python_files(), *template_files(), *script_files()]:
        name = str(path.relative_to(ROOT))
        if name not in CHINESE_ITSELF and "/data/" not in name:
            lines = path.read_text("utf-8").splitlines()
            found += [f"{name}:{number}" for number, line in enumerate(lines, 1) if CJK.search(line)]
    assert found == []


@pytest.fixture
def app():
    app = Flask("locale", template_folder=str(ROOT / "templates"))
    locale.init_locale(app)

    @app.get("/page")
    @app.get("/api/v1/thing")
    def words():
        return render_template_string("{{ language() }} {{ _('Try again') }}") + " " + gettext("List of pages")

    return app


@pytest.mark.parametrize(
    ("address", "headers", "cookie", "expected"),
    [
        ("/page", {}, None, "zh-CN"),
        ("/page", {"Accept-Language": "de"}, None, "zh-CN"),
        ("/page", {"Accept-Language": "en-US,en;q=0.9,zh;q=0.3"}, None, "en"),
        ("/page", {"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.8"}, None, "zh-CN"),
        ("/page?lang=en", {"Accept-Language": "zh-CN"}, "zh-CN", "en"),
        ("/page", {"Accept-Language": "zh-CN"}, "en", "en"),
        ("/page?lang=xx", {}, "en", "en"),
        ("/api/v1/thing", {"Accept-Language": "zh-CN"}, "en", "zh-CN"),
        ("/api/v1/thing", {"Accept-Language": "en"}, "zh-CN", "en"),
    ],
)
def test_the_language_of_a_request(app, address, headers, cookie, expected):
    client = app.test_client()
    if cookie:
        client.set_cookie("lang", cookie)
    words = client.get(address, headers=headers).text
    assert words.startswith(expected)
    assert ("Try again" in words) == (expected == "en")


def test_a_chosen_language_is_remembered(app):
    client = app.test_client()
    client.get("/page?lang=en")
    assert client.get("/page", headers={"Accept-Language": "zh-CN"}).text.startswith("en")


def test_scripts_get_only_what_they_use(app):
    client = app.test_client()
    with app.test_request_context("/"):
        address = locale.strings_url("zh-CN")
    answer = client.get(address)
    assert answer.mimetype == "text/javascript" and "immutable" in answer.headers["Cache-Control"]
    assert answer.text.startswith("window.STRINGS = {")
    assert client.get("/strings/en.js").text == "window.STRINGS = {};\n"
    assert client.get("/strings/xx.js").status_code == 404


def test_the_scan_of_scripts_reads_calls_not_comments():
    calls = locale.SCRIPT_CALL.findall('x(t("One \\"two\\""), tn("{n} a", "{n} b", 2), mark("Three"), cat("no"))')
    assert [literal for call in calls for literal in call if literal] == ['"One \\"two\\""', '"{n} b"', '"Three"']
    assert locale.SCRIPT_COMMENT.sub("", '  // t("no")\n') == "\n"
