"""Imports: what a file may be, what is refused and how it is named, what a second load does."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from ticketing import loading, sheets
from ticketing.loading import load
from ticketing.models import (
    TABLES,
    Bundle,
    Counter,
    CounterQueue,
    Hall,
    Item,
    PriorityClass,
    Queue,
    Staff,
    Ticket,
    Zone,
)
from ticketing.sheets import LoadError

pytestmark = pytest.mark.usefixtures("db")


def small_hall() -> dict:
    return {
        "hall": {"code": "small", "name": "小厅"},
        "zones": [{"code": "east", "name": "东区"}],
        "priorities": [{"code": "normal", "name": "普通"}],
        "queues": [
            {"code": "general", "name": "综合", "prefix": "A", "zone": "east", "general": True},
            {"code": "tax", "name": "税务", "prefix": "D"},
        ],
        "counters": [{"number": 1, "queues": ["general", "tax"]}, {"number": 2, "queues": ["tax"]}],
        "items": [{"code": "I1", "name": "居民身份证换领", "papers": ["户口簿"]}],
        "bundles": [{"code": "B1", "name": "一件事", "items": ["I1"]}],
        "staff": [{"login": "alice", "name": "一号窗口人员", "role": "agent"}],
    }


@pytest.fixture
def write(tmp_path):
    """write(name, content) → path: dict as JSON, list of rows as CSV, bytes or text as they are."""

    def write(name, content, encoding="utf-8"):
        path = tmp_path / name
        if isinstance(content, dict):
            content = json.dumps(content, ensure_ascii=False)
        elif isinstance(content, list):
            lines = io.StringIO()
            csv.writer(lines).writerows(content)
            content = lines.getvalue()
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def small(write):
    """The small hall is loaded; gives its description to be changed and written again."""
    load([write("hall.json", small_hall())])
    return small_hall()


def refused(*paths) -> list[str]:
    before = contents()
    with pytest.raises(LoadError) as error:
        load(list(paths))
    assert contents() == before, "a refused load changed something"
    assert str(error.value) == "\n".join(map(str, error.value.problems))
    return [str(problem) for problem in error.value.problems]


def contents() -> dict:
    return {table.__name__: list(table.select().order_by(*table._meta.sorted_fields).dicts()) for table in TABLES}


def serves(counter: Counter) -> list[str]:
    return [link.queue.code for link in counter.served.order_by(CounterQueue.place)]


# -- a whole hall -----------------------------------------------------------------------------------------


def test_a_hall_is_loaded_from_json(write):
    report = load([write("hall.json", small_hall())])
    assert report.halls == ["small"]
    assert report.added["queues"] == 2 and report.added["items"] == 1
    assert str(report).startswith("Loaded small\nbundles: 1 added, 0 updated, 0 unchanged\n")
    general = Queue.get(Queue.code == "general")
    assert (general.prefix, general.width, general.general, general.zone.code) == ("A", 3, True, "east")
    assert serves(Counter.get(Counter.number == 1)) == [
        "general",
        "tax",
    ]
    assert Counter.get(Counter.number == 2).name == "2"
    item = Item.get()
    assert (item.initials, item.pinyin, item.queue, item.papers) == (
        "JMSFZHL",
        "ju min shen fen zheng huan ling",
        None,
        ["户口簿"],
    )
    assert Bundle.get().items == ["I1"]
    assert (Staff.get().hall.code, Staff.get().role) == ("small", "agent")


def test_rules_and_hours_are_kept_as_given(write):
    hall = small_hall() | {"rules": {"guard_minutes": 45}}
    hall["hall"]["hours"] = {"week": {"1": [["09:00", "17:00"]]}, "holidays": "china"}
    load([write("hall.json", hall)])
    kept = Hall.get()
    assert kept.rules == {"guard_minutes": 45}
    assert kept.hours == {"week": {"1": [["09:00", "17:00"]]}, "holidays": "china"}


def test_the_order_of_the_file_is_the_place(write):
    hall = small_hall()
    hall["zones"] += [{"code": "a", "name": "甲"}, {"code": "b", "name": "乙", "place": 9}, {"code": "c", "name": "丙"}]
    load([write("hall.json", hall)])
    assert [zone.code for zone in Zone.select().order_by(Zone.place)] == ["east", "a", "c", "b"]


def test_two_halls_in_one_load_keep_apart(write):
    other = small_hall()
    other["hall"] = {"code": "other", "name": "另厅"}
    other["staff"][0]["login"] = "bob"
    report = load([write("one.json", small_hall()), write("two.json", other)])
    assert report.halls == ["other", "small"]
    assert Queue.select().count() == 4
    rows = [["hall", "code", "name"], ["small", "I8", "甲"], ["other", "I9", "乙"]]
    load([write("items.csv", rows)])
    assert Item.get(Item.code == "I9").hall.code == "other"


def test_a_folder_stands_for_its_files(write, tmp_path):
    write("hall.json", small_hall())
    write("items.csv", [["code", "name"], ["I2", "护照"]])
    write("notes.txt", "not for loading")
    write("~$items.xlsx", b"what Excel leaves while a file is open")
    load([tmp_path])
    assert Item.select().count() == 2


# -- tables -----------------------------------------------------------------------------------------------

CHINESE = [
    ["实施编码", "事项名称", "部门", "主题", "队列", "办理分钟", "所需材料", "常办程度"],
    ["I2", "增值税发票代开", "税务局", "税务", "tax", "8.5", "申报单；身份证;合同", "90"],
    ["I3", "护照签发", "", "", "", "", "", ""],
]


def assert_chinese_items_are_there():
    item = Item.get(Item.code == "I2")
    assert (item.name, item.department, item.theme, item.queue.code) == ("增值税发票代开", "税务局", "税务", "tax")
    assert (item.usual_minutes, item.papers, item.common) == (8.5, ["申报单", "身份证", "合同"], 90)
    blank = Item.get(Item.code == "I3")
    assert (blank.queue, blank.usual_minutes, blank.papers, blank.common) == (None, None, [], 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_each_encoding(small, write, encoding):
    text = "\r\n".join(",".join(row) for row in CHINESE)
    load([write("items.csv", text, encoding)])
    assert_chinese_items_are_there()


def workbook(**pages) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in pages.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_xlsx_with_a_sheet_a_kind(small, write):
    data = workbook(
        事项=[
            CHINESE[0],
            ["I2", "增值税发票代开", "税务局", "税务", "tax", 8.5, "申报单；身份证;合同", 90],
            ["I3", "护照签发"],
        ],
        counters=[
            ["窗口号", "窗口名称", "类型", "队列"],
            [3, "出件窗口", "出件", "tax general"],
            [4, None, "综合", "general"],
        ],
        说明=[["this sheet is nothing to load"]],
    )
    load([write("hall.xlsx", data)])
    assert_chinese_items_are_there()
    pickup = Counter.get(Counter.number == 3)
    assert (pickup.name, pickup.kind, serves(pickup)) == (
        "出件窗口",
        "pickup",
        ["tax", "general"],
    )
    assert (Counter.get(Counter.number == 4).name, Counter.get(Counter.number == 4).kind) == ("4", "comprehensive")


def test_xlsx_with_one_nameless_sheet_goes_by_the_file(small, write):
    load([write("items-2026.xlsx", workbook(Sheet1=CHINESE))])
    assert_chinese_items_are_there()


def test_english_headings_blank_lines_and_quoted_cells(small, write):
    load([write("Items.csv", 'Code, Name EN ,name,papers\n\nI2,"Tax, ""all""",税务,"一\n二"\n,,,\n')])
    item = Item.get(Item.code == "I2")
    assert (item.name_en, item.papers) == ('Tax, "all"', ["一", "二"])


