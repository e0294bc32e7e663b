"""The HTTP requests under way, so that a process told to stop can let them finish. Sockets are not among them:
display/push.py lets those go."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.wsgi import ClosingIterator

SOCKETS = "/socket.io"


class Traffic:
    """A WSGI layer that counts; once `leaving`, it asks each client to come back on a new connection."""

    def __init__(self, application: Callable[..., Any]):
        self.application = application
        self.under_way = 0
        self.leaving = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("PATH_INFO", "").startswith(SOCKETS):
            return self.application(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            last = [("Connection", "close")] if self.leaving else []
            return start_response(status, headers + last, exc_info)

        self.under_way += 1
        try:
            answer = self.application(environ, start)
        except BaseException:
            self.done()
            raise
        return ClosingIterator(answer, self.done)  # closed when its last byte is on its way

    def done(self) -> None:
        self.under_way -= 1


def init_traffic(app: Flask) -> None:
    traffic = Traffic(app.wsgi_app)
    app.wsgi_app = traffic  # type: ignore[method-assign]
    app.extensions["traffic"] = traffic
