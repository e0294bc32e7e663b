"""What boards ask by HTTP: the snapshot, and the public feed by pages."""

from typing import Any

from flask import Blueprint

from display import board
from display.shapes import Board, EventList, EventQuery
from door.api import BASE, Call, endpoint
from door.who import PEOPLE
from ticketing import db, log

api = Blueprint("display", __name__, url_prefix=BASE)


@endpoint(
    api,
    "GET",
    "/halls/<hall>/board",
    who=("board", *PEOPLE),
    summary="Everything a board shows, as of `seq`",
    answer=Board,
)
def board_snapshot(call: Call) -> dict[str, Any]:
    return board.snapshot(call.hall.code)


@endpoint(
    api,
    "GET",
    "/halls/<hall>/events",
    who=("board", *PEOPLE),
    summary="The public feed after a seq, oldest first",
    query=EventQuery,
    answer=EventList,
)
def events(call: Call) -> dict[str, Any]:
    with db.snapshot():
        page = log.since(call.hall.id, call.query.after, call.query.limit)
        newest = log.newest(call.hall.id)
    last = page[-1].seq if page else call.query.after
    return {
        "items": [log.as_public(event, call.hall) for event in page],
        "seq": newest,
        "next": last if last < newest else None,
    }
