"""Which queue a visit joins, and who is next: pure functions over plain facts.

Who is next, by the hall's order:

- `weighted` (default): the greatest weight(class) × waited seconds, ties by issue order; a ticket older than the
  guard goes before all that are not. With weights 1 and 4 an applicant of a priority class who has waited 5 minutes
  (score 1200) goes before a normal one of 19 minutes (1140) and behind a normal one of 21 (1260): nobody starves, and
  the mean waits follow the weights (Kleinrock's time-dependent priorities; docs/architecture.md has figures).
- `strict`: class rank, then arrival.

Tickets put in front go before every other, earlier fronts first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

NEVER = float("inf")


@dataclass(frozen=True)
class Policy:
    """A hall's rule: weights and ranks by class code; the guard in milliseconds."""

    weights: dict[str, float]
    ranks: dict[str, int]
    guard_ms: float
    strict: bool = False

    def weight(self, priority: str) -> float:
        return self.weights.get(priority, 1.0)

    def rank(self, priority: str) -> int:
        return self.ranks.get(priority, 0)


class Place(NamedTuple):
    """What the rule needs to know of a waiting ticket. Instants in milliseconds."""

    id: str
    priority: str
    arrived_at: int
    front_seq: int | None
    issue_seq: int


def key(place: Place, now: int, policy: Policy) -> tuple[float, float, float, int]:
    """Sort key at `now`: the smallest is called first."""
    front = NEVER if place.front_seq is None else place.front_seq
    if policy.strict:
        return (front, policy.rank(place.priority), place.arrived_at, place.issue_seq)
    waited = now - place.arrived_at
    return (
        front,
        0 if waited > policy.guard_ms else 1,
        -policy.weight(place.priority) * waited,
        place.issue_seq,
    )


def first(places: Iterable[Place], now: int, policy: Policy) -> Place | None:
    return min(places, key=lambda place: key(place, now, policy), default=None)


def in_order(places: Iterable[Place], now: int, policy: Policy) -> list[Place]:
    return sorted(places, key=lambda place: key(place, now, policy))


def arrival_behind(others: Sequence[Place], behind: int, priority: str, now: int, policy: Policy) -> int:
    """The arrival that puts a ticket of `priority` behind the first `behind` of `others` (in order), asked now.

    Fronts are always before it. In the strict order a ticket never leaves its class, so it goes behind those of
    its class among them. With fewer others than asked it goes to the tail."""
    if behind >= len(others):
        return now
    passed = [place for place in others[:behind] if place.front_seq is None]
    if policy.strict:
        own = [place for place in passed if policy.rank(place.priority) == policy.rank(priority)]
        return own[-1].arrived_at + 1 if own else min((p.arrived_at for p in others), default=now) - 1
    if not passed:
        return oldest_arrival(others, now, policy, priority)
    last = passed[-1]
    waited = now - last.arrived_at
    same_score = waited * policy.weight(last.priority) / policy.weight(priority)
    if waited <= policy.guard_ms:
        same_score = min(same_score, policy.guard_ms)
    elif same_score <= policy.guard_ms:
        same_score = policy.guard_ms + 1  # behind one older than the guard: exactly as old, before all younger ones
    return min(now, now - int(same_score) + 1)


def oldest_arrival(others: Sequence[Place], now: int, policy: Policy, priority: str) -> int:
    """The arrival that puts a ticket before all of `others` that are not in front."""
    best = max((policy.weight(p.priority) * (now - p.arrived_at) for p in others), default=0)
    waited = best / policy.weight(priority) + 1
    if any(now - p.arrived_at > policy.guard_ms for p in others):
        waited = max(waited, policy.guard_ms + 1)
    return now - int(waited) - 1


def queue_of(wanted: Sequence[int | None], general: int) -> int:
    """The queue of a visit with several items: theirs when they agree, else the general one, where any
    comprehensive counter takes them all at one window. None stands for an unmapped item."""
    queues = {general if queue is None else queue for queue in wanted}
    return queues.pop() if len(queues) == 1 else general
