"""Retries: the same Idempotency-Key answers with the first result for 24 hours and changes nothing more."""

import pytest

from door.openapi import document
from ticketing.models import IdempotentAnswer, Ticket

ISSUE = "/halls/hall/tickets"
TAX = {"queue": "tax"}
DAY = 24 * 3600


def issue(door, key, body=TAX, who="kiosk"):
    return door.post(ISSUE, body, who, Idempotency_Key=key)


def test_the_same_answer_and_nothing_changed(door, at):
    first = issue(door, "1")
    before = door.cast.rows()
    at.later(60)
    again = issue(door, "1")
    assert (again.status_code, again.data) == (201, first.data)
    assert door.cast.rows() == before


def test_another_key_is_another_request(door):
    assert issue(door, "1").json["number"] != issue(door, "2").json["number"]


def test_without_a_key_each_is_its_own(door):
    assert door.post(ISSUE, TAX, "kiosk").json["number"] == "D001"
    assert door.post(ISSUE, TAX, "kiosk").json["number"] == "D002"


def test_the_same_key_with_another_body_is_a_mismatch(door):
    issue(door, "1")
    headers = {"Idempotency_Key": "1"}
    door.refused("idempotency_mismatch", "POST", ISSUE, {"queue": "general"}, who="kiosk", **headers)
    door.refused("idempotency_mismatch", "POST", ISSUE, TAX | {"phone": "13800138000"}, who="kiosk", **headers)


def test_bodies_are_compared_by_meaning_not_bytes(door):
    client, known = door.known("kiosk")
    sent = {"headers": known | {"Idempotency-Key": "1"}, "content_type": "application/json"}
    bodies = [
        '{"queue":"tax","name":"x"}',
        '{ "name" : "x",\n "queue" : "tax" }',
        '{"queue":"t\\u0061x","name":"x","phone":null}',
    ]
    answers = [client.post(f"/api/v1{ISSUE}", data=body, **sent) for body in bodies]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json["id"] for answer in answers}) == 1


def test_for_24_hours(door, at):
    first = issue(door, "1").json["id"]
    at.later(DAY - 0.001)
    assert issue(door, "1").json["id"] == first
    at.later(0.001)
    second = issue(door, "1").json["id"]
    assert second != first
    assert issue(door, "1").json["id"] == second


def test_a_key_is_its_owners(door):
    """Two devices that count their requests from 1 are not taken for one."""
    assert issue(door, "1", who="kiosk").json["number"] == "D001"
    assert issue(door, "1", who="integration").json["number"] == "D002"
    assert issue(door, "1", who="gina").json["number"] == "D003"
    assert issue(door, "1", who="max").json["number"] == "D004"
    assert issue(door, "1", who="kiosk").json["number"] == "D001"


def test_a_key_is_its_paths(door):
    tickets = [door.cast.issue() for _ in range(2)]
    for ticket in tickets:
        answer = door.post(f"/tickets/{ticket.id}/cancel", Idempotency_Key="1")
        assert answer.json["number"] == ticket.number


def test_a_verb_at_a_counter_is_done_once(door):
    door.cast.open(1)
    door.cast.issue()
    door.cast.issue()
    first = door.at(1, "call", Idempotency_Key="a")
    again = door.at(1, "call", Idempotency_Key="a")
    assert first.data == again.data
    recalls = [door.at(1, "recall", {"ticket": first.json["id"]}, Idempotency_Key="b").json["calls"] for _ in range(3)]
    assert recalls == [2, 2, 2]
    assert Ticket.select().where(Ticket.state == "called").count() == 1


def test_the_answer_stays_when_the_ticket_has_moved_on(door):
    """A lost answer is asked for again late: what is told is what was done then."""
    door.cast.open(1)
    ticket = door.cast.issue()
    door.at(1, "call", Idempotency_Key="a")
    door.at(1, "begin", {"ticket": ticket.id}, Idempotency_Key="b")
    door.at(1, "finish", {"ticket": ticket.id}, Idempotency_Key="c")
    assert door.at(1, "call", Idempotency_Key="a").json["state"] == "called"
    assert door.at(1, "begin", {"ticket": ticket.id}, Idempotency_Key="b").json["state"] == "serving"


def test_it_comes_with_who_it_is_as_the_first_did(door):
    door.cast.open(1)
    issue(door, "1", {"queue": "general", "name": "某某"})
    assert [door.at(1, "call", Idempotency_Key="a").json["applicant"] for _ in range(2)] == [{"name": "某某"}] * 2


def test_refusals_are_not_kept(door):
    door.post("/halls/hall/queues/tax/close", who="max")
    door.refused("queue_closed", "POST", ISSUE, TAX, who="kiosk", Idempotency_Key="1")
    door.post("/halls/hall/queues/tax/open", who="max")
    assert issue(door, "1").status_code == 201


def test_an_empty_204_is_not_kept(door):
    door.cast.open(1)
    assert door.at(1, "call", Idempotency_Key="a").status_code == 204
    door.cast.issue()
    assert door.at(1, "call", Idempotency_Key="a").status_code == 200


def test_what_changed_nothing_is_not_kept(door):
    door.cast.open(1)
    door.at(1, "open", Idempotency_Key="a")
    assert IdempotentAnswer.select().count() == 0


@pytest.mark.parametrize("key", ["", " ", "with blank", "tab\there", "键", "x" * 129, "del\x7f"])
def test_keys_that_are_none(door, key):
    client, known = door.known("kiosk")
    environ = {"HTTP_IDEMPOTENCY_KEY": key.encode().decode("latin-1")}
    before = door.cast.rows()
    answer = client.post(f"/api/v1{ISSUE}", json=TAX, headers=known, environ_overrides=environ)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_idempotency_key")
    assert door.cast.rows() == before


@pytest.mark.parametrize("key", ["!", "~", "x" * 128, "0b6f2f0e-8a2e-4b52-9a1f-6f3f1b0f4a11"])
def test_keys_that_are(door, key):
    assert issue(door, key).json["id"] == issue(door, key).json["id"]


def test_every_post_that_changes_something_takes_one(app):
    posts = [path["post"] for path in document()["paths"].values() if "post" in path]
    assert len(posts) > 20
    for operation in posts:
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
