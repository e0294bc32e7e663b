"""The pages of the staff: sign-in, console, desk, manager. They only read; each change goes through the API."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from peewee import JOIN

from door.who import Who, csrf_token, current_who, sign_out
from ticketing import db
from ticketing.models import Counter, Hall, Staff

pages = Blueprint("staff", __name__)

# page: (its name in the bar, who may open it)
PAGES = {
    "console": (_l("Counter"), ("agent", "manager", "admin")),
    "desk": (_l("Desk"), ("desk", "manager", "admin")),
    "manager": (_l("Today"), ("manager", "admin")),
}
HOME = {"agent": "/console", "desk": "/desk", "manager": "/manager", "admin": "/manager"}

View = Callable[[Who, Hall], ResponseReturnValue]


def staff_page(name: str) -> Callable[[View], Callable[[], ResponseReturnValue]]:
    """A page for the roles of PAGES[name]; everybody else is sent to the sign-in."""

    def declare(view: View) -> Callable[[], ResponseReturnValue]:
        @wraps(view)
        def handle() -> ResponseReturnValue:
            with db.connection():
                who = current_who()
                hall = hall_of(who) if who and who.staff else None
                if who is None or hall is None or who.role not in PAGES[name][1]:
                    return redirect(f"/signin?next={quote(own_address())}")
                return view(who, hall)

        return handle

    return declare


def own_address() -> str:
    return request.full_path.rstrip("?")


def hall_of(who: Who) -> Hall | None:
    """The hall somebody works in; an admin, who has none, names it or gets the first."""
    code = who.hall or request.args.get("hall")
    halls = Hall.select().order_by(Hall.code)
    return (halls.where(Hall.code == code) if code else halls).first()


def own_path(text: str) -> str:
    """An address below this server, or nothing: a sign-in must never send anybody elsewhere."""
    parts = urlsplit(text)
    ours = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if ours and not parts.scheme and not parts.netloc else ""


def shown(template: str, page: str, who: Who, hall: Hall, **facts: Any) -> str:
    allowed = [(name, words) for name, (words, roles) in PAGES.items() if who.role in roles]
    return render_template(
        template, page=page, hall=hall, me=who.staff, pages_of_me=allowed, csrf_token=csrf_token(), **facts
    )


@pages.get("/signin")
def signin() -> str:
    with db.connection():
        who = current_who()
        staff = who.staff if who else None
        wanted = own_path(request.args.get("next", ""))
        # Signed in and here all the same: that page is not for this account.
        home = HOME[staff.role] if staff else ""
        return render_template(
            "signin.html", me=staff, next=wanted, home=home, homes=HOME, csrf_token=csrf_token() if staff else None
        )


@pages.get("/signout")
def signout() -> ResponseReturnValue:
    # Only from our own pages or the address bar: a foreign page must not sign anybody out.
    if request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none"):
        with db.connection():
            sign_out()
    return redirect("/signin")


@pages.get("/console")
@staff_page("console")
def console(who: Who, hall: Hall) -> ResponseReturnValue:
    """The counter somebody works at; without one, the choice of counters."""
    number = request.args.get("counter", "")
    counter = counter_of(hall, int(number)) if number.isdecimal() and len(number) < 10 else None
    if counter:
        return shown("console/work.html", "console", who, hall, counter=counter)
    mine = Counter.get_or_none((Counter.hall == hall) & (Counter.agent == who.staff) & (Counter.state != "closed"))
    if mine and "choose" not in request.args:
        return redirect(f"/console?counter={mine.number}" + (f"&hall={hall.code}" if who.hall is None else ""))
    return shown("console/choose.html", "console", who, hall, counters=counters_of(hall), gone=bool(number))


def counter_of(hall: Hall, number: int) -> Counter | None:
    return Counter.get_or_none((Counter.hall == hall) & (Counter.number == number))


def counters_of(hall: Hall) -> list[Counter]:
    """With who sits there, in the hall's order."""
    return list(
        Counter.select(Counter, Staff).join(Staff, JOIN.LEFT_OUTER).where(Counter.hall == hall).order_by(Counter.number)
    )


@pages.get("/desk")
@staff_page("desk")
def desk(who: Who, hall: Hall) -> ResponseReturnValue:
    return shown("desk/desk.html", "desk", who, hall)


@pages.get("/manager")
@staff_page("manager")
def manager(who: Who, hall: Hall) -> ResponseReturnValue:
    return shown("manager/manager.html", "manager", who, hall, agents=agents_of(hall))


def agents_of(hall: Hall) -> list[Staff]:
    """Who can be put at a counter."""
    working = (Staff.role << ("agent", "manager")) & ~Staff.disabled
    return list(Staff.select().where((Staff.hall == hall) & working).order_by(Staff.login))
