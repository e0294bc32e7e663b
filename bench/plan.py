"""Who comes to the hall, when and for what: a day made from a seed. Seconds are the hall's own."""

from dataclasses import dataclass
from random import Random
from typing import Any

DAY = 8 * 3600.0
PEAKS = ((1.5 * 3600, 0.45), (5.5 * 3600, 0.35))  # (middle, share of the day's applicants); the rest any time
PEAK_WIDTH = 40 * 60.0
WALK = 25.0  # mean seconds from the call to the counter
BUSY = 0.8  # share of the open counters' time that the day's visits take

# How visits go; all but a few are finished where they were begun.
FATES = (
    ("no_show", 0.06),
    ("cancel", 0.03),
    ("postpone", 0.02),
    ("transfer", 0.04),
    ("transfer_to_counter", 0.01),
    ("hold", 0.04),
    ("finish", 0.80),
)


@dataclass
class Applicant:
    arrives: float
    wish: dict[str, Any]  # body of the issue request
    walk: float
    service: float
    fate: str
    comes_back: bool  # after a missed call
    called_again: bool  # needs a second call
    asks_twice: bool  # the kiosk's answer is lost, and it asks again with the same key
    patience: float  # with the fate `cancel`: gives up after this
    ticket: str = ""
    number: str = ""


@dataclass
class Hall:
    """What the plan needs to know of a hall."""

    items: dict[str, list[dict[str, Any]]]  # by queue code
    bundles: list[str]
    counters: dict[int, list[str]]  # the open ones: number → queue codes


def open_counters(counters: list[dict[str, Any]], wanted: int) -> dict[int, list[str]]:
    """So many counters that together serve as many queues as they can."""
    chosen: dict[int, list[str]] = {}
    covered: set[str] = set()
    for counter in counters:
        if not covered.issuperset(counter["queues"]):
            chosen[counter["counter"]] = counter["queues"]
            covered.update(counter["queues"])
    for counter in counters:
        chosen.setdefault(counter["counter"], counter["queues"])
    return dict(sorted(list(chosen.items())[:wanted]))


def applicants(hall: Hall, tickets: int, seed: int) -> list[Applicant]:
    chance = Random(seed)
    service = mean_service(hall, tickets / DAY)
    return [applicant(hall, at, service, chance) for at in sorted(arrival(chance) for _ in range(tickets))]


def steady_applicants(hall: Hall, seconds: float, a_second: float, seed: int) -> list[Applicant]:
    """One after the other at even distances, for so long."""
    chance, service = Random(seed), mean_service(hall, a_second)
    return [applicant(hall, place / a_second, service, chance) for place in range(int(seconds * a_second))]


def mean_service(hall: Hall, a_second: float) -> float:
    """Seconds a visit may take, so that the counters are as busy as they should be."""
    return max(20.0, BUSY * len(hall.counters) / a_second - WALK)


def arrival(chance: Random) -> float:
    draw = chance.random()
    for middle, share in PEAKS:
        if draw < share:
            return min(DAY, max(0.0, chance.gauss(middle, PEAK_WIDTH)))
        draw -= share
    return chance.uniform(0, DAY)


def applicant(hall: Hall, at: float, service: float, chance: Random) -> Applicant:
    return Applicant(
        arrives=at,
        wish=wish(hall, chance),
        walk=chance.lognormvariate(0, 0.5) * WALK,
        service=chance.lognormvariate(-0.35, 0.83) * service,  # mean 1, coefficient of variation 1
        fate=chance.choices([name for name, _ in FATES], [share for _, share in FATES])[0],
        comes_back=chance.random() < 0.6,
        called_again=chance.random() < 0.1,
        asks_twice=chance.random() < 0.02,
        patience=chance.expovariate(1 / 300),
    )


def wish(hall: Hall, chance: Random) -> dict[str, Any]:
    """Queues are asked for as their counters can take it; inside a queue the commoner items more often."""
    draw = chance.random()
    told: dict[str, Any]
    if draw < 0.02 and hall.bundles:
        told = {"bundle": chance.choice(hall.bundles)}
    else:
        queues = chance.choice(list(hall.counters.values()))
        queue = chance.choice(queues)
        items = hall.items.get(queue, [])
        told = {"queue": queue} if draw < 0.3 or not items else {"items": some(items, chance)}
    if chance.random() < 0.05:
        told["priority"] = "military"
    return told


def some(items: list[dict[str, Any]], chance: Random) -> list[str]:
    count = 1 if chance.random() < 0.8 else min(2, len(items))
    picked = chance.choices(items, [1 + item["common"] for item in items], k=count)
    return list(dict.fromkeys(item["code"] for item in picked))
