"""HTTP for staff: sign-in, the counter's verbs, the desk's and the manager's acts."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext

from counter import balance, calling, days, sessions, staff, stats, views
from counter.shapes import (
    Call as CallNext,
)
from counter.shapes import (
    CounterView,
    DayList,
    DayQuery,
    Finish,
    Hold,
    Load,
    Move,
    NoticeView,
    OnTicket,
    Open,
    Pause,
    PostNotice,
    SetPriority,
    SetQueues,
    StaffTicket,
    StaffTicketList,
    TicketQuery,
    Transfer,
    Unblock,
)
from door.api import Call, endpoint
from door.who import PEOPLE, csrf_token, sign_in, sign_out
from ticketing import db, history, identity, lifecycle, limits
from ticketing.db import Change, Reply
from ticketing.errors import Refusal
from ticketing.layout import layout_of
from ticketing.line import policy_of
from ticketing.models import Counter, Staff, Ticket
from ticketing.shapes import Me, QueueState, SignIn
from ticketing.views import queue_state, zone_codes

api = Blueprint("counters", __name__, url_prefix="/api/v1")

AT_COUNTER = ("counter", "agent", "manager", "admin")
DESKS = ("desk", "agent", "manager", "admin")
MANAGERS = ("manager", "admin")
GUIDES = ("desk", "manager", "admin")
COUNTER = "/halls/<hall>/counters/<counter>"


# -- sign-in ------------------------------------------------------------------------------------------------------


@endpoint(
    api,
    "POST",
    "/session",
    summary="Sign in",
    body=SignIn,
    answer=Me,
    refusals=("bad_credentials",),
    rate="20/minute",  # passwords tried from one address
)
def make_session(call: Call) -> dict[str, Any]:
    person = staff.by_login(call.body.login)
    known = person.password_hash if person else staff.NOBODY
    # argon2 takes a tenth of a second of pure computing: off the event loop's way.
    right = current_app.config["OFFLOAD"](staff.matches, known, call.body.password)
    if person is None or not right:
        raise Refusal("bad_credentials")
    sign_in(person)
    return me(person)


@endpoint(api, "GET", "/session", who=PEOPLE, summary="Who am I", answer=Me)
def show_session(call: Call) -> dict[str, Any]:
    return me(person_of(call))


@endpoint(api, "DELETE", "/session", who=PEOPLE, summary="Sign out", status=204)
def end_session(call: Call) -> None:
    sign_out()


def person_of(call: Call) -> Staff:
    if call.asker.staff is None:
        raise Refusal("forbidden")
    return call.asker.staff


def me(person: Staff) -> dict[str, Any]:
    return {
        "login": person.login,
        "name": person.name,
        "role": person.role,
        "hall": person.hall.code if person.hall else None,
        "csrf": csrf_token(),
    }


# -- a counter ----------------------------------------------------------------------------------------------------


@endpoint(api, "GET", COUNTER, who=AT_COUNTER, summary="The counter, its ticket and who waits", answer=CounterView)
def show_counter(call: Call) -> dict[str, Any]:
    with db.snapshot():
        counter = Counter.get_by_id(call.counter.id)
        return views.counter_view(counter, call.now, call.keyring if sits_at(call, counter) else None)


def sits_at(call: Call, counter: Counter) -> bool:
    """Whether who asks is at this counter, and so may know whom it serves."""
    who = call.asker
    if who.counter is not None:
        return who.counter == counter.number
    return who.staff is not None and counter.agent_id == who.staff.id


def refuse_stranger(call: Call) -> None:
    """An agent works at the counter they opened; another's is not theirs."""
    counter = call.counter
    if call.asker.role != "agent" or counter.state == "closed":
        return
    if counter.agent_id not in (None, person_of(call).id):
        raise Refusal("forbidden")


def counter_reply(call: Call, change: Change, counter: Counter) -> Reply:
    counter = Counter.get_by_id(counter.id)
    return Reply(200, views.counter_view(counter, change.now, call.keyring if sits_at(call, counter) else None))


