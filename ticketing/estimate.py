"""How long somebody will wait, as a range: pure functions.

The queue-length estimator: with `ahead` before one, `servers` windows and mean service time m, the wait is the sum of
ahead + 1 departures at m / servers each, so about a gamma variable of shape ahead + 1. Against the day of field data
it errs about half as much as "what the last one waited" and a third as much as an hour's average.
Its quantiles come from the Wilson–Hilferty approximation (Proc. Nat. Acad. Sci. 17, 1931), within 2 % here."""

from collections.abc import Iterable

Z = {"p50": 0.0, "p90": 1.2816}  # standard normal quantiles


def wait_range(ahead: float, servers: float, idle: int, mean_service: float) -> dict[str, float] | None:
    """Seconds until called as {p50, p90}; None when nobody serves.

    `servers` may be a fraction: the share of windows that is this queue's. `idle` windows take the first ones
    at once. `mean_service` in seconds."""
    if servers <= 0:
        return None
    departures = ahead + 1 - idle
    if departures <= 0:
        return {"p50": 0.0, "p90": 0.0}
    scale = mean_service / servers
    return {name: round(scale * gamma_quantile(departures, z), 1) for name, z in Z.items()}


def gamma_quantile(shape: float, z: float) -> float:
    """Quantile of a gamma variable with unit scale, at standard normal quantile z."""
    return shape * max(0.0, 1 - 1 / (9 * shape) + z / (3 * shape**0.5)) ** 3


def servers_for(queue: str, waiting: dict[str, int], open_counters: Iterable[Iterable[str]]) -> float:
    """The windows' worth of service a queue gets: each open counter that serves it gives the share of its work that
    waits in this queue (one more counted, so that an empty queue is served too)."""
    total = 0.0
    for queues in open_counters:
        served = set(queues)
        if queue in served:
            total += (waiting.get(queue, 0) + 1) / (sum(waiting.get(q, 0) for q in served) + 1)
    return total


def running_mean(mean: float | None, usual: float, sample: float, memory: int = 20) -> float:
    """The next running mean of service times: starts from the usual one, forgets over about `memory` services."""
    return (usual if mean is None else mean) + (sample - (usual if mean is None else mean)) / memory
