from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ticketing.hours import Hours, is_open, next_opening

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = [["09:00", "12:00"], ["13:00", "17:00"]]
OFFICE = {"week": {str(weekday): DAY for weekday in range(1, 6)}, "holidays": "china"}
WEEK_ONLY = {"week": OFFICE["week"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_no_hours_mean_around_the_clock():
    assert is_open(None, at("2026-10-01T03:00"))
    assert next_opening(None, at("2026-10-01T03:00")) == at("2026-10-01T03:00")


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-23T08:59:59", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T11:59:59", True),
        ("2026-11-23T12:00:00", False),  # the end is not included
        ("2026-11-23T13:00:00", True),
        ("2026-11-23T17:00:00", False),
        ("2026-11-21T10:00:00", False),  # a Saturday
    ],
)
def test_the_week_decides_on_an_ordinary_day(moment, open_):
    assert is_open(OFFICE, at(moment)) is open_


def test_public_holidays_are_closed():
    assert not is_open(OFFICE, at("2026-10-01T10:00"))  # a Thursday
    assert is_open(WEEK_ONLY, at("2026-10-01T10:00"))  # … only where the calendar counts


def test_make_up_workdays_are_open_with_the_first_weekdays_hours():
    assert is_open(OFFICE, at("2026-10-10T10:00"))  # a Saturday that makes up for National Day
    assert not is_open(OFFICE, at("2026-10-10T12:30"))
    assert not is_open(WEEK_ONLY, at("2026-10-10T10:00"))


def test_an_ordinary_saturday_with_hours_stays_open_beside_the_calendar():
    hours = {"week": {**OFFICE["week"], "6": [["09:00", "12:00"]]}, "holidays": "china"}
    assert is_open(hours, at("2026-11-21T10:00"))
    assert not is_open(hours, at("2026-10-03T10:00"))  # Saturday in the National Day holiday
    assert not is_open(hours, at("2026-10-10T14:00"))  # its own Saturday hours, made-up or not


def test_a_year_the_calendar_does_not_know_goes_by_the_week():
    assert is_open(OFFICE, at("2099-01-01T10:00"))  # a Thursday
    assert not is_open(OFFICE, at("2099-01-03T10:00"))


def test_closed_and_open_days_go_before_the_calendar():
    hours = OFFICE | {"closed": ["2026-11-23", "2026-10-10"], "open": ["2026-10-01", "2026-11-21"]}
    assert not is_open(hours, at("2026-11-23T10:00"))
    assert not is_open(hours, at("2026-10-10T10:00"))
    assert is_open(hours, at("2026-10-01T10:00"))
    assert is_open(hours, at("2026-11-21T10:00"))


def test_a_day_may_last_until_midnight():
    hours = {"week": {"1": [["20:00", "24:00"]], "2": [["00:00", "01:00"]]}}
    assert is_open(hours, at("2026-11-23T23:59:59"))
    assert is_open(hours, at("2026-11-24T00:30"))
    assert not is_open(hours, at("2026-11-24T01:00"))


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-23T10:00", "2026-11-23T10:00"),  # open now
        ("2026-11-23T07:00", "2026-11-23T09:00"),
        ("2026-11-23T12:30", "2026-11-23T13:00"),
        ("2026-11-27T17:00", "2026-11-30T09:00"),  # Friday evening → Monday
        ("2026-09-30T18:00", "2026-10-08T09:00"),  # over National Day
        ("2026-10-09T18:00", "2026-10-10T09:00"),  # a make-up Saturday
    ],
)
def test_the_next_opening(now, opening):
    assert next_opening(OFFICE, at(now)) == at(opening)


def test_no_opening_within_thirty_days_is_none():
    every_day = [f"2026-12-{day:02d}" for day in range(1, 32)]
    assert next_opening(OFFICE | {"closed": every_day}, at("2026-12-01T08:00")) is None
    assert next_opening(OFFICE | {"closed": every_day}, at("2026-12-02T08:00")) == at("2027-01-01T09:00")


@given(st.datetimes(min_value=datetime(2025, 12, 1), max_value=datetime(2027, 2, 1)))
def test_it_is_closed_until_the_next_opening_and_open_then(moment):
    now = moment.replace(tzinfo=SHANGHAI)
    opening = next_opening(OFFICE, now)
    assert opening is not None and opening >= now
    assert is_open(OFFICE, opening)
    assert is_open(OFFICE, now) == (opening == now)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "week"),
        ({"week": {}}, "no weekday has hours"),
        ({"week": {"1": []}}, "no weekday has hours"),
        ({"week": {"8": DAY}}, "week"),
        ({"week": {"1": [["9:00", "12:00"]]}}, "pattern"),
        ({"week": {"1": [["09:00", "25:00"]]}}, "pattern"),
        ({"week": {"1": [["12:00", "09:00"]]}}, "backwards"),
        ({"week": {"1": [["09:00", "12:00"], ["11:00", "13:00"]]}}, "overlap"),
        ({"week": {"1": DAY}, "holidays": "france"}, "china"),
        ({"week": {"1": DAY}, "closed": ["tomorrow"]}, "date"),
        ({"week": {"1": DAY}, "closed": ["2026-10-10"], "open": ["2026-10-10"]}, "both closed and open"),
        ({"week": {"1": DAY}, "lunch": "12:00"}, "lunch"),
    ],
)
def test_wrong_hours_are_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        Hours.model_validate(wrong)
