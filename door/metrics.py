"""Figures for Prometheus: what each means is told in docs/monitoring.md. A label is the name of a verb, a code, an
endpoint, a hall, a queue or a namespace: never an address, an id or a person."""

import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ticketing import clock, db
from ticketing.errors import Refusal
from ticketing.models import Hall, Queue

disable_created_metrics()  # a second series for each, which nobody asks for

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

VERBS = Counter("yichuang_verbs", "Verbs by how they ended: ok, repeated, a refusal's code, error", ["verb", "result"])
VERB_SECONDS = Histogram("yichuang_verb_seconds", "A verb, with its wait and commit", ["verb"], buckets=SECONDS)
COMMIT_WRITES = Histogram("yichuang_commit_writes", "Writes committed together", buckets=(1, 2, 4, 8, 16, 32, 64))
COMMIT_SECONDS = Histogram("yichuang_commit_seconds", "One transaction with all its writes", buckets=SECONDS)
REQUESTS = Counter("yichuang_http_requests", "HTTP requests answered", ["endpoint", "status"])
REQUEST_SECONDS = Histogram("yichuang_http_request_seconds", "An HTTP request", ["endpoint"], buckets=SECONDS)
UNDER_WAY = Gauge("yichuang_http_requests_under_way", "HTTP requests being answered now")


class Writes:
    """Counts what ticketing/db.py tells it."""

    def wrote(self, job: db.Job, seconds: float) -> None:
        verb = name_of(job)
        VERBS.labels(verb, result_of(job)).inc()
        VERB_SECONDS.labels(verb).observe(seconds)

    def committed(self, writes: int, seconds: float) -> None:
        COMMIT_WRITES.observe(writes)
        COMMIT_SECONDS.observe(seconds)


def name_of(job: db.Job) -> str:
    """The handler that asked (`call_ticket`); the module of a timed pass (`sweep`)."""
    if has_request_context() and request.endpoint:
        return request.endpoint.rpartition(".")[2]
    verb: Any = getattr(job.verb, "func", job.verb)  # of a partial
    return verb.__module__.rpartition(".")[2]


def result_of(job: db.Job) -> str:
    if isinstance(job.error, Refusal):
        return job.error.code
    if job.error is not None:
        return "error"
    return "repeated" if job.repeated else "ok"


class Now(Collector):
    """How this process and its halls stand, read when somebody asks."""

    def __init__(self, app: Flask):
        self.app = app

    def collect(self) -> Iterator[GaugeMetricFamily]:
        push = self.app.extensions["push"]
        sockets = GaugeMetricFamily("yichuang_sockets", "Sockets connected to this process", labels=["namespace"])
        for namespace, count in push.listening().items():
            sockets.add_metric([namespace], count)
        yield sockets
        yield GaugeMetricFamily("yichuang_clock_step_seconds", "A step not followed yet", clock.steady.step())
        yield GaugeMetricFamily("yichuang_voice_queue", "Clips waiting to be made", push.voice.wanted.qsize())
        try:
            with db.connection():
                halls = list(Hall.select(Hall.id, Hall.code, Hall.last_seq))
                queues = list(Queue.select(Queue.hall, Queue.code, Queue.waiting))
        except db.UNAVAILABLE:
            yield GaugeMetricFamily("yichuang_database_up", "Whether the database answers", 0)
            return
        yield GaugeMetricFamily("yichuang_database_up", "Whether the database answers", 1)
        yield waiting(halls, queues)
        yield lag(halls, push.tail.cursors)


def waiting(halls: list[Hall], queues: list[Queue]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("yichuang_waiting", "Tickets waiting", labels=["hall", "queue"])
    codes = {hall.id: hall.code for hall in halls}
    for queue in queues:
        if queue.hall_id in codes:  # else it was loaded between the two reads
            family.add_metric([codes[queue.hall_id], queue.code], queue.waiting)
    return family


def lag(halls: list[Hall], cursors: dict[int, int]) -> GaugeMetricFamily:
    """Of the halls this process follows: somebody listens, or has listened."""
    family = GaugeMetricFamily("yichuang_tail_lag", "Events in the log that are not pushed yet", labels=["hall"])
    for hall in halls:
        if hall.id in cursors:
            family.add_metric([hall.code], max(0, hall.last_seq - cursors[hall.id]))
    return family


def figures(app: Flask) -> bytes:
    UNDER_WAY.set(app.extensions["traffic"].under_way)
    now = CollectorRegistry(auto_describe=False)
    now.register(Now(app))
    return generate_latest() + generate_latest(now)


def count(response: Response) -> Response:
    endpoint = request.endpoint or "unknown"
    REQUESTS.labels(endpoint, response.status_code).inc()
    REQUEST_SECONDS.labels(endpoint).observe(time.perf_counter() - g.began)
    return response


def init_metrics(app: Flask) -> None:
    app.after_request(count)
    db.observers = [Writes()]
