"""Who came is forgotten after the hall's days, and when they ask; proven by looking at what is stored."""

import gzip

import orjson
import pytest

from counter import sweep
from tests.conftest import SECRET
from ticketing import archive, privacy
from ticketing.keyring import open_keyring
from ticketing.models import PastTicket, Rating, Ticket

ONE, OTHER = "370112199001011234", "11010519491231002X"
DAY = 86_400


@pytest.fixture
def ring(settings, app):
    return app.config["KEYRING"]


@pytest.fixture
def visit(door, at):
    def visit(number=ONE):
        door.at(3, "open")
        body = {"queue": "tax", "name": "张三丰", "id_number": number}
        ticket = door.post("/halls/hall/tickets", body, "kiosk").json["id"]
        for verb in ("call", "begin", "finish"):
            door.at(3, verb, {} if verb == "call" else {"ticket": ticket})
        door.post(f"/tickets/{ticket}/rating", {"level": 2, "reasons": ["Slow"], "comment": "Ask 张三丰"})
        return ticket

    return visit


def row(id):
    return Ticket.get_or_none(Ticket.id == id) or PastTicket.get_by_id(id)


def test_a_person_is_forgotten_after_the_days_and_not_before(visit, door, at):
    door.cast.rules(keep_identity_days=30)
    id = visit()
    at(30 * DAY)
    sweep.sweep()
    assert row(id).sealed and row(id).identity_hash and Rating.get_by_id(id).comment
    at(31 * DAY + 1)
    sweep.sweep()
    found, rating = row(id), Rating.get_by_id(id)
    assert (found.sealed, found.identity_hash, found.principal_hash) == (None, None, None)
    assert (rating.comment, rating.level, rating.reasons) == (None, 2, ["Slow"])
    assert (found.state, found.number) == ("finished", "D001")


def test_a_person_is_told_and_erased_and_nobody_else(visit, door, at, ring, settings, tmp_path):
    mine = visit()
    at.later(DAY)
    sweep.sweep()
    today, others = visit(), visit(OTHER)
    sealed = [row(id).sealed for id in (mine, today)]
    hall = door.cast.hall
    told = privacy.export(hall, ring, ONE)
    assert [one["told"]["id_number"] for one in told] == [ONE, ONE]
    assert {one["rating"]["comment"] for one in told} == {"Ask 张三丰"}
    assert privacy.erase(hall, ring, ONE) == 2
    assert privacy.export(hall, ring, ONE) == []
    assert row(others).sealed and Rating.get_by_id(others).comment
    archive.backup(tmp_path / "backup.gz")
    text = gzip.decompress((tmp_path / "backup.gz").read_bytes()).decode()
    assert not [part for part in (*sealed, ONE) if part in text]
    assert row(others).sealed in text and orjson.loads(text.splitlines()[0])
    assert open_keyring(SECRET, settings.keyring_path).unseal(row(others).sealed)["id_number"] == OTHER
