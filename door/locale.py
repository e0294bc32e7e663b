"""Which language a request is in, and the words in it.

Source strings are English; `translations/zh_CN/LC_MESSAGES/<area>.po` holds the Chinese, one file per area. They
are compiled in memory when the process starts, so there is no build step and no file that can be stale.
"""

import hashlib
import re
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, abort, request
from flask_babel import Babel, Domain, get_locale

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = {"zh-CN": "zh_CN", "en": "en"}  # as in <html lang> → as Babel names it
LABELS = {"zh-CN": "\u4e2d\u6587", "en": "English"}  # each language's name for itself
DEFAULT = "zh-CN"
COOKIE = "lang"
YEAR = 365 * 24 * 3600

# t("…"), mark("…") and tn("one", "many", n) in scripts: literals only, so that the scan is certain. Chinese has no
# plural, so of a pair only the second is translated.
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
SCRIPT_CALL = re.compile(rf"\b(?:t|mark)\(\s*({LITERAL})|\btn\(\s*{LITERAL}\s*,\s*({LITERAL})")
SCRIPT_COMMENT = re.compile(r"^\s*(?://|/\*|\*).*$", re.MULTILINE)


class Catalogues(Domain):
    """All areas of a language as one catalogue, read from the .po files themselves."""

    def get_translations(self) -> NullTranslations:
        return catalogue(LANGUAGES[language()])


@lru_cache(maxsize=8)
def catalogue(locale: str) -> NullTranslations:
    merged: NullTranslations = NullTranslations()
    for source in sorted((ROOT / "translations" / locale / "LC_MESSAGES").glob("*.po")):
        with source.open("rb") as file:
            area = read_po(file, locale=locale)
        compiled = BytesIO()
        write_mo(compiled, area)
        compiled.seek(0)
        translations = Translations(compiled)
        if isinstance(merged, Translations):
            merged.merge(translations)
        else:
            merged = translations
    return merged


def choose() -> str:
    """?lang=, then what was chosen before, then what the browser asks for, then Chinese. Our scripts say in
    Accept-Language what the page shows, so that header is the first word for the API."""
    chosen = None if request.path.startswith("/api/") else request.cookies.get(COOKIE)
    for asked in (request.args.get("lang"), chosen):
        if asked in LANGUAGES:
            return LANGUAGES[asked]
    wanted = request.accept_languages.best_match(["zh-CN", "zh", "en"], default=DEFAULT)
    return LANGUAGES["en" if wanted == "en" else DEFAULT]


def language() -> str:
    """The request's language as it stands in <html lang>."""
    locale = get_locale()  # None outside a request
    return "en" if locale is not None and locale.language == "en" else DEFAULT


def local_name(thing: Any) -> str:
    """The name of a hall, queue, item … in the request's language; English where there is one."""
    of = thing.get if isinstance(thing, dict) else lambda field: getattr(thing, field, "")
    return (of("name_en") if language() == "en" else "") or of("name") or ""


def remember(response: Response) -> Response:
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        response.set_cookie(COOKIE, asked, max_age=YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    return response


def other_language() -> dict[str, str]:
    """The switch in every header: the same page, its query kept, in the other language."""
    code = "zh-CN" if language() == "en" else "en"
    query = "&".join(f"{key}={value}" for key, value in request.args.items() if key != "lang" and value.isalnum())
    return {"lang": code, "label": LABELS[code], "href": f"?lang={code}" + (f"&{query}" if query else "")}


@lru_cache(maxsize=1)
def script_msgids() -> frozenset[str]:
    """Every source string used by static/js."""
    found: set[str] = set()
    for script in sorted((ROOT / "static" / "js").glob("**/*.js")):
        for call in SCRIPT_CALL.findall(SCRIPT_COMMENT.sub("", script.read_text("utf-8"))):
            found.update(orjson.loads(literal) for literal in call if literal)
    return frozenset(found)


@lru_cache(maxsize=8)
def script_strings(lang: str) -> bytes:
    translate = catalogue(LANGUAGES[lang]).gettext
    words = {msgid: translate(msgid) for msgid in sorted(script_msgids())}
    changed = {msgid: word for msgid, word in words.items() if word != msgid}
    return b"window.STRINGS = " + orjson.dumps(changed) + b";\n"


def strings_url(lang: str | None = None) -> str:
    lang = lang or language()
    return f"/strings/{lang}.js?v={hashlib.sha256(script_strings(lang)).hexdigest()[:12]}"


def strings(lang: str) -> Response:
    if lang not in LANGUAGES:
        abort(404)
    response = Response(script_strings(lang), mimetype="text/javascript")
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if "v" in request.args else "no-cache"
    return response


def init_locale(app: Flask) -> None:
    babel = Babel(app, default_locale=LANGUAGES[DEFAULT], locale_selector=choose)
    babel.__dict__["domain_instance"] = Catalogues()
    app.jinja_env.globals.update(
        language=language, local_name=local_name, strings_url=strings_url, other_language=other_language
    )
    app.add_url_rule("/strings/<lang>.js", "strings", strings)
    app.after_request(remember)
    for lang in LANGUAGES:  # read once at start: a broken catalogue is found now, not by an applicant
        script_strings(lang)