def test_yes_and_no_in_both_languages(small, write):
    rows = [["编码", "名称", "权重", "需核验"]] + [
        [f"p{n}", "类", "2", word] for n, word in enumerate(["是", "yes", "1"])
    ]
    load([write("priorities.csv", rows + [["q", "类", "2", "否"], ["r", "类", "2", ""]])])
    assert {row.code: row.verify for row in PriorityClass.select()} == {
        "normal": False,
        "p0": True,
        "p1": True,
        "p2": True,
        "q": False,
        "r": False,
    }


def test_hours_in_a_cell_are_json(small, write):
    rows = [["code", "name", "prefix", "hours"], ["tax", "税务", "D", '{"week": {"1": [["09:00", "12:00"]]}}']]
    load([write("queues.csv", rows)])
    assert Queue.get(Queue.code == "tax").hours == {"week": {"1": [["09:00", "12:00"]]}}


# -- loading again ----------------------------------------------------------------------------------------


def test_the_same_again_changes_nothing(small, write):
    before = contents()
    report = load([write("hall.json", small)])
    assert contents() == before
    assert report.added.total() == report.updated.total() == 0


def test_what_is_there_is_updated_in_place(small, write):
    ids = {queue.code: queue.id for queue in Queue.select()}
    small["queues"][1] |= {"name": "办税", "prefix": "T", "zone": "east"}
    small["items"][0]["name"] = "护照"
    small["counters"][0]["queues"] = ["tax"]
    report = load([write("hall.json", small)])
    tax = Queue.get(Queue.code == "tax")
    assert (tax.id, tax.name, tax.prefix, tax.zone.code) == (ids["tax"], "办税", "T", "east")
    assert Item.get().initials == "HZ"
    assert serves(Counter.get(Counter.number == 1)) == ["tax"]
    assert report.updated == {"queues": 1, "items": 1, "counter queues": 1}


