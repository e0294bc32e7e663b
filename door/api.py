"""The API's way in. `endpoint` declares one route: who may, what goes in, what comes out. Every request is checked in
one order: 401, 404, 403, body (413, 415, 400), 422, and only then may a verb refuse with 409."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, g, request
from flask_babel import gettext
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from playhouse.pool import MaxConnectionsExceeded
from pydantic import BaseModel, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from door.pages import error_page
from door.who import Who, bearer_token, check_csrf, current_who, token_hash
from ticketing import clock, db, history
from ticketing.db import Once, Reply
from ticketing.errors import REFUSALS, Refusal
from ticketing.keyring import Keyring
from ticketing.models import Counter, Hall, Notice, Queue, Ticket
from ticketing.shapes import Input

API = "/api/"  # below it nobody is ever answered with a page
BASE = "/api/v1"
MAX_BODY = 64 * 1024
CORS_HEADERS = "Accept-Language, Authorization, Content-Type, Idempotency-Key"
ANYBODY: tuple[str, ...] = ()

log = logging.getLogger("yichuang.api")


class Nothing(Input):
    """A request without a body of its own; `{}` or no body at all."""


def links_start() -> str:
    """What links for phones start with."""
    return current_app.config["SETTINGS"].public_url or request.host_url.rstrip("/")


@dataclass
class Call:
    """One request after every check: what a handler needs."""

    who: Who | None
    now: int
    hall: Hall = None  # type: ignore[assignment]  # set whenever the path names a hall or ticket
    counter: Counter = None  # type: ignore[assignment]
    ticket: Ticket = None  # type: ignore[assignment]
    queue: Queue = None  # type: ignore[assignment]
    notice: int = 0
    body: Any = None
    query: Any = None
    once: Once | None = None
    # Read when the request comes in: a verb may run in the task of another request (ticketing/db.py, Lane).
    base_url: str = field(default_factory=links_start)
    secret: str = field(default_factory=lambda: current_app.config["SETTINGS"].secret_key, repr=False)
    keyring: Keyring = field(default_factory=lambda: current_app.config["KEYRING"], repr=False)

    @property
    def asker(self) -> Who:
        """Who asks, where the endpoint lets in only those who are known."""
        if self.who is None:
            raise Refusal("unauthorized")
        return self.who


@dataclass
class Route:
    """What OpenAPI tells of an endpoint."""

    method: str
    path: str
    who: tuple[str, ...]
    summary: str
    tag: str
    status: int
    name: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    refusals: tuple[str, ...] = ()
    media: str = "application/json"
    other_media: tuple[str, ...] = ()


@dataclass
class Routes:
    items: list[Route] = field(default_factory=list)


ROUTES = Routes()

# -- limits -------------------------------------------------------------------------------------------------------


class Recognised:
    """The tokens found valid lately, by their hash. Only such a one is counted by itself: who makes tokens up is
    counted by address, however many they make."""

    def __init__(self, most: int = 20_000) -> None:
        self.most = most
        self.hashes: OrderedDict[str, None] = OrderedDict()

    def see(self, token: str) -> None:
        self.hashes[token_hash(token)] = None
        if len(self.hashes) > self.most:
            self.hashes.popitem(last=False)

    def forget(self, token: str) -> None:
        self.hashes.pop(token_hash(token), None)

    def name(self, token: str | None) -> str | None:
        """What it is counted as, fit for Redis and logs: never the token itself."""
        known = token_hash(token) if token else ""
        return f"token:{known[:32]}" if known in self.hashes else None


recognised = Recognised()


def limited_as() -> str:
    """A device by its token, anybody else by address."""
    return recognised.name(bearer_token()) or address()


def address() -> str:
    return request.remote_addr or "?"


def usual_rate() -> str:
    """Generous: a device 50 a second, an address 200, since a whole hall may stand behind one. Counted over a
    minute, so that a morning's rush or a program's burst is not taken for a flood."""
    return "3000/minute" if recognised.name(bearer_token()) else "12000/minute"


def ticket_named() -> str:
    return f"ticket:{(request.view_args or {}).get('ticket', '')[:64]}"


def names_no_ticket() -> bool:
    return "ticket" not in (request.view_args or {})


# Besides, a ticket's own page and verbs: a phone needs a few a minute, a family's phones some more.
TICKET_RATE = ApplicationLimit("300/minute", key_function=ticket_named, exempt_when=names_no_ticket)
# Redis that is away, or dies between two answers, must cost neither an answer nor time: each process counts by itself
# until it is back.
QUICKLY = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25, "retry": Retry(NoBackoff(), 0)}
limiter = Limiter(
    limited_as,
    application_limits=[usual_rate, TICKET_RATE],  # over all addresses of the API together
    key_prefix="yichuang",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
)


@limiter.request_filter
def outside_the_api() -> bool:
    return not request.path.startswith(BASE)


# How a name in a path becomes a row, or a 404. Tickets below a hall must be of that hall.
FINDERS: dict[str, Callable[[Call, Any], Any]] = {}


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    who: tuple[str, ...] = ANYBODY,
    summary: str,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    refusals: tuple[str, ...] = (),
    media: str = "application/json",
    other_media: tuple[str, ...] = (),
    rate: str | None = None,
    allow: Callable[[Call], None] | None = None,
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Declare a route below /api/v1. The handler gets a Call and answers with a dict, a Reply or a Response.

    `rate` is counted by address; `allow` may refuse with 403 once the path is known, before the body is read."""
    if method in ("POST", "PUT", "PATCH") and body is None:
        body = Nothing

    def declare(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
        ROUTES.items.append(
            Route(
                method,
                path,
                who,
                summary,
                blueprint.name,
                status,
                handler.__name__,
                body,
                query,
                answer,
                refusals,
                media,
                other_media,
            )
        )

        @wraps(handler)
        def handle(**parts: Any) -> Response:
            def enter() -> Call:
                return admit(who, method, parts, body, query, allow)

            if body is not None:
                take_body()
            with db.connection():
                if method == "GET":
                    return db.healed(lambda: respond(handler(enter()), status))
                return respond(handler(db.healed(enter)), status)

        view = limiter.limit(rate, key_func=address)(handle) if rate else handle
        blueprint.add_url_rule(path, handler.__name__, view, methods=[method])
        return handler

    return declare


def admit(
    allowed: tuple[str, ...],
    method: str,
    parts: dict[str, Any],
    body: type[BaseModel] | None,
    query: type[BaseModel] | None,
    allow: Callable[[Call], None] | None,
) -> Call:
    who = recognise()
    if allowed and who is None:
        raise Refusal("unauthorized")
    call = Call(who, clock.now())
    for name, value in parts.items():
        setattr(call, name, find(call, name, value) if name in FINDERS else value)
    if allowed:
        refuse_foreign(call, allowed)
    if allow is not None:
        allow(call)
    if who and who.by_cookie and method != "GET":
        check_csrf()
    if body is not None:
        call.body = read_body(body)
    if query is not None:
        call.query = validated(query, request.args.to_dict())
    elif request.args:
        raise Refusal("invalid", errors=[{"field": name, "message": "unknown"} for name in request.args])
    call.once = once_of(call) if method == "POST" else None
    return call


def recognise() -> Who | None:
    token = bearer_token()
    try:
        who = current_who()
    except Refusal:
        if token:
            recognised.forget(token)
        raise
    if token:
        recognised.see(token)
    return who


def refuse_foreign(call: Call, allowed: tuple[str, ...]) -> None:
    """403 for another role, another hall, another counter than the token is for."""
    who = call.asker
    if who.role not in allowed or (call.hall is not None and not who.is_in(call.hall.code)):
        raise Refusal("forbidden")
    if who.counter is not None and call.counter is not None and who.counter != call.counter.number:
        raise Refusal("forbidden")


def take_body() -> None:
    """Read before a database connection is taken: slow clients would hold all of them. What is wrong with it is told
    when its turn comes."""
    # Also for a body that comes in chunks and tells no length; it is cut there without a word, hence one more.
    request.max_content_length = MAX_BODY + 1
    try:
        g.body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        g.body = None


def read_body(model: type[BaseModel]) -> Any:
    raw = g.body
    if raw is None or len(raw) > MAX_BODY:
        raise Refusal("too_large")
    if not raw.strip():
        return validated(model, {})
    if not request.is_json:
        raise Refusal("not_json")
    try:
        facts = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal("bad_json") from error
    return validated(model, facts)


def has_nul(facts: Any) -> bool:
    """A zero byte in a text: PostgreSQL keeps none, and no name or number has one."""
    if isinstance(facts, dict):
        return any(has_nul(part) for pair in facts.items() for part in pair)
    if isinstance(facts, list):
        return any(map(has_nul, facts))
    return isinstance(facts, str) and "\0" in facts


def validated(model: type[BaseModel], facts: Any) -> Any:
    if has_nul(facts):
        raise Refusal("invalid", errors=[{"field": "", "message": "a text holds a zero byte"}])
    try:
        return model.model_validate(facts)
    except ValidationError as error:
        raise Refusal("invalid", errors=[wrong_field(fault) for fault in error.errors()]) from error


def wrong_field(fault: Any) -> dict[str, str]:
    """Field and what is wrong with it; never the value, which may be personal."""
    message = fault["msg"].removeprefix("Value error, ")
    return {"field": ".".join(str(part) for part in fault["loc"]), "message": message}


def once_of(call: Call) -> Once | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= 128 and all("!" <= letter <= "~" for letter in key)):
        raise Refusal("bad_idempotency_key")
    who = call.who.key if call.who else "anybody"
    body = call.body.model_dump(mode="json") if call.body is not None else None
    return Once(f"{who} {request.method} {request.path} {key}", body, call.secret)