def ticket_reply(call: Call, change: Change, ticket: Ticket) -> Reply:
    ticket.hall = change.hall
    at = ticket.counter
    keyring = call.keyring if at is not None and sits_at(call, at) else None
    policy = policy_of(change.hall, change.rules)
    return Reply(200, views.staff_ticket(ticket, change.now, policy, change.rules, keyring))


def at_counter(call: Call, verb: Callable[[Change, int], Counter]) -> Any:
    number = call.counter.number
    return db.write(call.hall.code, lambda change: counter_reply(call, change, verb(change, number)), call.once)


def on_ticket(call: Call, verb: Callable[[Change, int, str], Ticket]) -> Any:
    """A verb on the ticket the body names, at the counter the path names."""
    refuse_unknown(call)
    number, id = call.counter.number, call.body.ticket
    return db.write(call.hall.code, lambda change: ticket_reply(call, change, verb(change, number, id)), call.once)


def refuse_unknown(call: Call) -> None:
    """An id that never was is 404, whatever the counter has in hand."""
    ticket = history.ticket(call.body.ticket)
    if ticket is None or ticket.hall_id != call.hall.id:
        raise Refusal("unknown_ticket")


@endpoint(
    api,
    "POST",
    f"{COUNTER}/open",
    who=AT_COUNTER,
    summary="Open the counter",
    body=Open,
    answer=CounterView,
    refusals=("counter_taken", "agent_elsewhere", "unknown_agent"),
)
def open_counter(call: Call) -> Any:
    agent = agent_of(call, call.body.agent)
    return at_counter(call, lambda change, number: sessions.open_counter(change, number, agent))


def agent_of(call: Call, login: str | None) -> Staff | None:
    """Who sits down: the agent themselves, or whom a manager or a counter's device names."""
    who = call.asker
    if who.role == "agent":
        if login not in (None, person_of(call).login):
            raise Refusal("forbidden")
        return who.staff
    if login is None:
        return None
    person = staff.by_login(login)
    if person is None or person.hall_id not in (None, call.hall.id):
        raise Refusal("unknown_agent")
    return person


@endpoint(
    api,
    "POST",
    f"{COUNTER}/close",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Close the counter",
    answer=CounterView,
    refusals=("counter_busy",),
)
def close_counter(call: Call) -> Any:
    return at_counter(call, sessions.close_counter)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/pause",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Pause the counter",
    body=Pause,
    answer=CounterView,
    refusals=("counter_busy", "counter_not_open"),
)
def pause_counter(call: Call) -> Any:
    return at_counter(call, lambda change, number: sessions.pause_counter(change, number, call.body.reason))


@endpoint(
    api,
    "POST",
    f"{COUNTER}/resume",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Go on after a pause",
    answer=CounterView,
    refusals=("counter_not_open",),
)
def resume_counter(call: Call) -> Any:
    return at_counter(call, sessions.resume_counter)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/call",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Call the next by rule, or a given number; 204 when nobody waits",
    body=CallNext,
    answer=StaffTicket,
    refusals=("nobody", "counter_busy", "counter_not_open", "unknown_ticket", "not_waiting", "not_served", "reserved"),
)
def call_ticket(call: Call) -> Any:
    number, wanted = call.counter.number, call.body.ticket

    def verb(change: Change) -> Reply:
        ticket = calling.call(change, number, wanted)
        return ticket_reply(call, change, ticket) if ticket else Reply(204)

    return db.write(call.hall.code, verb, call.once)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/recall",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Announce again",
    body=OnTicket,
    answer=StaffTicket,
    refusals=("unknown_ticket", "stale_ticket", "not_called"),
)
def recall_ticket(call: Call) -> Any:
    return on_ticket(call, calling.recall)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/begin",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="The applicant is here",
    body=OnTicket,
    answer=StaffTicket,
    refusals=("unknown_ticket", "stale_ticket", "not_called"),
)
def begin_ticket(call: Call) -> Any:
    return on_ticket(call, calling.begin)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/finish",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="The visit ends, with an outcome for each item",
    body=Finish,
    answer=StaffTicket,
    refusals=("unknown_ticket", "stale_ticket", "not_serving", "outcomes_required", "unknown_outcome_item"),
)
def finish_ticket(call: Call) -> Any:
    outcomes = [outcome.model_dump() for outcome in call.body.outcomes] if call.body.outcomes is not None else None
    return on_ticket(call, lambda change, number, id: calling.finish(change, number, id, outcomes))