def test_two_queues_may_change_their_prefixes_over(small, write):
    small["queues"][0]["prefix"], small["queues"][1]["prefix"] = "D", "A"
    load([write("hall.json", small)])
    assert Queue.get(Queue.code == "tax").prefix == "A"


def test_a_column_that_is_left_out_keeps_what_is_there(small, write):
    load([write("items.csv", CHINESE)])
    load([write("items.csv", [["code", "name"], ["I2", "发票"]])])
    item = Item.get(Item.code == "I2")
    assert (item.name, item.theme, item.papers) == ("发票", "税务", ["申报单", "身份证", "合同"])
    load([write("items.csv", [["code", "name", "theme", "queue"], ["I2", "发票", "", ""]])])
    item = Item.get(Item.code == "I2")
    assert (item.theme, item.queue, item.common) == ("", None, 90)  # a blank cell empties


def test_rows_that_no_longer_appear_stay(small, write):
    del small["queues"][1], small["counters"][1], small["items"], small["staff"]
    small["counters"][0]["queues"] = ["general"]
    load([write("hall.json", small)])
    assert Queue.select().count() == 2 and Counter.select().count() == 2 and Item.select().count() == 1


def test_tickets_and_what_counters_are_doing_are_never_touched(cast, write):
    waiting = cast.issue(items=["T1"])
    serving = cast.serving()
    events = len(cast.events())
    before = contents()["Ticket"]
    rows = [["number", "name", "kind", "queues"], ["1", "新名", "special", "tax"]]
    items = [["code", "name", "queue"], ["T1", "改名", "general"]]
    load([write("counters.csv", rows), write("items.csv", items)])
    assert contents()["Ticket"] == before
    counter = Counter.get(Counter.number == 1)
    assert (counter.name, counter.state) == ("新名", "open")
    assert Ticket.get_by_id(serving.id).counter_id == counter.id
    assert Ticket.get_by_id(waiting.id).queue.code == "tax"
    assert len(cast.events()) == events


# -- staff ------------------------------------------------------------------------------------------------


def staff_rows(*rows):
    return [["login", "name", "role", "password"], *rows]


def hash_of(password: str) -> str:
    return f"hash of {password}"


def test_initial_passwords_are_hashed_and_never_reset(small, write):
    rows = staff_rows(["alice", "一号", "agent", "first-pass"], ["bob", "二号", "agent", "first-pass"])
    load([write("staff.csv", rows)], hash_of)
    assert {person.login: person.password_hash for person in Staff.select()} == {
        "alice": "hash of first-pass",  # had none until now
        "bob": "hash of first-pass",
    }
    Staff.update(password_hash="her own").where(Staff.login == "alice").execute()
    load([write("staff.csv", rows)], hash_of)
    assert Staff.get(Staff.login == "alice").password_hash == "her own"


