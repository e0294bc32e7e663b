"""Decides after each fault: was anything lost, doubled, skipped or left half done?"""

from collections import Counter as Tally
from functools import lru_cache
from typing import Any

import orjson

from bench.promises import acknowledged_once, lives_lawful, numbers_whole
from tests.faults.day import Board, Day
from tests.live.conftest import until


def judge(day: Day) -> None:
    """Ends the day, lets the boards hear all of it, and finds nothing wrong."""
    day.close()
    for loop in day.loops:
        loop.look()
    newest = day.newest()
    until(lambda: all(board.last == newest for board in day.boards), "the boards to know all", day.state)
    assert found(day) == []


def found(day: Day) -> list[str]:
    log = day.people.log()
    told = list(day.wrong)
    if [event["seq"] for event in log] != list(range(1, len(log) + 1)):
        told.append("the log has a hole, or a seq twice")
    told += numbers_whole(event["number"] for event in log if event["type"] == "ticket.issued")
    told += acknowledged_once(day.acknowledged, log)
    told += called_elsewhere(day, log)
    told += lives_lawful(log)[0]
    for place, board in enumerate(day.boards):
        told += [f"board {place}: {what}" for what in board_differs(board, log)]
    return told + [line for line in day.servers[0].check().splitlines() if line.startswith("Hall ")]


def called_elsewhere(day: Day, log: list[dict[str, Any]]) -> list[str]:
    """Each call stands in the log with the counter that was told so."""
    told = Tally((done.number, done.counter) for done in day.acknowledged if done.verb == "call")
    stands = Tally((event["number"], event["counter"]) for event in log if event["type"] == "ticket.called")
    return [f"{number} called at {counter}: {told[number, counter]} acknowledged" for number, counter in stands - told]


@lru_cache(maxsize=100_000)
def event_in(text: bytes) -> dict[str, Any]:
    return orjson.loads(text)[1]


def board_differs(board: Board, log: list[dict[str, Any]]) -> list[str]:
    """What it applied is the log from its snapshot on: nothing doubled, skipped, in another order or otherwise."""
    if board.first is None:
        return ["never had its snapshot"]
    applied, due = [event_in(text) for text in board.texts], log[board.first :]
    if applied == due:
        return []
    at = next((n for n, (one, other) in enumerate(zip(applied, due, strict=False)) if one != other), len(applied))
    return [f"applied {len(applied)} events, the log has {len(due)}; they differ after seq {board.first + at}"]
