"""Time. Instants are whole milliseconds since 1970-01-01 UTC: one integer, the same on every database."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Instant = int  # milliseconds since the epoch, UTC


def now() -> Instant:
    return time.time_ns() // 1_000_000


def local(at: Instant, timezone: str) -> datetime:
    """The wall clock of a hall, aware of its offset."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone))


def rfc3339(at: Instant | None, timezone: str) -> str | None:
    """RFC 3339 with the hall's offset and milliseconds, as the contract's times are written."""
    return None if at is None else local(at, timezone).isoformat(timespec="milliseconds")


def instant(moment: datetime) -> Instant:
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return round(moment.timestamp() * 1000)


def business_date(at: Instant, timezone: str, day_starts: str = "00:00") -> str:
    """ISO date of the business day that `at` falls in; it begins at `day_starts` of the hall's own clock."""
    there = local(at, timezone)
    hours, minutes = (int(part) for part in day_starts.split(":"))
    if (there.hour, there.minute) < (hours, minutes):
        return (there.date() - timedelta(days=1)).isoformat()
    return there.date().isoformat()


def as_date(text: str) -> date:
    return date.fromisoformat(text)