def test_equal_passwords_are_hashed_once(small, write):
    asked = []
    rows = staff_rows(*[[f"a{n}", "窗口", "agent", "first-pass"] for n in range(40)])
    load([write("staff.csv", rows)], lambda password: asked.append(password) or "hash")
    assert asked == ["first-pass"]


def test_whoever_has_no_password_is_named(write):
    report = load([write("hall.json", small_hall())])
    assert Staff.get().password_hash == loading.NO_PASSWORD
    assert report.notes == ["Without a password, so they can not sign in yet: alice"]


def test_nothing_verifies_against_no_password():
    from counter.staff import matches

    assert not matches(loading.NO_PASSWORD, "")
    assert not matches(loading.NO_PASSWORD, loading.NO_PASSWORD)


def test_an_admin_belongs_to_no_hall_unless_one_is_named(small, write):
    rows = [["login", "name", "role", "hall"], ["root", "管理", "admin", ""], ["sub", "管理", "admin", "small"]]
    load([write("staff.csv", rows)])
    assert Staff.get(Staff.login == "root").hall is None
    assert Staff.get(Staff.login == "sub").hall.code == "small"


def test_another_role_or_a_disabled_account_ends_its_sessions(small, write):
    load([write("staff.csv", staff_rows(["alice", "一号", "manager", ""]))])
    assert Staff.get().epoch == 1
    load([write("staff.csv", [["login", "name", "role", "停用"], ["alice", "一号", "manager", "是"]])])
    assert (Staff.get().epoch, Staff.get().disabled) == (2, True)


def test_a_login_of_another_hall_is_not_taken_over(small, write):
    other = small_hall()
    other["hall"]["code"] = "other"
    assert refused(write("other.json", other)) == ["other.json, staff, row 1, login: alice belongs to another hall"]


# -- what is refused --------------------------------------------------------------------------------------


def changed(**parts):
    """The small hall with rows appended to its parts."""
    hall = small_hall()
    for kind, rows in parts.items():
        hall[kind] = hall[kind] + rows
    return hall


def queue(code="q", prefix="Q", **more):
    return {"code": code, "name": "队列", "prefix": prefix, **more}


