"""The composition root: the only module that knows all packages."""

import gc
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

import counter.api
import counter.pages
import counter.stats
import display.api
import display.pages
import ticketing.api
import ticketing.kiosk
import ticketing.mobile
from config import Settings
from counter import sweep
from display import announce, push, voice
from door import health
from door.api import init_api
from door.locale import init_locale
from door.logs import init_logs
from door.metrics import init_metrics
from door.pages import init_pages
from door.traffic import init_traffic
from door.who import Cookies, login_manager
from ticketing import clock, db, log
from ticketing.keyring import open_keyring
from ticketing.models import Hall

logger = logging.getLogger("yichuang")

PAGES = (ticketing.kiosk.pages, ticketing.mobile.pages, counter.pages.pages, display.pages.pages)
APIS = (ticketing.api.api, counter.api.api, display.api.api)
FINISH_SECONDS = 4.0  # what is begun may take so long when the server is told to stop


def run_here(work: Callable[..., Any], *parts: Any) -> Any:
    return work(*parts)


def create_app(settings: Settings, offload: Callable[..., Any] = run_here) -> Flask:
    """The whole server. `offload(fn, *args)` runs heavy computing off the event loop's way."""
    app = Flask(__name__)
    app.config.update(
        SETTINGS=settings,
        KEYRING=open_keyring(settings.secret_key, settings.keyring_path, settings.keyring),
        OFFLOAD=offload,
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    db.open_database(settings.database_url, settings.sqlite_path)
    db.Sqlite.flusher = staticmethod(offload)
    log.announcer = announce.words
    app.session_interface = Cookies()
    login_manager.init_app(app)
    init_logs(app)
    init_metrics(app)
    init_locale(app)
    init_pages(app)
    init_api(app)
    for blueprint in (*APIS, *PAGES, health.health):
        app.register_blueprint(blueprint)
    voice.init_voice(app)
    app.extensions["socketio"] = create_socketio(app, settings)
    init_traffic(app)
    if settings.trusted_proxies:
        # What nobody vouches for is not believed: without a proxy anybody could name any address.
        trusted = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted)  # type: ignore[method-assign]
    return app


def create_socketio(app: Flask, settings: Settings) -> SocketIO:
    socketio = SocketIO(
        app,
        async_mode=settings.async_mode,
        cors_allowed_origins=may_listen(settings),
        cors_credentials=False,  # another site's page comes with a token, never with our cookie
        ping_interval=25,
        ping_timeout=20,
        max_http_buffer_size=64 * 1024,
        manage_session=False,
    )
    # Deflating each message costs more than it saves on a hall's network (measured: 57 against 34 µs, 350 against
    # 137 MB at 1000 clients), so the handshake never offers it.
    inner = app.wsgi_app

    def without_deflate(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return inner(environ, start_response)

    app.wsgi_app = without_deflate  # type: ignore[method-assign]
    push.snapshots["/manager"] = counter.stats.load
    push.init_push(socketio, app)
    return socketio


def may_listen(settings: Settings) -> Callable[[str | None, dict[str, Any]], bool]:
    """Pages of our own address, and those that CORS_ORIGINS names. What X-Forwarded-Host says is no address of ours
    unless a trusted proxy said it; the library would believe it from anybody."""

    def allowed(origin: str | None, environ: dict[str, Any]) -> bool:
        ours = f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST')}"
        return origin in (None, ours, *settings.cors_origins)

    return allowed


def start_background(app: Flask) -> None:
    """What a serving process does besides answering: the timed passes (the tail is started by display/push.py)."""
    socketio: SocketIO = app.extensions["socketio"]
    settings: Settings = app.config["SETTINGS"]

    def sweep_for_ever() -> None:
        while True:
            try:
                sweep.sweep()
            except db.UNAVAILABLE as error:
                logger.warning("no timed pass: %s", error)
            except Exception:
                logger.exception("a timed pass failed; the next one tries again")
            socketio.sleep(settings.sweep_seconds)

    with db.connection():
        clock.steady.not_before(max((hall.last_at for hall in Hall.select(Hall.last_at)), default=0))
    push.start(app)
    socketio.start_background_task(sweep_for_ever)


def finish(app: Flask) -> None:
    """Before the end: let the requests and the commit under way come to theirs, then let the sockets go. Whoever
    asked has the answer, and the clients come back at once, to another process or to the next start of this one."""
    socketio, traffic = app.extensions["socketio"], app.extensions["traffic"]
    deadline = time.monotonic() + FINISH_SECONDS
    traffic.leaving = True

    def wait_until_idle() -> None:
        while (traffic.under_way or db.is_writing()) and time.monotonic() < deadline:
            socketio.sleep(0.01)

    wait_until_idle()
    app.extensions["push"].let_go(deadline)
    wait_until_idle()


def settle_memory() -> None:
    """After start-up: what lives for ever is taken out of the collector's way (p99 of a fan-out to 1000 boards fell
    from 150–364 ms to 33–39 ms)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
