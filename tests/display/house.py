"""A hall of a test's own on a real server that other tests share."""

from pathlib import Path

import requests

from door.who import make_token
from tests.display.small import small_hall
from ticketing import db
from ticketing.models import Counter
from ticketing.table import database


class House:
    """A small hall of one test on a running server, and what its kiosks and counters do by the API."""

    def __init__(self, server, code, **rules):
        db.open_database(server.environ["DATABASE_URL"], Path(server.environ["DATA_DIR"]) / "yichuang.sqlite3")
        self.server = server
        self.code = code
        self.base = server.api(f"/halls/{code}")
        with database.connection_context():
            self.row = small_hall(code, **rules)
        self.tokens = {}
        self.kiosk = self.session("kiosk")

    def token(self, role, counter=None):
        if (role, counter) not in self.tokens:
            with database.connection_context():
                at = Counter.get(Counter.hall == self.row, Counter.number == counter) if counter else None
                self.tokens[role, counter] = make_token(role, self.row, at)
        return self.tokens[role, counter]

    def session(self, role, counter=None):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token(role, counter)}"
        return session

    def issue(self, queue="general", **wish):
        answer = self.kiosk.post(f"{self.base}/tickets", json={"queue": queue, **wish})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def at(self, counter, verb, **body):
        answer = self.session("counter", counter).post(f"{self.base}/counters/{counter}/{verb}", json=body)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def pass_time(self, events):
        """So many entries in the log, of the kind a board sees as ticks."""
        with database.connection_context():
            db.write(self.code, lambda change: [change.append("ticket.rated") for _ in range(events)])

    def log(self):
        return self.session("board").get(f"{self.base}/events").json()["items"]