@endpoint(
    api,
    "POST",
    f"{COUNTER}/no-show",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="The called applicant did not come",
    body=OnTicket,
    answer=StaffTicket,
    refusals=("unknown_ticket", "stale_ticket", "not_called", "too_early"),
)
def miss_ticket(call: Call) -> Any:
    return on_ticket(call, calling.no_show)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/hold",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Hold: for papers, papers kept, or waiting for something",
    body=Hold,
    answer=StaffTicket,
    refusals=("unknown_ticket", "stale_ticket", "not_serving"),
)
def hold_ticket(call: Call) -> Any:
    return on_ticket(call, lambda change, number, id: calling.hold(change, number, id, call.body.kind))


@endpoint(
    api,
    "POST",
    f"{COUNTER}/resume-ticket",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Go on with a held ticket",
    body=OnTicket,
    answer=StaffTicket,
    refusals=("unknown_ticket", "not_held", "counter_busy", "counter_not_open", "held_elsewhere", "not_served"),
)
def resume_ticket(call: Call) -> Any:
    return on_ticket(call, calling.resume)


@endpoint(
    api,
    "POST",
    f"{COUNTER}/transfer",
    who=AT_COUNTER,
    allow=refuse_stranger,
    summary="Back into line for a queue or a counter; the number is kept",
    body=Transfer,
    answer=StaffTicket,
    refusals=(
        "unknown_ticket",
        "unknown_queue",
        "unknown_counter",
        "stale_ticket",
        "not_transferable",
        "same_queue",
        "counter_not_open",
    ),
)
def transfer_ticket(call: Call) -> Any:
    to, place = call.body.to, call.body.place
    return on_ticket(call, lambda change, number, id: calling.transfer(change, number, id, to.queue, to.counter, place))


# -- the desk and the manager -------------------------------------------------------------------------------------


@endpoint(
    api,
    "GET",
    "/halls/<hall>/tickets",
    who=DESKS,
    summary="Today's tickets, newest first",
    query=TicketQuery,
    answer=StaffTicketList,
)
def list_tickets(call: Call) -> dict[str, Any]:
    with db.snapshot():
        rules = db.rules_of(call.hall)
        policy = policy_of(call.hall, rules)
        found = views.tickets_found(call.hall, call.query, call.now)
        page = found[: call.query.limit]
        return {
            "items": [views.staff_ticket(ticket, call.now, policy, rules) for ticket in page],
            "next": page[-1].id if len(found) > call.query.limit else None,
        }


@endpoint(
    api,
    "POST",
    "/halls/<hall>/unblock",
    who=MANAGERS,
    summary="A person who missed too many visits may take numbers again",
    body=Unblock,
    status=204,
    refusals=("bad_id_number", "not_blocked"),
)
def unblock_identity(call: Call) -> Any:
    _, number = identity.check_id_number(call.body.id_number)
    hashed, by = call.keyring.identity_hash(call.hall.code, number), call.asker.staff

    def verb(change: Change) -> Reply:
        limits.unblock(change, hashed, by)
        return Reply(204)

    return db.write(call.hall.code, verb, call.once)


def by_desk(call: Call, verb: Callable[[Change, str], Ticket]) -> Any:
    id = call.ticket.id
    return db.write(call.hall.code, lambda change: ticket_reply(call, change, verb(change, id)), call.once)


@endpoint(
    api,
    "POST",
    "/halls/<hall>/tickets/<ticket>/reinstate",
    who=("counter", "kiosk", *DESKS),
    summary="A missed number comes back",
    answer=StaffTicket,
    refusals=("not_no_show", "reinstate_limit", "day_over"),
)
def reinstate_ticket(call: Call) -> Any:
    return by_desk(call, lifecycle.reinstate)


