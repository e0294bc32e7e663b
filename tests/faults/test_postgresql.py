"""PostgreSQL goes away under load and comes back: coded refusals meanwhile, screens that keep their lines, and no
request lost to a connection that died."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.faults.judge import judge
from tests.live.conftest import HALL, until
from tests.live.people import keys

PARALLEL = 12


@pytest.fixture
def server(cluster, start_server):
    cluster.flush_each_commit()
    return start_server()


def asked(server, people, method, path):
    role = "board" if path == "/board" else "kiosk"
    headers = {"Authorization": f"Bearer {people.tokens[role]}", "Idempotency-Key": next(keys)}
    body = {"queue": "general"} if method == "POST" else None
    return requests.request(method, server.api(f"/halls/{HALL}{path}"), json=body, headers=headers, timeout=20)


def refused_in_order(server, people):
    """Each door says by its own code that nothing can be stored; the process itself is well."""
    with ThreadPoolExecutor() as crowd:
        doors = [("GET", "/queues"), ("GET", "/board"), ("POST", "/tickets")]
        answers = [crowd.submit(asked, server, people, *door) for door in doors]
        readiness = crowd.submit(requests.get, f"{server.url}/readyz", timeout=20)
        assert requests.get(f"{server.url}/healthz", timeout=5).status_code == 200
        assert readiness.result().status_code == 503
        for answer in (each.result() for each in answers):
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
            assert answer.json()["code"] in ("busy", "no_storage")
            assert answer.headers["Retry-After"]


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_restart_under_load(cluster, server, day_at, figure, mode):
    day = day_at(server)
    day.goes_on(acts=50)
    cluster.stop(mode)
    refused_in_order(server, day.people)
    cluster.start()
    began = time.monotonic()
    until(server.answers, "the server to be ready again")
    figure("ready again after", time.monotonic() - began)
    figure("converged within", day.converged())
    day.goes_on()
    judge(day)
    assert day.refused.total() > 0 and day.unanswered == 0
    assert [board.arrivals for board in day.boards] == [1] * 3


def test_a_freeze_under_load(cluster, server, day_at, figure):
    """The machine hangs, and its kernel goes on answering: nothing in the network tells."""
    day = day_at(server)
    day.goes_on(acts=50)
    cluster.freeze()
    try:
        refused_in_order(server, day.people)
    finally:
        cluster.thaw()
    began = time.monotonic()
    until(server.answers, "the server to be ready again")
    figure("ready again after", time.monotonic() - began)
    figure("converged within", day.converged())
    day.goes_on()
    judge(day)
    assert day.refused.total() > 0 and day.unanswered == 0


def test_connections_that_died_cost_no_request(cluster, server, day_at):
    """Many lie in the pool when PostgreSQL restarts; nobody works at that moment."""
    day = day_at(server)
    with ThreadPoolExecutor(PARALLEL) as crowd:

        def all_at_once(method, path):
            work = [crowd.submit(asked, server, day.people, method, path) for _ in range(2 * PARALLEL)]
            return [each.result().status_code for each in work]

        assert set(all_at_once("GET", "/queues")) == {200}
        judge(day)
        cluster.stop("fast")
        cluster.start()
        assert set(all_at_once("GET", "/queues")) == {200}
        cluster.stop("fast")
        cluster.start()
        assert set(all_at_once("POST", "/tickets")) == {201}
