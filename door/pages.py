"""What every page shares: addresses of static files, security headers, the calm error page, home and /style."""

import gzip
import hashlib
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, render_template, request
from flask_babel import gettext as _

from door.locale import YEAR
from ticketing import db
from ticketing.models import Counter, Hall, Zone

ROOT = Path(__file__).resolve().parent.parent
# Loaded by every page, in this order.
STYLES = ("tokens", "base", "button", "card", "field", "banner", "badge", "keypad", "skeleton", "dialog")
SQUEEZED = ("text/javascript", "text/css", "image/svg+xml")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'{sockets}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STRICT_TRANSPORT = "max-age=31536000"
PLAIN_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    with db.snapshot():
        halls = [hall_pages(hall) for hall in Hall.select().order_by(Hall.code)]
    return render_template("home.html", halls=halls)


def hall_pages(hall: Hall) -> dict[str, Any]:
    return {
        "code": hall.code,
        "name": hall.name,
        "name_en": hall.name_en,
        "zones": list(hall.zones.order_by(Zone.place).dicts()),
        "counters": list(hall.counters.order_by(Counter.number).dicts()),
    }


@pages.get("/style")
def style() -> str:
    icons = (ROOT / "static/img/icons.svg").read_text("utf-8").split('<symbol id="')[1:]
    return render_template("style.html", icons=[symbol.split('"', 1)[0] for symbol in icons])


@pages.get("/favicon.ico")
def favicon() -> Response:
    return current_app.send_static_file("img/favicon.svg")


@lru_cache(maxsize=256)
def content_hash(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def static_url(path: str) -> str:
    """The address of a static file with its content's hash, so that a browser may keep it for ever."""
    file = ROOT / "static" / path
    return f"/static/{path}?v={content_hash(file, file.stat().st_mtime_ns)}"


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Content-Security-Policy"] = POLICY.format(sockets=own_sockets())
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if request.path.startswith("/static/") and "v" in request.args and response.status_code == HTTPStatus.OK:
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    elif response.mimetype == "text/html":
        # Each page carries a language and perhaps a CSRF token: no shared copy of it.
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def own_sockets() -> str:
    """Older browsers do not count a websocket to our own address among 'self'."""
    if not PLAIN_HOST.fullmatch(request.host):
        return ""
    return f" {'wss' if request.is_secure else 'ws'}://{request.host}"


@lru_cache(maxsize=128)
def squeezed(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def squeeze(response: Response) -> Response:
    """Scripts, styles and icons at a third of their size: phones come over mobile networks. Never a page or an
    answer of the API: what is secret beside what a stranger can choose must not be compressed together."""
    if not request.path.startswith(("/static/", "/strings/")) or response.mimetype not in SQUEEZED:
        return response
    response.vary.add("Accept-Encoding")
    if request.method == "GET" and response.status_code == HTTPStatus.OK and "gzip" in request.accept_encodings:
        response.direct_passthrough = False
        response.set_data(squeezed(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
        etag, _weak = response.get_etag()
        if etag:
            response.set_etag(etag, weak=True)  # the same words, not the same bytes
    return response


def words_for(status: int) -> tuple[str, str]:
    """What happened and what to do, for a person; nothing about the machine."""
    if status == HTTPStatus.NOT_FOUND:
        return _("This page does not exist"), _("Check the address, or go back to the list of pages.")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _("You may not open this page"), _("Sign in with an account of this hall.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _("Too many requests"), _("Please wait a moment and try again.")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _("Something went wrong here"), _("Nothing was changed. Please try again in a moment.")
    return _("This did not work"), _("Please go back and try again.")


def error_page(status: int) -> Response:
    """The page for a browser. The API's own answers (problem+json) are door/api.py's."""
    title, advice = words_for(status)
    page = render_template("error.html", status=status, title=title, advice=advice)
    return Response(page, status, mimetype="text/html")


def refuse_zero_bytes() -> None:
    """PostgreSQL takes none, not even to say that there is no such hall. The API names what it does not know itself."""
    if not request.path.startswith("/api/") and any("\0" in text for text in (request.path, *request.args.values())):
        abort(HTTPStatus.NOT_FOUND)


def init_pages(app: Flask) -> None:
    app.register_blueprint(pages)
    app.jinja_env.globals.update(static_url=static_url, STYLES=STYLES)
    app.before_request(refuse_zero_bytes)
    app.after_request(add_headers)
    app.after_request(squeeze)
