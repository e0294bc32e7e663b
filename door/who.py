"""Who is asking: a device or program by its bearer token, a member of staff by the session cookie."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, g, has_request_context, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms.validators import ValidationError

from ticketing import clock
from ticketing.errors import Refusal
from ticketing.models import Counter, Hall, Staff, Token
from ticketing.table import rows

DEVICES = ("kiosk", "board", "counter")
PROGRAMS = ("integration",)
PEOPLE = ("desk", "agent", "manager", "admin")

KNOWN = """SELECT token.id, token.role, hall.code, counter.number FROM token JOIN hall ON hall.id = token.hall_id
    LEFT JOIN counter ON counter.id = token.counter_id WHERE token.hash = ? AND token.revoked_at IS NULL"""

login_manager = LoginManager()


class Cookies(SecureCookieSessionInterface):
    """Flask derives the signing key even where no cookie came; devices send none, many times a second."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Behind TLS always, also where PUBLIC_URL was forgotten."""
        return super().get_cookie_secure(app) or request.is_secure

    def open_session(self, app: Flask, request: Request) -> Any:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


@dataclass(frozen=True)
class Who:
    """Somebody known. `hall` None = every hall; `counter` only for a counter's device."""

    role: str
    hall: str | None
    key: str  # names them in idempotency scopes and limits
    counter: int | None = None
    staff: Staff | None = None
    by_cookie: bool = False

    def __post_init__(self) -> None:
        if has_request_context():
            g.who_key = self.key  # for the log

    def is_in(self, hall_code: str) -> bool:
        return self.hall is None or self.hall == hall_code

    def may_hear_public(self, hall_code: str) -> bool:
        return self.is_in(hall_code) and (self.role == "board" or self.role in PEOPLE)

    def may_hear_staff(self, hall_code: str) -> bool:
        return self.is_in(hall_code) and (self.role == "counter" or self.role in PEOPLE)


class SignedIn(UserMixin):
    """What Flask-Login keeps of a member of staff; the epoch ends every session at once when it is raised."""

    def __init__(self, staff: Staff):
        self.staff = staff

    def get_id(self) -> str:
        return f"{self.staff.id}:{self.staff.epoch}"


@login_manager.user_loader
def load_signed_in(text: str) -> SignedIn | None:
    id, _, epoch = text.partition(":")
    staff = Staff.get_or_none((Staff.id == int(id)) & (Staff.disabled == False))  # noqa: E712
    return SignedIn(staff) if staff and str(staff.epoch) == epoch else None


def sign_in(staff: Staff) -> None:
    session.clear()
    login_user(SignedIn(staff))
    session.permanent = True


def sign_out() -> None:
    logout_user()
    session.clear()


def current_who() -> Who | None:
    """Who made this request. A wrong bearer token is refused, never taken for nobody."""
    token = bearer_token()
    if token is not None:
        who = identify_token(token)
        if who is None:
            raise Refusal("unauthorized")
        return who
    return of_staff(current_user.staff) if current_user.is_authenticated else None


def bearer_token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def of_staff(staff: Staff) -> Who:
    return Who(staff.role, staff.hall.code if staff.hall else None, f"staff:{staff.id}", staff=staff, by_cookie=True)


def identify_token(token: str) -> Who | None:
    found = rows(KNOWN, token_hash(token))
    if not found:
        return None
    id, role, hall, counter = found[0]
    return Who(role, hall, f"token:{id}", counter=counter)


def make_token(role: str, hall: Hall, counter: Counter | None, label: str = "", token: str | None = None) -> str:
    """A new bearer token; only its hash is kept. The same given token twice is one row."""
    token = token or secrets.token_urlsafe(32)
    Token.insert(
        hash=token_hash(token), role=role, hall=hall, counter=counter, label=label, created_at=clock.now()
    ).on_conflict_ignore().execute()
    return token


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def demo_token(secret_key: str, role: str, hall: str) -> str:
    """The demo's device tokens stay the same over restarts of one installation, and differ between two."""
    return hmac.new(secret_key.encode(), f"demo {role} {hall}".encode(), hashlib.sha256).hexdigest()


def csrf_token() -> str:
    return generate_csrf()


def check_csrf() -> None:
    """A change that comes with a cookie must carry the token that only our own pages can read."""
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValidationError as error:
        raise Refusal("bad_csrf") from error