@endpoint(
    api,
    "POST",
    "/halls/<hall>/tickets/<ticket>/move",
    who=GUIDES,
    summary="Another queue, class or place for a waiting ticket",
    body=Move,
    answer=StaffTicket,
    refusals=("not_waiting", "unknown_queue", "unknown_priority"),
)
def move_ticket(call: Call) -> Any:
    body = call.body
    return by_desk(call, lambda change, id: lifecycle.move(change, id, body.queue, body.priority, body.place))


@endpoint(
    api,
    "POST",
    "/halls/<hall>/tickets/<ticket>/priority",
    who=GUIDES,
    summary="Grant or refuse a declared priority after seeing the certificate",
    body=SetPriority,
    answer=StaffTicket,
    refusals=("not_waiting", "nothing_asked"),
)
def set_priority(call: Call) -> Any:
    return by_desk(call, lambda change, id: lifecycle.set_priority(change, id, call.body.grant))


@endpoint(api, "GET", "/halls/<hall>/load", who=MANAGERS, summary="Queues, counters, waits, alerts", answer=Load)
def show_load(call: Call) -> dict[str, Any]:
    return stats.load(call.hall.code, call.now)


@endpoint(
    api,
    "GET",
    "/halls/<hall>/days",
    who=(*MANAGERS, "integration"),
    summary="What each business day came to, today included; as JSON or as CSV for a spreadsheet",
    query=DayQuery,
    answer=DayList,
    other_media=("text/csv",),
)
def list_days(call: Call) -> Any:
    query = call.query
    found = days.report(call.hall, query.first, query.last, call.now)
    wanted = request.accept_mimetypes.best_match(["application/json", "text/csv"])
    if query.format != "csv" and (query.format or wanted != "text/csv"):
        return {"items": found, "next": None}
    answer = Response(days.as_csv(found, gettext), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{call.hall.code}-days.csv"'
    return answer


@endpoint(
    api,
    "PUT",
    f"{COUNTER}/queues",
    who=MANAGERS,
    summary="Which queues the counter serves, in order",
    body=SetQueues,
    answer=CounterView,
    refusals=("unknown_queue",),
)
def set_queues(call: Call) -> Any:
    return at_counter(call, lambda change, number: balance.set_queues(change, number, call.body.queues))


def close_or_open(call: Call, closed: bool) -> Any:
    code = call.queue.code

    def verb(change: Change) -> Reply:
        queue = balance.set_queue_closed(change, code, closed)
        layout = layout_of(change.hall)
        return Reply(200, queue_state(change.hall, queue, layout, zone_codes(change.hall), change.today, change.now))

    return db.write(call.hall.code, verb, call.once)


@endpoint(
    api,
    "POST",
    "/halls/<hall>/queues/<queue>/close",
    who=MANAGERS,
    summary="No more numbers; those who wait are called",
    answer=QueueState,
)
def close_queue(call: Call) -> Any:
    return close_or_open(call, True)


@endpoint(
    api, "POST", "/halls/<hall>/queues/<queue>/open", who=MANAGERS, summary="Give numbers again", answer=QueueState
)
def open_queue(call: Call) -> Any:
    return close_or_open(call, False)


@endpoint(
    api,
    "POST",
    "/halls/<hall>/notices",
    who=MANAGERS,
    summary="Post a notice",
    body=PostNotice,
    answer=NoticeView,
    status=201,
)
def post_notice(call: Call) -> Any:
    body, who = call.body, call.who
    return db.write(
        call.hall.code,
        lambda change: Reply(
            201,
            stats.notice_view(
                balance.post_notice(change, body.text, body.zone, body.minutes, who.staff if who else None)
            ),
        ),
        call.once,
    )


@endpoint(
    api,
    "DELETE",
    "/halls/<hall>/notices/<int:notice>",
    who=MANAGERS,
    summary="Withdraw a notice",
    status=204,
    refusals=("unknown_notice",),
)
def withdraw_notice(call: Call) -> None:
    db.write(call.hall.code, lambda change: balance.withdraw_notice(change, call.notice))
