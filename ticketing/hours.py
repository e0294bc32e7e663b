"""Opening hours: pure functions of a hall's (or queue's) hours and its own wall clock.

The shape, all parts optional but `week`; `null` instead of the whole means around the clock:

    {"week": {"1": [["09:00", "12:00"], ["13:00", "17:00"]], …},   1 = Monday … 7 = Sunday; no entry = closed
     "holidays": "china",       the official calendar closes holidays and opens make-up workdays
     "closed": ["2026-10-08"],  closed whatever else says
     "open": ["2026-10-07"]}    a working day whatever the calendar says

A working day whose weekday has no hours of its own (a Saturday that makes up for a holiday) has those of the first
weekday that has some."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

import chinese_calendar
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

LOOK_AHEAD_DAYS = 30

Clock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Span = tuple[Clock, Clock]  # from, until (not included); never past midnight: "24:00" ends a day
Weekday = Literal["1", "2", "3", "4", "5", "6", "7"]


class Hours(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    week: dict[Weekday, list[Span]]
    holidays: Literal["china"] | None = None
    closed: list[date] = []
    open: list[date] = []

    @model_validator(mode="after")
    def makes_sense(self) -> "Hours":
        if not any(self.week.values()):
            raise ValueError("no weekday has hours")
        for weekday, spans in self.week.items():
            edges = [edge for span in spans for edge in span]
            if any(earlier >= later for earlier, later in zip(edges, edges[1:], strict=False)):
                raise ValueError(f"the hours of weekday {weekday} overlap, touch or run backwards")
        both = sorted(set(self.closed) & set(self.open))
        if both:
            raise ValueError(f"{both[0]} is both closed and open")
        return self


def is_open(hours: dict[str, Any] | None, local: datetime) -> bool:
    """Whether `local`, the wall clock of the hall, is within the hours."""
    if hours is None:
        return True
    now = local.strftime("%H:%M")
    return any(start <= now < end for start, end in spans_on(parsed(hours), local.date()))


def next_opening(hours: dict[str, Any] | None, local: datetime) -> datetime | None:
    """The first moment from `local` on that is open (`local` itself when it is open now), aware of the same zone;
    None when LOOK_AHEAD_DAYS bring none."""
    if is_open(hours, local):
        return local
    for start in openings(parsed(hours or {}), local.date()):
        opening = datetime.combine(start.date(), start.time(), local.tzinfo)
        if opening > local:
            return opening
    return None


def openings(hours: Hours, first: date) -> Iterator[datetime]:
    for day in (first + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS + 1)):
        for start, _ in spans_on(hours, day):
            yield datetime.combine(day, time.fromisoformat(start))


def spans_on(hours: Hours, day: date) -> list[Span]:
    """The open spans of one day: `closed`, then `open`, then the calendar, then the week decides."""
    own = week_of(hours).get(day.isoweekday(), [])
    if day in hours.closed:
        return []
    if day in hours.open:
        return own or usual(hours)
    working = official(day) if hours.holidays == "china" else None
    if working is None:
        return own
    return (own or usual(hours)) if working else []


def usual(hours: Hours) -> list[Span]:
    return next(spans for _, spans in sorted(week_of(hours).items()) if spans)


def week_of(hours: Hours) -> dict[int, list[Span]]:
    return {int(weekday): spans for weekday, spans in hours.week.items()}


@lru_cache(maxsize=512)
def official(day: date) -> bool | None:
    """True: a make-up workday, False: a public holiday of China, None: a day like any other of its weekday.

    Source: the State Council's yearly notice, as the chinesecalendar package has it. It appears each November
    for the next year; in a year the package does not know yet every day is like any other, so a week of Monday to
    Friday goes on as Monday to Friday. `closed` and `open` fill the gap."""
    try:
        off, festival = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    return None if festival is None else not off


def parsed(hours: dict[str, Any]) -> Hours:
    return Hours.model_validate(hours)
