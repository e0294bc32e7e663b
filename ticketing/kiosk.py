"""The kiosk's page. It asks and acts through the API only; the page itself is an empty frame with the hall's facts."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, render_template

from ticketing import db, views
from ticketing.models import Hall

THEMES = Path(__file__).resolve().parent.parent / "translations" / "themes.json"

pages = Blueprint("kiosk_pages", __name__)


@pages.get("/kiosk/<hall>")
def kiosk(hall: str) -> str:
    with db.snapshot():
        found = Hall.get_or_none(Hall.code == hall)
        if found is None:
            abort(404)
        dress = {theme: dressed(theme) for theme in views.themes(found)}
    return render_template("kiosk/kiosk.html", hall=found, dress=dress)


@lru_cache(maxsize=1)
def known_themes() -> list[dict[str, Any]]:
    return json.loads(THEMES.read_text("utf-8"))


def dressed(theme: str) -> dict[str, str]:
    """Icon and English name of a catalogue's theme, by the words in its name; the first that fits."""
    for known in known_themes():
        if any(word in theme for word in known["words"]):
            return {"icon": known["icon"], "name_en": known["en"]}
    return {"icon": "theme-other", "name_en": ""}
