"""Time. Instants are whole milliseconds since 1970-01-01 UTC: one integer, the same on every database.

A hall PC's clock is wrong now and then: an empty battery starts it in another year, somebody sets it by hand, the
network puts it right. So a step is not followed at once (`Steady`), and a hall's own time never runs backwards
(ticketing/db.py)."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Instant = int  # milliseconds since the epoch, UTC


STEP_MS = 60_000  # a greater difference is a step; a smaller one is drift, and time servers mend it
BELIEVE_MS = 10 * 60_000  # a clock that has stepped is followed after it has stood so long

logger = logging.getLogger("yichuang.clock")


def wall() -> Instant:
    return time.time_ns() // 1_000_000


def ran() -> Instant:
    """Since the machine started, its sleep included; nobody can set this clock."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


class Steady:
    """The wall clock without its steps: one that is taken back within BELIEVE_MS never happened."""

    def __init__(self, wall: Callable[[], Instant] = wall, ran: Callable[[], Instant] = ran):
        self.wall, self.ran = wall, ran
        self.offset = wall() - ran()
        self.guessed = False  # the time is the newest one known, and any later clock is a better one
        self.stepped: tuple[Instant, Instant] | None = None  # offset of the stepped clock, and since when

    def now(self) -> Instant:
        offset, ran = self.wall() - self.ran(), self.ran()
        if self.follows(offset, ran):
            self.offset, self.guessed, self.stepped = offset, False, None
        return ran + self.offset

    def follows(self, offset: Instant, ran: Instant) -> bool:
        step = offset - self.offset
        if abs(step) <= STEP_MS or (self.guessed and step > 0):
            return True
        if self.stepped is None or abs(offset - self.stepped[0]) > STEP_MS:
            self.stepped = (offset, ran)
            logger.warning("the clock stepped by %+d s; it is followed if it stays so", step // 1000)
        return ran - self.stepped[1] >= BELIEVE_MS

    def not_before(self, newest: Instant) -> None:
        """At the start: a clock that is behind what was already written is wrong; go on from there."""
        if newest - self.now() > STEP_MS:
            self.offset, self.guessed = newest - self.ran(), True

    def step(self) -> float:
        """Seconds by which the machine's clock differs from the time told: 0 but for a step not followed yet."""
        return (self.wall() - self.now()) / 1000


steady = Steady()


def now() -> Instant:
    return steady.now()


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
