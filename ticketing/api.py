"""HTTP for applicants, kiosks and programs: halls, catalogue, queues, issue, and the ticket's own verbs."""

from io import BytesIO
from typing import Any

import segno
from flask import Blueprint, Response

from door.api import Call, endpoint
from door.openapi import document
from door.who import PEOPLE
from ticketing import catalogue, clock, db, history, identity, lifecycle, views
from ticketing.db import Change, Reply
from ticketing.keyring import Keyring
from ticketing.lifecycle import Wish
from ticketing.models import Hall, Queue, Ticket
from ticketing.shapes import (
    HallList,
    HallView,
    Issue,
    ItemList,
    ItemQuery,
    Postpone,
    QueueList,
    Rate,
    TicketView,
)

api = Blueprint("tickets", __name__, url_prefix="/api/v1")

ISSUERS = ("kiosk", *PEOPLE, "integration")
DEFAULT_CHANNEL = {"kiosk": "kiosk", "integration": "api"}  # people: desk


@endpoint(api, "GET", "/halls", summary="All halls", answer=HallList)
def list_halls(call: Call) -> dict[str, Any]:
    halls = [views.hall_brief(hall, call.now) for hall in Hall.select().order_by(Hall.code)]
    return {"items": halls, "next": None}


@endpoint(api, "GET", "/halls/<hall>", summary="One hall: zones, counters, queues, hours, rules", answer=HallView)
def show_hall(call: Call) -> dict[str, Any]:
    with db.snapshot():
        return views.hall_view(call.hall, call.now)


@endpoint(api, "GET", "/halls/<hall>/items", summary="The catalogue, searched", query=ItemQuery, answer=ItemList)
def list_items(call: Call) -> dict[str, Any]:
    query = call.query
    found = catalogue.search(call.hall.id, query.q, query.theme, query.limit + 1, query.after)
    page = found[: query.limit]
    queues = Queue.of_hall(call.hall)
    more = page[-1].code if len(found) > query.limit else None
    return {"items": [views.item_view(item, queues) for item in page], "next": more}


@endpoint(api, "GET", "/halls/<hall>/queues", summary="Each queue: waiting, counters open, wait", answer=QueueList)
def list_queues(call: Call) -> dict[str, Any]:
    with db.snapshot():
        return {"items": views.queues_view(call.hall, call.now), "next": None}


@endpoint(
    api,
    "POST",
    "/halls/<hall>/tickets",
    who=ISSUERS,
    summary="Issue: a number and its queue",
    body=Issue,
    answer=TicketView,
    status=201,
    refusals=(
        "unknown_item",
        "unknown_bundle",
        "unknown_queue",
        "unknown_priority",
        "bad_id_number",
        "identity_required",
        "identity_kind",
        "hall_closed",
        "queue_closed",
        "queue_full",
        "duplicate_ticket",
        "identity_daily_limit",
        "blocked",
    ),
)
def issue_ticket(call: Call) -> Any:
    wish = wish_of(call, call.body)
    return db.write(call.hall.code, lambda change: reply(call, change, lifecycle.issue(change, wish), 201), call.once)


def wish_of(call: Call, body: Issue) -> Wish:
    default = "appointment" if body.appointment else DEFAULT_CHANNEL.get(call.asker.role, "desk")
    return Wish(
        channel=body.channel or default,
        items=body.items or [],
        bundle=body.bundle,
        queue=body.queue,
        priority=body.priority,
        booked_at=booked_at(body),
        **sealed_applicant(call.keyring, call.hall.code, body),
    )


def sealed_applicant(keyring: Keyring, hall: str, body: Issue) -> dict[str, Any]:
    """What was told of the person and of whom they came for: encrypted, and the keyed hashes that find other numbers
    of theirs; columns of a Wish."""
    kinds = {"phone"} if body.phone else set()
    told: dict[str, Any] = {"name": body.name, "phone": body.phone}
    hashes: dict[str, str] = {}
    if body.id_number is not None:
        kind, told["id_number"] = identity.check_id_number(body.id_number)
        kinds.add(kind)
        hashes["identity_hash"] = keyring.identity_hash(hall, told["id_number"])
    if body.principal is not None:
        _, number = identity.check_id_number(body.principal.id_number)
        told["principal"] = {"name": body.principal.name or "", "id_number": number}
        hashes["principal_hash"] = keyring.identity_hash(hall, number)
    given = {name: value for name, value in told.items() if value}
    return hashes | {"sealed": keyring.seal(given) if given else None, "told": frozenset(kinds)}


def booked_at(body: Issue) -> int | None:
    if body.appointment is None:
        return None
    return clock.instant(body.appointment.at)


def reply(call: Call, change: Change, ticket: Ticket, status: int = 200) -> Reply:
    ticket.hall = change.hall
    return Reply(status, views.ticket_view(ticket, change.now, call.base_url))


@endpoint(api, "GET", "/tickets/<ticket>", summary="What an applicant may see of a ticket", answer=TicketView)
def show_ticket(call: Call) -> dict[str, Any]:
    with db.snapshot():
        ticket = history.ticket(call.ticket.id) or call.ticket
        return views.ticket_view(ticket, call.now, call.base_url)


@endpoint(
    api,
    "POST",
    "/tickets/<ticket>/cancel",
    summary="The applicant gives the number up",
    answer=TicketView,
    refusals=("not_cancellable",),
)
def cancel_ticket(call: Call) -> Any:
    id = call.ticket.id
    return db.write(call.hall.code, lambda change: reply(call, change, lifecycle.cancel(change, id)), call.once)


@endpoint(
    api,
    "POST",
    "/tickets/<ticket>/postpone",
    summary="Back by some places",
    body=Postpone,
    answer=TicketView,
    refusals=("not_waiting", "postpone_limit"),
)
def postpone_ticket(call: Call) -> Any:
    id, places = call.ticket.id, call.body.places
    return db.write(
        call.hall.code, lambda change: reply(call, change, lifecycle.postpone(change, id, places)), call.once
    )


@endpoint(
    api,
    "POST",
    "/tickets/<ticket>/rating",
    summary="Rate a finished visit once, 5 best to 1 worst",
    body=Rate,
    answer=TicketView,
    refusals=("not_finished", "already_rated", "rating_over"),
)
def rate_ticket(call: Call) -> Any:
    id, body = call.ticket.id, call.body
    return db.write(
        call.hall.code,
        lambda change: reply(call, change, lifecycle.rate(change, id, body.level, body.reasons, body.comment)),
        call.once,
    )


@endpoint(api, "GET", "/tickets/<ticket>/qr.svg", summary="QR code of the ticket's phone page", media="image/svg+xml")
def show_qr(call: Call) -> Response:
    picture = BytesIO()
    segno.make(f"{call.base_url}/t/{call.ticket.id}", error="m").save(
        picture, kind="svg", scale=8, border=2, dark="#0B1F33", light="#FFFFFF", xmldecl=False
    )
    response = Response(picture.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@endpoint(api, "GET", "/openapi.json", summary="This document")
def show_openapi(call: Call) -> dict[str, Any]:
    return document()
