"""The board's page and its clips. Neither needs a sign-in: what the page shows comes by the feed, which asks for a
token, and a clip says what the whole hall hears."""

from flask import Blueprint, Response, abort, current_app, render_template, request, send_file

from ticketing import db, log
from ticketing.errors import Refusal
from ticketing.models import Hall, HallEvent

KEEP_CLIP = 24 * 3600  # a clip's address carries a hash of its words, so it never changes

pages = Blueprint("display_pages", __name__)


@pages.get("/board/<hall>")
def board(hall: str) -> str:
    with db.connection():
        row = Hall.get_or_none(Hall.code == hall)
    if row is None:
        abort(404)
    counter = request.args.get("counter", "")
    return render_template(
        "display/board.html",
        hall=row,
        zone=request.args.get("zone", ""),
        counter=counter if counter.isdecimal() else "",
        # A screen over each counter would speak against the hall's: it is silent unless asked.
        silent=request.args.get("silent", "1" if counter else "0") == "1",
    )


@pages.get("/audio/<hall>/<int(max=9223372036854775807):seq>/<language>.wav")
def clip(hall: str, seq: int, language: str) -> Response:
    """A call's words as sound."""
    with db.connection():
        event = (
            HallEvent.select()
            .join(Hall)
            .where(Hall.code == hall, HallEvent.seq == seq, HallEvent.type.in_(log.SPOKEN))
            .first()
        )
    text = event.public.get("spoken", {}).get(language) if event else None
    file = current_app.extensions["voice"].clip(text, language) if text else None
    if file is None:
        raise Refusal("no_voice")
    return send_file(file, mimetype="audio/wav", conditional=True, max_age=KEEP_CLIP)
