"""Many people press at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.live.conftest import until
from tests.live.people import People, Screen

pytestmark = pytest.mark.live


def at_once(acts):
    """All of them, released at one moment."""
    gate = Barrier(len(acts))

    def press(act):
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as crowd:
        return list(crowd.map(press, acts))


@pytest.fixture
def people(server):
    return People(server)


def test_forty_who_press_at_once_get_forty_numbers_without_gaps(people):
    board = Screen(people)
    numbers = at_once([lambda: people.issue()["number"]] * 40)
    assert sorted(numbers) == [f"A{n:03d}" for n in range(1, 41)]
    until(lambda: board.last == 40, "the board to hear forty numbers")
    assert board.seqs() == list(range(1, 41))
    board.close()


def test_the_same_press_sent_forty_times_at_once_is_one_number(people):
    send = lambda: people.post("kiosk", "{hall}/tickets", {"queue": "general"}, "one-press")  # noqa: E731
    answers = at_once([send] * 40)
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["number"] for answer in answers} == {"A001"}
    assert len(people.told("ticket.issued")) == 1


def test_twenty_agents_on_a_short_line_call_each_ticket_once(people):
    # Some serve another queue besides; every one of them serves this one.
    halls = people.get(None, "{hall}")["counters"]
    general = [counter["counter"] for counter in halls if "general" in counter["queues"]]
    waiting = [people.issue()["number"] for _ in range(5)]
    for counter in general:
        people.at(counter, "open")
    presses = (general * 20)[:20]
    answers = at_once([lambda at=at: people.post(at, f"{{hall}}/counters/{at}/call") for at in presses])
    called = [answer.json()["number"] for answer in answers if answer.status_code == 200]
    assert sorted(called) == sorted(waiting)
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused <= {"counter_busy"}
    assert {answer.status_code for answer in answers} <= {200, 204, 409}
    assert sorted(event["number"] for event in people.told("ticket.called")) == sorted(waiting)


def test_an_agent_who_taps_next_twice_calls_one(people):
    people.issue()
    people.issue()
    people.at(1, "open")
    answers = at_once([lambda: people.post(1, "{hall}/counters/1/call")] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(people.told("ticket.called")) == 1