def respond(result: Any, status: int) -> Response:
    if isinstance(result, Response):
        return result
    if isinstance(result, Reply):
        status, result = result.status, result.body
    if result is None:
        return Response(status=204)
    return Response(orjson.dumps(result), status, mimetype="application/json")


# -- problems (RFC 9457) ------------------------------------------------------------------------------------------


def problem(refusal: Refusal) -> dict[str, Any]:
    """The problem object of a refusal, in the language of the request."""
    errors = {"errors": refusal.errors} if refusal.errors is not None else {}
    return {
        "type": f"/problems/{refusal.code}",
        "title": gettext(REFUSALS[refusal.code][1]),
        "status": refusal.status,
        "detail": gettext(refusal.detail),
        "code": refusal.code,
        **refusal.facts,
        **errors,
    }


def problem_response(refusal: Refusal) -> Response:
    if not request.path.startswith(API):
        return error_page(refusal.status)
    response = Response(orjson.dumps(problem(refusal)), refusal.status, mimetype="application/problem+json")
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refusal.status in (429, 503):
        response.headers["Retry-After"] = "1"
    return response


HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_json", 429: "too_many_requests"}


def init_api(app: Flask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 20 * 1024 * 1024
    app.register_error_handler(Refusal, problem_response)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(RateLimitExceeded, lambda _: problem_response(Refusal("too_many_requests")))
    for unavailable in db.UNAVAILABLE:
        app.register_error_handler(unavailable, database_problem)
    app.register_error_handler(Exception, internal_problem)
    settings = app.config["SETTINGS"]
    limiter.enabled = settings.rate_limits
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or "memory://"
    app.config["RATELIMIT_STORAGE_OPTIONS"] = QUICKLY if settings.redis_url else {}
    limiter.init_app(app)
    app.after_request(allow_origin)


def allow_origin(response: Response) -> Response:
    """CORS: a page of a site that CORS_ORIGINS names may use the API with a token of its own; nobody else's may. Our
    cookie is never taken from another site, so credentials are not allowed."""
    origins = current_app.config["SETTINGS"].cors_origins
    if not origins or not request.path.startswith(API):
        return response
    response.vary.add("Origin")
    if request.headers.get("Origin") in origins:
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = ", ".join(sorted(response.allow))
            response.headers["Access-Control-Allow-Headers"] = CORS_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"
    return response


def http_problem(error: HTTPException) -> Any:
    """Flask's own errors: a problem below the API, else a page."""
    status = error.code or 500
    if not request.path.startswith(API):
        return error_page(status)
    answer = problem_response(Refusal(HTTP_CODES.get(status, "internal" if status >= 500 else "invalid")))
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def database_problem(error: Exception) -> Any:
    """The database is taken, or away, full, read-only, broken: nothing was changed."""
    log.error("the database refused %s: %s", request.endpoint, error)
    taken = isinstance(error, MaxConnectionsExceeded) or db.is_lock_timeout(error)
    return problem_response(Refusal("busy" if taken else "no_storage"))


def internal_problem(error: Exception) -> Any:
    log.exception("unexpected error in %s %s", request.method, request.path)
    return problem_response(Refusal("internal"))


# -- what paths name ----------------------------------------------------------------------------------------------


def finder(name: str) -> Callable[[Callable[[Call, Any], Any]], Callable[[Call, Any], Any]]:
    def keep(find: Callable[[Call, Any], Any]) -> Callable[[Call, Any], Any]:
        FINDERS[name] = find
        return find

    return keep


def find(call: Call, name: str, value: Any) -> Any:
    if has_nul(value):
        raise Refusal(f"unknown_{name}")
    return FINDERS[name](call, value)


def found(row: Any, code: str) -> Any:
    if row is None:
        raise Refusal(code)
    return row


@finder("hall")
def find_hall(call: Call, code: str) -> Hall:
    return found(Hall.get_or_none(Hall.code == code), "unknown_hall")


@finder("counter")
def find_counter(call: Call, number: str) -> Counter:
    if not number.isdecimal() or len(number) > 9:
        raise Refusal("unknown_counter")
    return found(Counter.get_or_none((Counter.hall == call.hall) & (Counter.number == int(number))), "unknown_counter")


@finder("ticket")
def find_ticket(call: Call, id: str) -> Ticket:
    ticket = found(history.ticket(id), "unknown_ticket")
    if call.hall is None:
        call.hall = ticket.hall
    elif ticket.hall_id != call.hall.id:
        raise Refusal("unknown_ticket")
    return ticket


@finder("queue")
def find_queue(call: Call, code: str) -> Queue:
    return found(Queue.get_or_none((Queue.hall == call.hall) & (Queue.code == code)), "unknown_queue")


@finder("notice")
def find_notice(call: Call, id: int) -> int:
    known = id < 2**31 and Notice.get_or_none((Notice.hall == call.hall) & (Notice.id == id)) is not None
    return found(id if known else None, "unknown_notice")
