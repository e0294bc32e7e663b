"""What was promised, checked against what everybody wrote down: pure functions that return what is broken."""

import re
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from bench.actors import Acknowledged, Board

Event = dict[str, Any]

# verb of a request: type of the one event it must have left
EVENT_OF = {
    "issue": "ticket.issued",
    "call": "ticket.called",
    "recall": "ticket.recalled",
    "begin": "ticket.serving",
    "finish": "ticket.finished",
    "no-show": "ticket.no_show",
    "hold": "ticket.held",
    "resume-ticket": "ticket.resumed",
    "transfer": "ticket.transferred",
    "reinstate": "ticket.reinstated",
    "cancel": "ticket.cancelled",
    "postpone": "ticket.postponed",
}

# type of event: (states it may find a ticket in, state it leaves), from the contract and not from the program
LIVES = {
    "ticket.issued": ((None,), "waiting"),
    "ticket.called": (("waiting",), "called"),
    "ticket.recalled": (("called",), "called"),
    "ticket.serving": (("called",), "serving"),
    "ticket.finished": (("serving",), "finished"),
    "ticket.no_show": (("called",), "no_show"),
    "ticket.reinstated": (("no_show",), "waiting"),
    "ticket.held": (("serving",), "held"),
    "ticket.resumed": (("held",), "serving"),
    "ticket.transferred": (("called", "serving"), "waiting"),
    "ticket.cancelled": (("waiting", "called"), "cancelled"),
    "ticket.expired": (("waiting", "called", "held"), "expired"),
    "ticket.postponed": (("waiting",), "waiting"),
    "ticket.moved": (("waiting",), "waiting"),
    "ticket.priority_set": (("waiting",), "waiting"),
}
LIVE = ("called", "serving")
FINAL = ("finished", "no_show", "cancelled", "expired")


def numbers_whole(numbers: Iterable[str]) -> list[str]:
    """No number twice, no gap in a prefix."""
    told, taken = [], Tally(numbers)
    told += [f"number {number} was given {times} times" for number, times in taken.items() if times > 1]
    by_prefix: dict[str, list[int]] = {}
    for number in taken:
        prefix, sequence = split(number)
        by_prefix.setdefault(prefix, []).append(sequence)
    for prefix, sequences in by_prefix.items():
        missing = set(range(min(sequences), max(sequences) + 1)) - set(sequences)
        if missing:
            told.append(f"prefix {prefix} has gaps: {sorted(missing)[:10]}")
    return told


def split(number: str) -> tuple[str, int]:
    found = re.fullmatch(r"(.*?)(\d+)", number)
    return (found[1], int(found[2])) if found else (number, 0)


def boards_agree(boards: list[Board], newest: int) -> list[str]:
    """Every board applied every seq once and in order, and read the same."""
    told = []
    longest = max(boards, key=lambda board: len(board.marks))
    for place, board in enumerate(boards):
        if board.first is None:
            told.append(f"board {place} never had its snapshot")
        elif board.last != newest or len(board.marks) != newest - board.first:
            told.append(f"board {place} holds {len(board.marks)} events up to {board.last}; the newest is {newest}")
        elif board.marks != longest.marks[-len(board.marks) :]:
            told.append(f"board {place} heard other events than the first one")
    return told


def log_agrees(log: list[Event], heard: list[Event]) -> list[str]:
    """The log by HTTP is what a board heard, without a hole."""
    seqs = [event["seq"] for event in log]
    told = []
    if seqs != list(range(seqs[0], seqs[0] + len(seqs)) if seqs else []):
        told.append("the log has a hole or a repeated seq")
    if log != heard:
        at = next((n for n, (one, other) in enumerate(zip(log, heard, strict=False)) if one != other), None)
        told.append(f"the log ({len(log)}) and what a board heard ({len(heard)}) differ, first at {at}")
    return told


def acknowledged_once(acknowledged: list[Acknowledged], log: list[Event]) -> list[str]:
    """Each acknowledged change is in the log once, and nothing is there that nobody asked for."""
    asked = Tally((EVENT_OF[a.verb], a.number) for a in acknowledged if a.verb in EVENT_OF)
    stands: Tally[tuple[str, str]] = Tally(
        (event["type"], event["number"]) for event in log if event["type"] in EVENT_OF.values()
    )
    told = [f"{number}: {type} acknowledged, not in the log" for type, number in (asked - stands)]
    return told + [f"{number}: {type} in the log, never acknowledged" for type, number in (stands - asked)]


def lives_lawful(log: list[Event]) -> tuple[list[str], dict[str, str]]:
    """Each ticket moved as the contract allows and was at one counter at a time; (what is broken, last states)."""
    told: list[str] = []
    states: dict[str, str] = {}
    in_hand: dict[int, str] = {}  # counter: number
    for event in log:
        if event["type"] not in LIVES:
            continue
        number, counter = event["number"], event.get("counter")
        came_from, state = LIVES[event["type"]]
        if states.get(number) not in came_from:
            told.append(f"seq {event['seq']}: {number} {states.get(number)} → {event['type']}")
        states[number] = state
        if counter is not None:
            told += hand_over(in_hand, counter, number, state, event["seq"])
    return told, states


def hand_over(in_hand: dict[int, str], counter: int, number: str, state: str, seq: int) -> list[str]:
    if state not in LIVE:
        in_hand.pop(counter, None)
        return []
    told = []
    if in_hand.get(counter, number) != number:
        told.append(f"seq {seq}: counter {counter} has {in_hand[counter]} and took {number}")
    elsewhere = [other for other, held in in_hand.items() if held == number and other != counter]
    if elsewhere:
        told.append(f"seq {seq}: {number} is at counter {elsewhere[0]} and was taken by {counter}")
    in_hand[counter] = number
    return told


def all_ended(states: dict[str, str]) -> list[str]:
    return [f"{number} was left {state}" for number, state in states.items() if state not in FINAL]


def phones_heard(
    heard: dict[str, list[tuple[float, Event]]], calls: dict[str, list[Acknowledged]], exactly: bool
) -> list[str]:
    """Every phone that was listening when its number was called heard the counter. When a day goes as fast as it
    can, a visit may be over before the phone is told: then its end is enough."""
    told = []
    for ticket, messages in heard.items():
        for call in calls.get(ticket, []):
            at_counter = any(when >= call.asked_at and what.get("counter") == call.counter for when, what in messages)
            ended = bool(messages) and messages[-1][1]["state"] in FINAL
            if listened(messages, call.asked_at) and not at_counter and (exactly or not ended):
                told.append(f"the phone of {call.number} did not hear counter {call.counter}")
    return told


def listened(messages: list[tuple[float, Event]], at: float) -> bool:
    """From its first news until the visit ends, or seems to: who comes back after a missed call has put it away."""
    before = [what["state"] for when, what in messages if when < at]
    return bool(before) and not any(state in FINAL for state in before)
