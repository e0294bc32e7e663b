"""Power cuts in the middle of the work: what was acknowledged is there once; what was not can be asked again."""

from collections import Counter as Tally
from threading import Lock, Thread

import pytest
import requests

from tests.live.conftest import until
from tests.live.people import People, keys

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

KIOSKS, COUNTERS = 4, (1, 2, 11, 24)  # these serve the general queue
CUTS = 3
BETWEEN = 40  # acknowledged requests between two cuts


class Load:
    """Kiosks and counters that work until the line breaks; each remembers the request that was not answered."""

    def __init__(self, people):
        self.people = people
        self.lock = Lock()
        self.tickets = {}  # id: number, acknowledged
        self.calls = []  # (ticket id, number, counter), acknowledged
        self.done = 0
        self.cut_off = []  # (who, path, body, key)

    def run(self):
        workers = [Thread(target=self.work, args=(self.take_numbers,)) for _ in range(KIOSKS)]
        workers += [Thread(target=self.work, args=(self.serve, counter)) for counter in COUNTERS]
        for worker in workers:
            worker.start()
        return workers

    def work(self, part, *about):
        try:
            while True:
                part(*about)
        except requests.RequestException:
            pass  # the cut; what was asked is in self.cut_off

    def take_numbers(self):
        self.ask("kiosk", "{hall}/tickets", {"queue": "general"})

    def serve(self, counter):
        at = f"{{hall}}/counters/{counter}"
        ticket = self.people.get(counter, at)["ticket"]
        ticket = ticket or self.ask(counter, f"{at}/call", {})
        if ticket and ticket["state"] == "called":
            self.ask(counter, f"{at}/begin", {"ticket": ticket["id"]})
        if ticket:
            self.ask(counter, f"{at}/finish", {"ticket": ticket["id"]})

    def ask(self, who, path, body, key=None):
        asked = (who, path, body, key or next(keys))
        with self.lock:
            self.cut_off.append(asked)
        answer = self.people.post(*asked)
        with self.lock:
            self.cut_off.remove(asked)
            assert answer.ok, answer.text
            return self.remember(who, path, answer)

    def remember(self, who, path, answer):
        self.done += 1
        told = answer.json() if answer.content else None
        if path.endswith("/tickets"):
            self.tickets[told["id"]] = told["number"]
        elif path.endswith("/call") and told:
            self.calls.append((told["id"], told["number"], who))
        return told

    def ask_again(self):
        """With the same keys; and a second time, which must change nothing."""
        left, self.cut_off = self.cut_off, []
        for who, path, body, key in left:
            first, second = (self.people.post(who, path, body, key) for _ in range(2))
            assert first.ok, first.text
            if first.status_code == 204:  # nobody waited: nothing was changed, so the key is still free
                first = second
            assert (first.status_code, first.content) == (second.status_code, second.content)
            self.remember(who, path, first)
        return len(left)


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(server):
    people = People(server)
    for counter in COUNTERS:
        people.at(counter, "open")
    load = Load(people)
    for _ in range(CUTS):
        goal = load.done + BETWEEN
        workers = load.run()
        until(lambda goal=goal: load.done >= goal, f"{BETWEEN} acknowledged requests", seconds=60)
        server.kill()
        for worker in workers:
            worker.join(30)
        assert not any(worker.is_alive() for worker in workers)
        server.start()
        assert load.ask_again() > 0

    log = people.log()
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    issued = [event["number"] for event in log if event["type"] == "ticket.issued"]
    assert sorted(issued) == sorted(load.tickets.values())
    assert sorted(issued) == [f"A{n:03d}" for n in range(1, len(issued) + 1)]
    called = Tally((event["number"], event["counter"]) for event in log if event["type"] == "ticket.called")
    assert called == Tally({(number, counter): 1 for _, number, counter in load.calls})
    for id, number in load.tickets.items():
        assert people.get(None, f"/tickets/{id}")["number"] == number
    general = next(queue for queue in people.get(None, "{hall}/queues")["items"] if queue["code"] == "general")
    assert general["waiting"] == len(issued) - len(called)
    assert faults(server) == []


def faults(server):
    """What `check` finds wrong in the database, whatever it thinks of a test's settings."""
    return [line for line in server.check().splitlines() if line.startswith("Hall ")]
