"""What a hall asks of who comes, and what one person may take: each refusal at its bounds, through the HTTP door."""

import pytest

from ticketing import identity
from ticketing.models import Item, Queue, Ticket

ONE, OTHER = "370112199001011234", "11010519491231002X"
COMPANY = "913701129900000416"
TICKETS = "/halls/hall/tickets"
DAY = 86_400


@pytest.fixture
def take(door):
    def take(queue="tax", who="kiosk", **told):
        return door.post(TICKETS, {"queue": queue} | told, who)

    return take


@pytest.fixture
def refused(door):
    def refused(code, queue="tax", **told):
        what = {} if "items" in told else {"queue": queue}
        return door.refused(code, "POST", TICKETS, what | told, "kiosk").json

    return refused


def ask(queue="tax", identity="required", kinds=()):
    Queue.update(identity=identity, identity_kinds=list(kinds)).where(Queue.code == queue).execute()


# -- whether it is asked for ------------------------------------------------------------------------------------------


def test_nothing_is_asked_unless_the_hall_says_so(door, take):
    assert take().status_code == 201
    assert all(queue["identity"] == {"ask": "none", "kinds": []} for queue in door.get("/halls/hall").json["queues"])


@pytest.mark.parametrize(
    ("kinds", "good", "wrong"),
    [
        ((), {"id_number": ONE}, {"id_number": COMPANY}),
        (("resident",), {"id_number": ONE}, {"id_number": COMPANY}),
        (("organisation",), {"id_number": COMPANY}, {"id_number": ONE}),
        (("phone",), {"phone": "13800138000"}, {"id_number": ONE}),
    ],
)
def test_a_required_identity_of_the_right_kind(take, refused, kinds, good, wrong):
    ask(kinds=kinds)
    assert refused("identity_required")["kinds"] == list(kinds or ["resident"])
    refused("identity_required", name="张三")
    refused("identity_kind", **wrong)
    assert take(**good).status_code == 201


def test_of_several_kinds_any_will_do(take, refused):
    ask(kinds=["organisation", "phone"])
    refused("identity_kind", id_number=ONE)
    assert take(id_number=ONE, phone="13800138000").status_code == 201
    assert take(id_number=COMPANY).status_code == 201


def test_an_optional_identity_may_be_left_out_but_not_be_another_kind(take, refused):
    ask(identity="optional")
    assert take().status_code == 201
    refused("identity_kind", id_number=COMPANY)


def test_the_strictest_of_several_items_counts(door, refused):
    ask(identity="optional", kinds=["phone"])
    Item.update(identity="none").where(Item.code == "T1").execute()
    Item.update(identity="required", identity_kinds=["organisation"]).where(Item.code == "I1").execute()
    told = {item["code"]: item["identity"] for item in door.get("/halls/hall/items").json["items"]}
    assert told["T1"] == {"ask": "none", "kinds": []}
    assert told["T2"] == {"ask": "optional", "kinds": ["phone"]}  # its queue's
    assert told["I1"] == {"ask": "required", "kinds": ["organisation"]}
    refused("identity_required", items=["T1", "T2", "I1"])
    assert door.post(TICKETS, {"items": ["T1"]}, "kiosk").status_code == 201


# -- how many ---------------------------------------------------------------------------------------------------------


def test_an_applicant_and_a_principal_count_alike(take, refused, door):
    principal = {"name": "李四", "id_number": OTHER.lower()}
    ticket = take(id_number=ONE, name="张三", principal=principal).json["id"]
    row = Ticket.get_by_id(ticket)
    assert row.identity_hash and row.principal_hash and row.identity_hash != row.principal_hash
    refused("duplicate_ticket", id_number=OTHER)
    refused("duplicate_ticket", id_number=COMPANY, principal={"id_number": ONE})
    door.at(3, "open")
    seen = door.at(3, "call").json["applicant"]
    assert seen == {"name": "张三", "id_number": ONE, "principal": {"name": "李四", "id_number": OTHER}}


def test_a_principals_number_is_checked(refused):
    refused("bad_id_number", principal={"id_number": ONE[:-1] + "5"})
    refused("invalid", principal={"name": "李四"})


@pytest.mark.parametrize("limit", [1, 3])
def test_numbers_of_one_person_in_a_queue_and_day(door, take, refused, at, limit):
    door.cast.rules(daily_per_identity=limit)
    for _ in range(limit):
        ticket = take(id_number=ONE).json["id"]
        door.post(f"/tickets/{ticket}/cancel")
    refused("identity_daily_limit", id_number=ONE)
    refused("identity_daily_limit", id_number=OTHER, principal={"id_number": ONE})
    assert take("general", id_number=ONE).status_code == 201  # another queue
    at.later(DAY)
    assert take(id_number=ONE).status_code == 201


@pytest.mark.parametrize("quota", [1, 2])
def test_the_quota_of_a_queue_and_day(door, take, refused, at, quota):
    Queue.update(daily_limit=quota).where(Queue.code == "tax").execute()
    for _ in range(quota):
        door.post(f"/tickets/{take().json['id']}/cancel")
    refused("queue_full")
    at.later(DAY)
    assert take().status_code == 201


# -- the block after no-shows -----------------------------------------------------------------------------------------


@pytest.fixture
def miss(door, take, at):
    door.cast.rules(
        no_show_calls=1, no_show_seconds=0, no_show_block_count=2, no_show_block_within_days=5, no_show_block_days=3
    )
    door.at(3, "open")

    def miss():
        at.later(1)
        ticket = take(id_number=ONE).json["id"]
        door.at(3, "call")
        assert door.at(3, "no-show", {"ticket": ticket}).status_code == 200

    return miss


def test_too_many_missed_visits_block_for_some_days(miss, take, refused, at):
    miss()
    miss()
    until = refused("blocked", id_number=ONE)["blocked_until"]
    refused("blocked", id_number=OTHER, principal={"id_number": ONE})
    assert until.startswith("2026-11-26T09:00:02")
    assert take(id_number=OTHER).status_code == 201
    assert take().status_code == 201
    at(2 + 3 * DAY - 0.001)
    refused("blocked", id_number=ONE)
    at(2 + 3 * DAY)
    assert take(id_number=ONE).status_code == 201


@pytest.mark.parametrize(("later", "blocks"), [(5 * DAY - 2, True), (5 * DAY, False)])
def test_only_what_was_missed_within_the_days_counts(miss, take, at, later, blocks):
    miss()
    at.later(later)
    miss()
    assert (take(id_number=ONE).status_code == 409) == blocks


def test_history_counts_too(miss, refused, at):
    from counter import sweep

    miss()
    at.later(DAY)
    sweep.sweep()
    assert Ticket.select().count() == 0
    miss()
    refused("blocked", id_number=ONE)


def test_a_manager_takes_the_block_away(miss, take, refused, door):
    path, body = "/halls/hall/unblock", {"id_number": ONE}
    door.refused("not_blocked", "POST", path, body, "max")
    miss()
    miss()
    door.refused("forbidden", "POST", path, body, "alice")
    door.refused("forbidden", "POST", path, body, "gina")
    door.refused("bad_id_number", "POST", path, {"id_number": "1"}, "max")
    assert door.post(path, body, "max").status_code == 204
    assert take(id_number=ONE).status_code == 201
    event = door.cast.events()[-2]
    assert (event.type, event.public, event.staff) == ("identity.unblocked", None, {"by": "max"})


def test_a_number_is_only_compared_within_its_hall():
    assert identity.identity_hash("s", "one", ONE) != identity.identity_hash("s", "two", ONE)
