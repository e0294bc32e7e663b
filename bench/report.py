"""How a figure is told: beside its yardstick of the same run, as a ratio."""

import platform
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import cpu_count
from statistics import median

QUIET = 0.25  # of a core; a figure during which others took more is worth less, and says so
COLUMNS = ("figure", "database", "measured", "yardstick", "ratio", "goal", "")


@dataclass
class Figure:
    """`ratio` is measured by yardstick; it has to reach `goal`, or where `at_most` stay below it."""

    name: str
    database: str
    measured: str
    yardstick: str
    ratio: float
    goal: float
    at_most: bool = False
    others: float = 0.0  # share of a core that programs that are not ours took meanwhile
    notes: list[str] = field(default_factory=list)

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def row(self) -> tuple[str, ...]:
        goal = f"{'≤' if self.at_most else '≥'} {self.goal:g}"
        verdict = "met" if self.is_met else "NOT met"
        if self.others > QUIET:
            verdict += f" (others took {share(self.others)})"
        return self.name, self.database, self.measured, self.yardstick, f"{self.ratio:.2f}", goal, verdict

    def tell(self) -> None:
        name, database, measured, yardstick, ratio, goal, verdict = self.row()
        print(f"{name} [{database}]\n  {measured}  against  {yardstick}:  {ratio}  (goal {goal}: {verdict})")
        for note in self.notes:
            print(f"    {note}")
        print(flush=True)


def markdown(figures: Iterable[Figure]) -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(figure.row() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def circumstances(postgresql: str = "") -> str:
    told = [
        time.strftime("%Y-%m-%d"),
        f"{cpu_count()} cores shared by servers, databases and load client",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
    ]
    return ", ".join(told + ([postgresql] if postgresql else []))


def quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(values: list[float]) -> str:
    """Milliseconds of a list of seconds."""
    told = ", ".join(f"p{share} {1000 * quantile(values, share / 100):.1f}" for share in (50, 90, 99))
    return f"{told} ms (n {len(values)})"


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def cpu(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {share(part)}" for name, part in shares.items()) + " of a core"


def share(part: float) -> str:
    return f"{100 * part:.0f} %"


def middle(values: Iterable[float]) -> float:
    return median(values)
