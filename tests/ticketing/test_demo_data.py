"""What the demo hall in data/licheng promises (docs/data.md)."""

import csv
import re
from collections import Counter as Tally
from pathlib import Path

import pytest
from stdnum.cn import uscc

from ticketing import loading
from ticketing.models import Bundle, Counter, CounterQueue, Hall, Item, PriorityClass, Queue, Staff, Zone

LICHENG = Path(__file__).resolve().parents[2] / "data" / "licheng"
HANZI = re.compile(r"[\u4e00-\u9fff]")
GB11714_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


@pytest.fixture
def hall(db):
    report = loading.load([LICHENG], lambda password: f"hash of {password}")
    assert report.notes == []
    return Hall.get(Hall.code == "licheng")


def organisation_check(body: str) -> str:
    """The ninth character of an organisation code (GB 11714): weighted sum modulo 11."""
    total = sum(weight * int(character, 36) for weight, character in zip(GB11714_WEIGHTS, body, strict=True))
    return "0123456789X0"[11 - total % 11]


def test_the_hall_is_named_and_open_around_the_clock(hall):
    assert (hall.name, hall.name_en) == ("历城区政务服务大厅", "Licheng District Government Service Hall")
    assert (hall.timezone, hall.hours) == ("Asia/Shanghai", None)


def test_it_has_the_five_areas(hall):
    names = {zone.code: zone.name for zone in Zone.select()}
    assert names == {
        "business": "商事登记",
        "realestate": "不动产登记",
        "livelihood": "民生事务（含公积金）",
        "social": "社会事务",
        "construction": "工程建设",
    }


def test_every_queue_has_a_zone_and_at_least_two_counters(hall):
    served = Tally(link.queue.code for link in CounterQueue.select())
    queues = list(Queue.select())
    assert len(queues) >= 7
    assert [queue.code for queue in queues if served[queue.code] < 2 or queue.zone is None] == []
    assert [(queue.code, queue.prefix) for queue in queues if queue.general] == [("general", "A")]
    assert all(2 <= queue.usual_minutes <= 30 for queue in queues)


def test_counters_of_every_kind(hall):
    kinds = Tally(counter.kind for counter in Counter.select())
    assert 32 <= sum(kinds.values()) <= 36
    assert set(kinds) == {"comprehensive", "special", "pickup", "guide"}
    assert Counter.get_or_none(Counter.name == "办不成事反映窗口")
    for counter in Counter.select():
        queues = {link.queue.code for link in counter.served}
        assert queues, counter.number
        if counter.kind == "comprehensive":
            assert "general" in queues and len(queues) > 1, counter.number


def test_the_priority_classes(hall):
    classes = {row.code: (row.weight, row.verify) for row in PriorityClass.select()}
    assert classes == {
        "normal": (1, False),
        "appointment": (2, False),
        "elderly-disabled": (4, True),
        "military": (4, True),
        "pregnant-ill": (4, True),
    }
    ranks = {row.code: row.rank for row in PriorityClass.select()}
    assert max(ranks["elderly-disabled"], ranks["military"], ranks["pregnant-ill"]) < ranks["appointment"]
    assert ranks["appointment"] < ranks["normal"]


def test_items_are_many_and_complete(hall):
    items = list(Item.select())
    assert len(items) >= 130
    for item in items:
        assert HANZI.search(item.name) and item.name_en.isascii() and item.department, item.name
        assert 2 <= len(item.papers) <= 6, item.name
        assert 2 <= item.usual_minutes <= 60, item.name
        assert 0 < item.common <= 100, item.name
        assert item.initials and item.pinyin, item.name
    assert len({item.name for item in items}) == len(items)


def test_there_are_six_to_nine_themes_none_of_them_nearly_empty(hall):
    themes = Tally(item.theme for item in Item.select())
    assert 6 <= len(themes) <= 9
    assert min(themes.values()) >= 3


def test_items_lead_to_special_queues_and_the_rest_to_the_general_one(hall):
    led = Tally(item.queue.code if item.queue else None for item in Item.select())
    assert led[None] >= 30
    assert set(led) == {queue.code for queue in Queue.select() if not queue.general} | {None}


def test_every_code_has_its_31_characters_and_is_marked_as_a_sample(hall):
    """GB/T 39554.1: credit code 18 + level 1 + region 2, type 2, main 5, sub 3."""
    for item in Item.select():
        parts = re.fullmatch(r"(.{18})(4)(99)(01|05|07|10|20)(\d{5})(000)", item.code)
        assert parts, item.code
        code = parts[1]
        assert uscc.is_valid(code) and code[2:8] == "370112", code
        assert code[8:12] == "XX00" and code[16] == organisation_check(code[8:16]), code


def test_bundles_are_made_of_items(hall):
    bundles = list(Bundle.select())
    assert {bundle.name for bundle in bundles} == {
        "开办企业一件事",
        "新生儿出生一件事",
        "二手房过户一件事",
        "公民身后一件事",
        "员工录用一件事",
    }
    codes = {item.code for item in Item.select()}
    assert all(len(bundle.items) >= 3 and set(bundle.items) <= codes for bundle in bundles)


def test_staff_have_offices_for_names_and_the_demo_password(hall):
    people = list(Staff.select())
    roles = Tally(person.role for person in people)
    assert roles["agent"] >= 30 and roles["desk"] == 2 and roles["manager"] == 2 and roles["admin"] == 1
    assert {"agent01", "desk01", "manager01", "admin"} <= {person.login for person in people}
    assert all(re.search(r"人员|管理员", person.name) for person in people)
    assert {person.password_hash for person in people} == {"hash of demo-2026"}
    assert [person.login for person in people if person.hall is None] == ["admin"]


def test_loading_it_again_changes_nothing(hall):
    again = loading.load([LICHENG])
    assert again.added.total() == again.updated.total() == 0
    assert again.unchanged["items"] == Item.select().count()


def test_the_tables_are_plain_utf_8_with_the_same_number_of_cells_in_each_row():
    for file in LICHENG.glob("*.csv"):
        rows = list(csv.reader(file.read_text("utf-8").splitlines()))
        assert {len(row) for row in rows} == {len(rows[0])}
