"""An event's words, language by language."""

from types import SimpleNamespace

import pytest

from display import announce

HALL = SimpleNamespace(code="licheng", timezone="Asia/Shanghai", last_seq=42)
AT = 1_700_000_000_000  # 2023-11-15 06:13:20 +08:00


def rules(**chosen):
    return SimpleNamespace(languages=chosen.get("languages", ["zh-CN", "en"]), speak_seconds=60, day_starts="06:00")


def call(number="A001", name="3", counter=3, **more):
    return {"number": number, "counter": counter, "counter_name": name, "queue": "general", **more}


def words(public, **chosen):
    return announce.words("ticket.called", public, HALL, rules(**chosen), AT)


@pytest.mark.parametrize(
    ("number", "name", "shown", "said"),
    [
        ("A001", "3", "请A001号到3号窗口办理", "请A零零一号到三号窗口办理"),
        ("B120", "12", "请B120号到12号窗口办理", "请B一二零号到十二号窗口办理"),
        ("A1000", "20", "请A1000号到20号窗口办理", "请A一零零零号到二十号窗口办理"),
        ("VIP007", "101", "请VIP007号到101号窗口办理", "请V I P零零七号到一百零一号窗口办理"),
        ("A002", "2", "请A002号到2号窗口办理", "请A零零二号到二号窗口办理"),
        ("A009", "出件窗口", "请A009号到出件窗口办理", "请A零零九号到出件窗口办理"),
        ("A010", "综合12号窗口", "请A010号到综合12号窗口办理", "请A零一零号到综合十二号窗口办理"),
        ("A011", "综合3号", "请A011号到综合3号窗口办理", "请A零一一号到综合三号窗口办理"),
        ("A012", "A3", "请A012号到A3号窗口办理", "请A零一二号到A三号窗口办理"),
        ("0123", "7", "请0123号到7号窗口办理", "请零一二三号到七号窗口办理"),
    ],
)
def test_a_chinese_call_is_shown_in_figures_and_spoken_in_words(number, name, shown, said):
    called = words(call(number, name))
    assert called["speech"]["zh-CN"] == shown
    assert called["spoken"]["zh-CN"] == said


@pytest.mark.parametrize(
    ("public", "shown", "said"),
    [
        (
            call("A001", "3"),
            "Ticket A001, please go to counter 3",
            "Ticket A zero zero one, please go to counter three",
        ),
        (
            call("VIP120", "12", 12),
            "Ticket VIP120, please go to counter 12",
            "Ticket V I P one two zero, please go to counter twelve",
        ),
        (
            call("A009", "出件窗口", 31, counter_name_en="Pick-up"),
            "Ticket A009, please go to Pick-up",
            "Ticket A zero zero nine, please go to Pick-up",
        ),
        (  # no English name: the counter's number says where
            call("A009", "出件窗口", 31),
            "Ticket A009, please go to counter 31",
            "Ticket A zero zero nine, please go to counter thirty-one",
        ),
        (
            call("A010", "综合12号", 12, counter_name_en="General B12"),
            "Ticket A010, please go to General B12",
            "Ticket A zero one zero, please go to General B twelve",
        ),
    ],
)
def test_an_english_call(public, shown, said):
    called = words(public)
    assert called["speech"]["en"] == shown
    assert called["spoken"]["en"] == said


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ("0", "零"), ("1", "一"), ("2", "二"), ("10", "十"), ("11", "十一"), ("19", "十九"), ("20", "二十"),
        ("21", "二十一"), ("99", "九十九"), ("100", "一百"), ("101", "一百零一"), ("110", "一百一十"),
        ("112", "一百一十二"), ("999", "九百九十九"), ("1000", "一千"), ("1002", "一千零二"),
        ("1010", "一千零一十"), ("2019", "二千零一十九"), ("9999", "九千九百九十九"), ("10000", "一零零零零"),
        ("007", "七"),
    ],
)  # fmt: skip
def test_whole_numbers_in_chinese(figures, said):
    assert announce.whole_zh(figures) == said


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ("0", "zero"), ("7", "seven"), ("10", "ten"), ("13", "thirteen"), ("20", "twenty"),
        ("45", "forty-five"), ("100", "one hundred"), ("101", "one hundred and one"),
        ("999", "nine hundred and ninety-nine"), ("1000", "one zero zero zero"),
    ],
)  # fmt: skip
def test_whole_numbers_in_english(figures, said):
    assert announce.whole_en(figures) == said


def test_only_the_halls_languages_in_its_order():
    called = words(call(), languages=["en", "zh-CN"])
    assert list(called["speech"]) == ["en", "zh-CN"]
    assert [url.split("?")[0] for url in called["audio"]] == [
        "/audio/licheng/42/en.wav",
        "/audio/licheng/42/zh-CN.wav",
    ]


def test_a_language_without_words_is_left_out():
    assert list(words(call(), languages=["zh-CN", "ug"])["speech"]) == ["zh-CN"]


def test_it_is_to_be_spoken_until_the_halls_seconds_are_over():
    assert words(call())["speak_until"] == "2023-11-15T06:14:20.000+08:00"


def test_a_call_knows_its_business_day():
    before_six = announce.words("ticket.called", call(), HALL, rules(), AT - 3600_000)
    assert before_six["business_date"] == "2023-11-14"
    assert words(call())["business_date"] == "2023-11-15"


def test_a_recall_says_the_same():
    recalled = announce.words("ticket.recalled", call(), HALL, rules(), AT)
    assert recalled["speech"] == words(call())["speech"]


def test_other_words_at_the_same_seq_have_another_address():
    assert words(call("A001"))["audio"] != words(call("A002"))["audio"]
