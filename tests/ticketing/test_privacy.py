"""Who came is known to the counter that serves them, and to nobody and nothing else: neither the log, nor boards, nor
anything kept in plain text."""

import json

import pytest

from ticketing import identity
from ticketing.models import TABLES, HallEvent

PERSON = {"name": "某某某", "phone": "13897531864", "id_number": "11010519491231002X"}
MASKED = [
    identity.mask_name(PERSON["name"]),
    identity.mask_phone(PERSON["phone"]),
    identity.mask_id(PERSON["id_number"]),
    PERSON["phone"][-4:],
    PERSON["id_number"][-4:],
    PERSON["id_number"][:6],
]


@pytest.fixture
def visited(door, at):
    """A day with every verb, all of it for one person; the ids of their tickets."""
    cast, ids = door.cast, []
    cast.rules(no_show_calls=1, no_show_seconds=0, live_per_identity=9)

    def issue(key):
        body = PERSON | {"items": ["I1", "T1"], "priority": "elderly"}
        ids.append(door.post("/halls/hall/tickets", body, who="kiosk", Idempotency_Key=key).json["id"])
        return ids[-1]

    def at_counter(verb, **body):
        at.later(5)
        answer = door.at(1, verb, body, Idempotency_Key=f"{verb} {len(cast.events())}".replace(" ", "-"))
        assert answer.status_code == 200, answer.json

    door.at(1, "open", {"agent": "alice"})
    first, second, third = issue("1"), issue("2"), issue("3")
    door.post(f"/tickets/{third}/postpone", {"places": 1})
    door.post(f"/halls/hall/tickets/{third}/priority", {"grant": True}, who="gina")
    door.post(f"/halls/hall/tickets/{third}/move", {"queue": "tax", "place": "tail"}, who="max")
    door.post(f"/tickets/{third}/cancel")
    at_counter("call", ticket="A001")
    at_counter("recall", ticket=first)
    at_counter("no-show", ticket=first)
    door.post(f"/halls/hall/tickets/{first}/reinstate", who="kiosk")
    at_counter("call", ticket="A001")
    at_counter("begin", ticket=first)
    at_counter("hold", ticket=first, kind="papers")
    at_counter("resume-ticket", ticket=first)
    at_counter("finish", ticket=first)
    door.post(f"/tickets/{first}/rating", {"level": 1, "comment": PERSON["name"]})
    at_counter("call", ticket="A002")
    at_counter("transfer", ticket=second, to={"counter": 1}, place="front")
    at_counter("call")
    at_counter("begin", ticket=second)  # still there: what is asked now, is asked about somebody who is being served
    return ids


def assert_holds_nothing(text, *unwanted):
    assert [word for word in unwanted if word and word in text] == []


def test_public_parts_hold_no_id_no_item_and_nobody(visited):
    """`masked parts` neither: no four digits, no first character of a name."""
    for event in HallEvent.select().where(HallEvent.public.is_null(False)):
        # Times apart, in whose digits anything may stand by chance.
        public = json.dumps(
            {k: v for k, v in event.public.items() if k not in ("speak_until", "audio")}, ensure_ascii=False
        )
        assert_holds_nothing(
            public, *visited, *PERSON.values(), *MASKED, "I1", "T1", "Item", "alice", "Alice", "elderly"
        )


def test_staff_parts_hold_no_phone_no_id_number_no_name(visited):
    for event in HallEvent.select():
        staff = json.dumps(event.staff, ensure_ascii=False)
        assert_holds_nothing(staff, *PERSON.values(), *MASKED[:3])


def test_no_table_holds_a_person_in_plain_text(visited):
    """Sealed in Ticket, hashed for a second number, and sealed in the answers kept for retries; a comment is what its
    writer said."""
    for table in TABLES:
        if table.__name__ != "Rating":
            rows = json.dumps(list(table.select().tuples()), ensure_ascii=False, default=str)
            assert_holds_nothing(rows, *PERSON.values())


@pytest.mark.parametrize(
    ("who", "paths"),
    [
        (None, ["/halls", "/halls/hall", "/halls/hall/queues", "/halls/hall/items", "/tickets/{id}"]),
        ("board", ["/halls/hall/board", "/halls/hall/events?after=0"]),
    ],
)
def test_public_answers_hold_nobody(door, visited, who, paths):
    for path in paths:
        answer = door.get(path.format(id=visited[1]), who)
        assert answer.status_code == 200
        text = json.dumps(answer.json, ensure_ascii=False)
        assert_holds_nothing(text, *PERSON.values(), *MASKED[:3])
        if who == "board":
            assert_holds_nothing(text, *visited, "alice", "Alice")


def test_staff_elsewhere_see_nobody(door, visited):
    door.cast.open(2, "bob")
    asked = [
        ("counter 2", "/halls/hall/counters/2"),
        ("bob", "/halls/hall/counters/1"),
        ("gina", "/halls/hall/tickets"),
        ("max", "/halls/hall/load"),
        ("max", "/halls/hall/counters/1"),
    ]
    for who, path in asked:
        answer = door.get(path, who)
        assert answer.status_code == 200
        assert_holds_nothing(json.dumps(answer.json, ensure_ascii=False), *PERSON.values(), *MASKED[:3])


def test_the_counter_that_serves_them_sees_who_it_is(door, visited):
    """The other side: the words this file looks for would be found."""
    answer = door.get("/halls/hall/counters/1", "counter 1")
    assert answer.json["ticket"]["applicant"] == PERSON


def test_refusals_repeat_no_value(door):
    body = PERSON | {"queue": "tax", "id_number": "110105194912310021"}
    answer = door.post("/halls/hall/tickets", body, who="kiosk")
    assert answer.status_code == 422
    answer_2 = door.post("/halls/hall/tickets", PERSON | {"queue": 1, "phone": "138x"}, who="kiosk")
    for told in (answer, answer_2):
        assert_holds_nothing(json.dumps(told.json, ensure_ascii=False), *PERSON.values(), body["id_number"], "138x")


def test_a_ticket_is_known_by_its_id_alone(door, visited):
    for guess in ("A001", visited[0][:-1], visited[0].swapcase()):
        door.refused("unknown_ticket", "GET", f"/tickets/{guess}")