@pytest.mark.parametrize(
    ("parts", "problems"),
    [
        (
            {"queues": [queue(prefix="a")]},
            ["h.json, queues, row 3, prefix: has the wrong form: 'a' does not match ^[A-Z]{1,4}$"],
        ),
        (
            {"queues": [queue(prefix="A1")]},
            ["h.json, queues, row 3, prefix: has the wrong form: 'A1' does not match ^[A-Z]{1,4}$"],
        ),
        (
            {"queues": [queue(prefix="ABCDE")]},
            ["h.json, queues, row 3, prefix: has the wrong form: 'ABCDE' does not match ^[A-Z]{1,4}$"],
        ),
        (
            {"queues": [queue(prefix="Ａ")]},
            ["h.json, queues, row 3, prefix: has the wrong form: 'Ａ' does not match ^[A-Z]{1,4}$"],
        ),
        (
            {"queues": [queue(prefix="D")]},
            [
                "h.json, queues, row 2, prefix: D belongs to more than one queue: tax, q",
                "h.json, queues, row 3, prefix: D belongs to more than one queue: tax, q",
            ],
        ),
        (
            {"queues": [queue(general=True)]},
            [
                "h.json, queues, row 1, general: general belongs to more than one queue: general, q",
                "h.json, queues, row 3, general: general belongs to more than one queue: general, q",
            ],
        ),
        (
            {"queues": [queue(departments=["税"]), queue("r", "R", departments=["税"])]},
            [
                "h.json, queues, row 3, departments: 税 belongs to more than one queue: q, r",
                "h.json, queues, row 4, departments: 税 belongs to more than one queue: q, r",
            ],
        ),
        (
            {"queues": [queue("tax")]},
            ["h.json, queues, row 3, code: tax stands already in h.json, queues, row 2"],
        ),
        (
            {"queues": [queue(zone="west")]},
            ["h.json, queues, row 3, zone: there is no west among the zones of small"],
        ),
        (
            {"queues": [queue(hours={"week": {"1": [["12:00", "09:00"]]}})]},
            ["h.json, queues, row 3, hours: the hours of weekday 1 overlap, touch or run backwards"],
        ),
        (
            {"counters": [{"number": 1}]},
            ["h.json, counters, row 3, number: 1 stands already in h.json, counters, row 1"],
        ),
        (
            {"counters": [{"number": 3, "queues": ["tax", "no", "none"]}]},
            [
                "h.json, counters, row 3, queues: there is no no among the queues of small",
                "h.json, counters, row 3, queues: there is no none among the queues of small",
            ],
        ),
        ({"counters": [{"number": 3, "queues": ["tax", "tax"]}]}, ["h.json, counters, row 3, queues: names tax twice"]),
        (
            {"counters": [{"number": 3, "kind": "magic"}]},
            ["h.json, counters, row 3, kind: Input should be 'comprehensive', 'special', 'pickup' or 'guide'"],
        ),
        (
            {"items": [{"code": "I2", "name": "事", "queue": "no"}]},
            ["h.json, items, row 2, queue: there is no no among the queues of small"],
        ),
        (
            {"bundles": [{"code": "B2", "name": "事", "items": ["I1", "I9"]}]},
            ["h.json, bundles, row 2, items: there is no I9 among the items of small"],
        ),
        ({"items": [{"code": "I2"}]}, ["h.json, items, row 2, name: is missing"]),
        ({"items": [{"code": "I2", "name": ""}]}, ["h.json, items, row 2, name: is missing"]),
        ({"items": [{"code": "I2", "name": "事", "nmae": "事"}]}, ["h.json, items, row 2, nmae: is not known here"]),
        (
            {"items": [{"code": "I2", "name": "坏\u0000"}]},
            ["h.json, items, row 2, name: has a control character or a line break in it"],
        ),
        ({"zones": [{"code": "z z", "name": "区"}]}, [r"h.json, zones, row 2, code: has the wrong form: 'z z'"]),
        (
            {"staff": [{"login": "bob", "name": "二号", "role": "boss"}]},
            ["h.json, staff, row 2, role: Input should be 'desk', 'agent', 'manager' or 'admin'"],
        ),
        (
            {"staff": [{"login": "bob", "name": "二号", "role": "agent", "password": "short"}]},
            ["h.json, staff, row 2, password: "],
        ),
    ],
)
def test_bad_rows_are_named(write, parts, problems):
    told = refused(write("h.json", changed(**parts)))
    assert len(told) == len(problems)
    assert all(line.startswith(start) for line, start in zip(told, problems, strict=True)), told


@pytest.mark.parametrize(
    ("hall", "problem"),
    [
        ({"timezone": "Asia/Jinan"}, "h.json, hall, row 1, timezone: is no IANA time zone such as Asia/Shanghai"),
        ({"timezone": "../etc"}, "h.json, hall, row 1, timezone: is no IANA time zone such as Asia/Shanghai"),
        ({"hours": {"week": {}}}, "h.json, hall, row 1, hours: no weekday has hours"),
        ({"hours": "nine to five"}, "h.json, hall, row 1, hours: is not valid JSON"),
        ({"code": ""}, "h.json, hall, row 1, code: is missing"),
    ],
)
def test_a_bad_hall_is_named_once(write, hall, problem):
    description = small_hall()
    description["hall"] |= hall
    assert refused(write("h.json", description), write("items.csv", CHINESE)) == [problem]


def test_bad_rules_are_refused(write):
    hall = small_hall() | {"rules": {"guard_minutes": -1, "guard": 3}}
    assert refused(write("h.json", hall)) == [
        "h.json, hall, row 1, rules.guard_minutes: Input should be greater than 0",
        "h.json, hall, row 1, rules.guard: is not known here",
    ]


def test_a_hall_needs_a_general_queue_and_the_normal_class(write):
    hall = small_hall()
    hall["queues"][0]["general"] = False
    assert refused(write("h.json", hall)) == ["small: has no general queue, for the items that are mapped to none"]
    hall = small_hall()
    hall["priorities"][0]["code"] = "usual"
    assert refused(write("h.json", hall)) == ["small: has no priority class `normal`"]


