"""The phone's page of one ticket: what the API would answer now is in it already, then the page stays live."""

from flask import Blueprint, Response, make_response, render_template, request

from ticketing import clock, db, history, views

pages = Blueprint("mobile_pages", __name__)


@pages.get("/t/<ticket>")
def phone(ticket: str) -> Response:
    with db.snapshot():
        found = history.ticket(ticket)
        if found is None:
            return private(make_response(render_template("mobile/unknown.html"), 404))
        view = views.ticket_view(found, clock.now(), request.host_url.rstrip("/"))
        page = render_template(
            "mobile/ticket.html", hall=found.hall, ticket=view, rules=db.rules_of(found.hall).model_dump()
        )
    return private(make_response(page))


def private(response: Response) -> Response:
    """The address is the key to the ticket: kept by nobody on the way, named to no other site, not indexed."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
