"""Two processes of one installation: a change through one is heard through the other, with Redis and without."""

import os
import time
from statistics import median

import pytest

from tests.live.conftest import until
from tests.live.people import People, Screen

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("TEST_DATABASE_URL"), reason="two processes share a PostgreSQL database"),
]
with_redis = pytest.mark.skipif(not os.environ.get("TEST_REDIS_URL"), reason="pokes go through Redis")

BLINK = 0.5  # seconds; without a poke a process looks by itself once a second
CALLS = 8


def delays(people, one, other):
    """Seconds from each call through `one` to a board of `other`; half a second between them, as a look would come
    too early or too late by chance."""
    board = Screen(people, other)
    until(lambda: board.last is not None, "the snapshot")
    people.at(1, "open", server=one)
    told = []
    for _ in range(CALLS):
        number = people.issue(server=one)["number"]
        asked = time.monotonic()
        called = people.at(1, "call", server=one)
        until(lambda number=number: board.heard("ticket.called", number), "the other process's board", seconds=10)
        told.append(time.monotonic() - asked)
        people.at(1, "begin", server=one, ticket=called["id"])
        people.at(1, "finish", server=one, ticket=called["id"])
    until(lambda: board.last == 1 + 4 * CALLS, "the whole log")
    assert board.seqs() == list(range(1, board.last + 1))
    assert board.events == people.log()
    board.close()
    return told


@with_redis
def test_a_call_is_heard_through_the_other_process_within_a_blink(start_server):
    one, other = start_server(), start_server()
    assert median(delays(People(one), one, other)) < BLINK


def test_without_redis_a_call_is_heard_within_about_a_second(start_server):
    one, other = start_server(REDIS_URL=""), start_server(REDIS_URL="")
    assert median(delays(People(one), one, other)) < 1.0 + BLINK


def test_with_redis_gone_a_call_is_heard_within_about_a_second(start_server):
    nobody = "redis://127.0.0.1:1/0"
    one, other = start_server(REDIS_URL=nobody), start_server(REDIS_URL=nobody)
    assert median(delays(People(one), one, other)) < 1.0 + BLINK


def test_the_same_request_at_the_other_process_gets_the_same_answer(start_server):
    one, other = start_server(), start_server()
    people = People(one)
    asked = ("kiosk", "{hall}/tickets", {"queue": "general"}, "the-same-key")
    first, second = people.post(*asked, server=one), people.post(*asked, server=other)
    assert first.status_code == second.status_code == 201
    ours, theirs = first.json(), second.json()
    # The address a phone is sent to was made by the process that answered first.
    assert ours == theirs
    assert [event["number"] for event in people.told("ticket.issued")] == ["A001"]
    otherwise = people.post("kiosk", "{hall}/tickets", {"queue": "tax"}, "the-same-key", server=other)
    assert (otherwise.status_code, otherwise.json()["code"]) == (422, "idempotency_mismatch")


def test_numbers_taken_through_both_are_different_and_without_gaps(start_server):
    servers = [start_server(), start_server()]
    people = People(servers[0])
    numbers = [people.issue(server=servers[n % 2])["number"] for n in range(20)]
    assert numbers == [f"A{n:03d}" for n in range(1, 21)]