def test_what_the_database_has_counts_too(small, write):
    rows = [["code", "name", "prefix", "general"], ["new", "新", "D", "是"]]
    assert refused(write("queues.csv", rows)) == [
        "queues.csv, row 2, prefix: D belongs to more than one queue: tax, new",
        "queues.csv, row 2, general: general belongs to more than one queue: general, new",
    ]


def test_every_bad_row_of_every_file_is_named_by_its_own_heading(small, write):
    items = [["编码", "名称", "办理分钟"], ["I2", "事", "long"], ["I3", "", "5"], ["I4", "事", "0"]]
    zones = [["code", "name"], ["a", "甲"], ["a", "乙"]]
    assert refused(write("items.csv", items), write("zones.csv", zones)) == [
        "items.csv, row 2, 办理分钟: Input should be a valid number, unable to parse string as a number",
        "items.csv, row 3, 名称: is missing",
        "items.csv, row 4, 办理分钟: Input should be greater than 0",
        "zones.csv, row 3, code: a stands already in zones.csv, row 2",
    ]


def test_what_refers_to_a_bad_row_is_not_named_besides(write):
    hall = small_hall()
    hall["queues"][1]["prefix"] = "d"
    assert len(refused(write("h.json", hall))) == 1


def test_wrong_headings_are_named(small, write):
    rows = [["code", "name", "编码", "colour"], ["I2", "事", "I2", "red"]]
    assert refused(write("items.csv", rows)) == [
        "items.csv, row 1, code: stands there twice",
        "items.csv, row 1, 编码: stands there twice",
        "items.csv, row 1, colour: is no column of items",
    ]


def test_a_cell_beyond_the_headings_is_named(small, write):
    assert refused(write("items.csv", "code,name\nI2,事,,\nI3,事,x\n")) == [
        "items.csv, row 3: has more cells than there are headings"
    ]


def test_rows_need_a_hall(write):
    assert refused(write("zones.csv", [["code", "name"], ["a", "甲"]])) == [
        "zones.csv, row 2, hall: must be named: there is no hall yet, or more than one"
    ]


def test_an_unknown_hall_is_named(small, write):
    rows = [["大厅", "编码", "名称"], ["nowhere", "a", "甲"]]
    assert refused(write("zones.csv", rows)) == ["zones.csv, row 2, 大厅: there is no hall nowhere"]


@pytest.mark.parametrize("number", [3701120000000000000, 1.0e17])
def test_a_code_that_excel_made_a_number_is_refused(small, write, number):
    told = refused(write("items.xlsx", workbook(items=[["code", "name"], [number, "事"]])))
    assert told == ["items.xlsx, items, row 2, code: must be text (in a spreadsheet: format the column as text)"]


# -- files that are no good -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("hall.txt", "x", "hall.txt: is neither .json nor .csv nor .xlsx"),
        ("things.csv", "code\n", "things.csv: has none of the known names: zones, priorities, queues"),
        ("items.csv", "", "items.csv: is empty"),
        ("items.csv", b"\xff\xff\xff", "items.csv: is neither UTF-8 nor GB18030 text"),
        ("items.csv", 'code,name\nI2,"never closed\n', "items.csv: is no valid CSV"),
        ("items.csv", "code,name\nI2," + "x" * 200_000, "items.csv: is no valid CSV"),
        ("h.json", "{", "h.json: is not valid JSON"),
        ("h.json", "[" * 100_000, "h.json: is not valid JSON"),
        ("h.json", "[]", "h.json: must be one object with the parts hall, rules, zones"),
        ("h.json", {"halls": []}, "h.json, halls: is no part of a hall's description"),
        ("h.json", {"hall": []}, "h.json: hall must be an object"),
        ("h.json", {"hall": {"code": ["x"], "name": "x"}}, "h.json, hall, row 1, code: must be text"),
        ("h.json", {"queues": {"a": 1}}, "h.json, queues: must be a list of objects"),
        ("h.json", {"queues": ["a"]}, "h.json, queues: must be a list of objects"),
        ("items.xlsx", b"not a zip", "items.xlsx: is no valid .xlsx"),
        ("items.xlsx", b"PK\x05\x06" + b"\0" * 18, "items.xlsx: is no valid .xlsx"),
        ("hall.xlsx", workbook(one=[["a"]], two=[["b"]]), "hall.xlsx: has no sheet with a known name"),
        ("items.xlsx", workbook(items=[]), "items.xlsx, items: is empty"),
    ],
)
def test_an_unreadable_file_is_named(write, name, content, problem):
    told = refused(write(name, content))
    assert len(told) == 1 and told[0].startswith(problem), told


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert refused(tmp_path / "items.csv") == ["items.csv: can not be read: No such file or directory"]


