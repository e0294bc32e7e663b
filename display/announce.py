"""An event's words in each language: what is shown and what is spoken. Pure.

Shown, a call reads "请A001号到3号窗口办理". Spoken, digits of the ticket come one by one and the window as a
number: "请A零零一号到三号窗口办理". A window with a name of its own (出件窗口) is called by its name.
Both are fixed when the event is written, so that every board and every replay says the same."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ticketing import clock

DIGITS_ZH = "零一二三四五六七八九"
DIGITS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS_EN = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS_EN = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
GREATEST = 9999  # numbers above are read digit by digit


@dataclass(frozen=True)
class Number:
    """A ticket's number, A001: spoken letter by letter and digit by digit."""

    text: str


@dataclass(frozen=True)
class Window:
    """What people read on a window: 3号窗口, 出件窗口, counter 12. Spoken, its figures are whole numbers."""

    text: str


Part = str | Number | Window


def call_zh(call: dict[str, Any]) -> list[Part]:
    return ["请", Number(call["number"]), "号到", Window(window_zh(call["counter_name"])), "办理"]


def call_en(call: dict[str, Any]) -> list[Part]:
    return ["Ticket ", Number(call["number"]), ", please go to ", Window(window_en(call))]


TEMPLATES: dict[str, Callable[[dict[str, Any]], list[Part]]] = {"zh-CN": call_zh, "en": call_en}


def window_zh(name: str) -> str:
    """3 → 3号窗口, 综合3号 → 综合3号窗口, A3 → A3号窗口; any other name is read as it stands."""
    if re.search(r"\d$", name):
        return f"{name}号窗口"
    if re.search(r"\d号$", name):
        return f"{name}窗口"
    return name


def window_en(call: dict[str, Any]) -> str:
    name = call.get("counter_name_en") or call["counter_name"]
    if name.isascii() and not name.isdigit():
        return name
    return f"counter {name if name.isdigit() else call['counter']}"


def words(type: str, public: dict[str, Any], hall: Any, rules: Any, at: int) -> dict[str, Any]:
    """What a call's event says: `speech` to show, `spoken` to say, `audio` clips, until when to say it, its day.

    `hall` has code, timezone and last_seq (the event's own seq)."""
    parts = {language: TEMPLATES[language](public) for language in rules.languages if language in TEMPLATES}
    spoken_words = {language: spoken(of, language) for language, of in parts.items()}
    return {
        "speech": {language: shown(of) for language, of in parts.items()},
        "spoken": spoken_words,
        "audio": [audio_url(hall.code, hall.last_seq, *said) for said in spoken_words.items()],
        "speak_until": clock.rfc3339(at + round(rules.speak_seconds * 1000), hall.timezone),
        "business_date": clock.business_date(at, hall.timezone, rules.day_starts),
    }


def audio_url(hall: str, seq: int, language: str, text: str) -> str:
    """The words are part of the address: a log that was restored gives a seq again, with other words."""
    return f"/audio/{hall}/{seq}/{language}.wav?v={hashlib.sha256(text.encode()).hexdigest()[:12]}"


def shown(parts: list[Part]) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def spoken(parts: list[Part], language: str) -> str:
    say = {"zh-CN": say_zh, "en": say_en}[language]
    return "".join(part if isinstance(part, str) else say(part) for part in parts)


def say_zh(part: Number | Window) -> str:
    if isinstance(part, Number):
        return spelled(part.text, lambda digit: DIGITS_ZH[int(digit)], between_digits="")
    return re.sub(r"\d+", lambda figures: whole_zh(figures[0]), part.text)


def say_en(part: Number | Window) -> str:
    if isinstance(part, Number):
        return spelled(part.text, lambda digit: DIGITS_EN[int(digit)], between_digits=" ")
    separate = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", part.text)
    return re.sub(r"\d+", lambda figures: whole_en(figures[0]), separate)


def spelled(number: str, digit: Callable[[str], str], between_digits: str) -> str:
    """VIP001 → V I P零零一 or V I P zero zero one: letters apart, so that no voice makes a word of them."""
    letters = " ".join(re.findall(r"[^\W\d_]", number))
    digits = between_digits.join(digit(one) for one in re.findall(r"[0-9]", number))
    return between_digits.join(part for part in (letters, digits) if part)


def whole_zh(figures: str) -> str:
    """3 → 三, 12 → 十二, 20 → 二十, 101 → 一百零一, 110 → 一百一十, 1002 → 一千零二."""
    number = int(figures)
    if number > GREATEST:
        return "".join(DIGITS_ZH[int(one)] for one in figures)
    if number == 0:
        return DIGITS_ZH[0]
    said, skipped = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit == 0:
            skipped = bool(said)
            continue
        said += (DIGITS_ZH[0] if skipped else "") + DIGITS_ZH[digit] + name
        skipped = False
    return said.removeprefix("一") if 10 <= number < 20 else said


def whole_en(figures: str) -> str:
    """3 → three, 12 → twelve, 45 → forty-five, 101 → one hundred and one."""
    number = int(figures)
    if number > 999:
        return " ".join(DIGITS_EN[int(one)] for one in figures)
    hundreds, rest = divmod(number, 100)
    said = [f"{DIGITS_EN[hundreds]} hundred"] if hundreds else []
    if rest or not hundreds:
        said.append(below_hundred_en(rest))
    return " and ".join(said)


def below_hundred_en(number: int) -> str:
    if number < 10:
        return DIGITS_EN[number]
    if number < 20:
        return TEENS_EN[number - 10]
    tens, ones = divmod(number, 10)
    return TENS_EN[tens] + (f"-{DIGITS_EN[ones]}" if ones else "")
