"""What the server says of itself: one line for each request and each event worth telling, with the request's id.

LOG_FORMAT=json writes one JSON object a line, `text` lines for people. A line tells who (a token's or account's row),
what (the endpoint's name), how it ended and how long it took; never an address with a ticket's id, a query, a header or
a body. What slips into a message from elsewhere (a database's error, a library's warning) is masked."""

import logging
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
from flask import Flask, Response, g, has_request_context, request

access = logging.getLogger("yichuang.access")

ID_HEADER = "X-Request-ID"
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Watchers and browsers ask these all day; only a failure is worth a line.
QUIET = ("static", "health.alive", "health.ready", "health.figures", "pages.favicon")
# At DEBUG these write whole statements with their values, addresses with queries, or tokens.
TALKATIVE = ("peewee", "werkzeug", "urllib3", "flask-limiter", "socketio", "engineio")

NAMES = "token|pass(?:word|wd)|secret|phone|id_number|credit_code|name|cookie|authorization|auth|csrf|session"
VALUE = r"""(?:'[^']*'|"[^"]*"|[^\s'",;&)}\]]+)"""
MASKED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://[^:/@\s]*:)[^@\s]+@"), r"\1***@"),  # a database's address
    (re.compile(r"\?[^\s'\"=]*=[^\s'\"]*"), "?***"),  # a query
    (re.compile(r"(/(?:tickets|t)/)[\w-]{12,}"), r"\1***"),  # a ticket's id is the key to it
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 ***"),
    (re.compile(rf"(?i)(\b[\w-]*(?:{NAMES})[\w-]*\\?['\"]?\s*[=:]\s*\\?){VALUE}"), r"\1***"),
    (re.compile(r"DETAIL:.*"), "DETAIL: ***"),  # PostgreSQL shows the row that it refused
    (re.compile(r"input_value=.*?(?=, input_type=|$)", re.MULTILINE), "input_value=***"),  # pydantic likewise
    (re.compile(r"(?<![\w.-])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\w-])"), "***"),  # a phone
    (re.compile(r"(?<![\w.-])\d{17}[\dXx](?![\w-])"), "***"),  # a resident's id number
)


def masked(text: str) -> str:
    for pattern, instead in MASKED:
        text = pattern.sub(instead, text)
    return text


def told(text: str) -> str:
    """Masked, and fit for JSON whatever a client sent."""
    return masked(text).encode("utf-8", "backslashreplace").decode()


class TextLines(logging.Formatter):
    """For a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", None) or {}
        end = [f"{facts['ms']} ms"] if "ms" in facts else []
        end += [g.request_id] if has_request_context() and "request_id" in g else []
        return told(super().format(record)) + (f"  [{' '.join(end)}]" if end else "")


class JsonLines(logging.Formatter):
    """For a collector: at, level, logger, message; in a request request_id, who, method, endpoint, and at its end
    status and ms; error is a stack."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": told(record.getMessage()),
        }
        if has_request_context() and "request_id" in g:
            line |= {
                "request_id": g.request_id,
                "who": g.get("who_key"),
                "method": request.method,
                "endpoint": request.endpoint,
            }
        line |= getattr(record, "facts", None) or {}
        if record.exc_info:
            line["error"] = told(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str).decode()


FORMATS: dict[str, type[logging.Formatter]] = {"text": TextLines, "json": JsonLines}


def start_logging(level: str, format: str, stream: TextIO = sys.stderr) -> None:
    """For a serving process. No format named: text on a terminal, else JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATS[format or ("text" if stream.isatty() else "json")]())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def request_id() -> str:
    """The proxy's, so that its log and ours name a request alike; else one of our own."""
    given = request.headers.get(ID_HEADER, "")
    return given if SANE_ID.fullmatch(given) and masked(given) == given else uuid.uuid4().hex


def begin() -> None:
    g.request_id, g.began = request_id(), time.perf_counter()


def end(response: Response) -> Response:
    response.headers[ID_HEADER] = g.request_id
    if access.isEnabledFor(logging.INFO) and (request.endpoint not in QUIET or response.status_code >= 500):
        facts = {"status": response.status_code, "ms": round((time.perf_counter() - g.began) * 1000, 1)}
        access.info("%s %s %s", request.method, request.endpoint or "-", response.status_code, extra={"facts": facts})
    return response


def init_logs(app: Flask) -> None:
    """First of all that hooks into requests: its clock starts first, and it hears of every answer."""
    app.before_request(begin)
    app.after_request(end)