def test_a_file_that_is_too_large_is_not_read(write, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_BYTES", 100)
    assert refused(write("items.csv", "x" * 101)) == ["items.csv: is larger than 0 MB"]


def test_too_many_rows_are_refused_in_each_format(write, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    rows = [["code", "name"], *[[f"I{n}", "事"] for n in range(4)]]
    hall = {"hall": {"code": "x", "name": "x"}, "zones": [{"code": f"z{n}", "name": "区"} for n in range(5)]}
    for path in (write("items.csv", rows), write("items.xlsx", workbook(items=rows)), write("h.json", hall)):
        assert refused(path) == [f"{path.name}: has more than 3 rows"]


def test_a_zip_bomb_is_not_unpacked(write):
    """400 MB of zeros in 400 kB, as a workbook's sheet."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/sheet1.xml", "w") as sheet:
        for _ in range(400):
            sheet.write(b"\0" * 1_000_000)
    assert len(data.getvalue()) < 1_000_000
    assert refused(write("items.xlsx", data.getvalue())) == ["items.xlsx: is larger than 200 MB when unpacked"]


def test_an_xml_bomb_is_not_expanded(write):
    good = workbook(items=[["code", "name"], ["I2", "LOL"]])
    entities = '<!DOCTYPE x [<!ENTITY a0 "lol">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(data, "w") as new:
        for member in old.infolist():
            text = old.read(member)
            if member.filename.startswith("xl/worksheets/"):
                body = text.decode().partition("?>")[2] or text.decode()
                text = (entities + "]>" + body.replace("LOL", "&a9;")).encode()
            new.writestr(member, text)
    told = refused(write("items.xlsx", data.getvalue()))
    assert told[0].startswith("items.xlsx: is no valid .xlsx")


def test_load_is_the_outermost_transaction(write):
    from ticketing.table import database

    with database.atomic(), pytest.raises(RuntimeError):
        load([write("hall.json", small_hall())])


# -- the documentation ------------------------------------------------------------------------------------

DATA_MD = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text("utf-8")


def examples(language: str) -> list[tuple[str, str]]:
    """(section, text) of each example of the documentation in this language."""
    sections = re.findall(r"^###? ([\w ]+).*?\n(.*?)(?=^##|\Z)", DATA_MD, re.MULTILINE | re.DOTALL)
    return [
        (name, text) for name, body in sections for text in re.findall(rf"```{language}\n(.*?)```", body, re.DOTALL)
    ]


def test_the_documented_tables_are_right():
    kinds = []
    for kind, text in examples("csv"):
        problems = []
        rows = list(csv.reader(io.StringIO(text)))
        entries = sheets.checked(sheets.table("data.md", kind, rows, problems), problems)
        assert problems == [] and len(entries) == len(rows) - 1
        kinds.append(kind)
    assert set(kinds) == set(sheets.KINDS) - {"bundles"}


def test_the_documented_hall_and_hours_are_right():
    hall, bundles, hours = (json.loads(text) for _, text in examples("json"))
    sheets.ROWS["hall"].model_validate(hall["hall"] | {"rules": hall["rules"], "hours": hours})
    assert bundles.keys() == {"bundles"}


def test_every_field_and_heading_is_documented():
    fields = {name for row in sheets.KINDS.values() for name in row.model_fields}
    undocumented = [name for name in sorted(fields) if f"`{name}`" not in DATA_MD]
    headings = [title for title in sheets.HEADINGS if title not in DATA_MD]
    assert (undocumented, headings) == ([], [])
