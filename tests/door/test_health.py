"""Liveness, readiness, and figures that tell what happened, cheaply, and nothing about anybody."""

import re
import time
from itertools import count

import pytest
from peewee import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from door import metrics
from tests.cast import CODE
from ticketing import db
from ticketing.errors import Refusal
from ticketing.models import Hall
from ticketing.table import database


class Figures:
    """What /metrics says now, and by how much a figure has grown since this was made."""

    def __init__(self, client):
        self.client = client
        self.before = self.read()

    def read(self):
        answer = self.client.get("/metrics")
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.get_data(as_text=True))
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def now(self, name, **labels):
        return self.read().get((f"yichuang_{name}", frozenset(labels.items())))

    def grown(self, name, **labels):
        key = (f"yichuang_{name}", frozenset(labels.items()))
        return self.read().get(key, 0) - self.before.get(key, 0)


@pytest.fixture
def figures(client):
    return Figures(client)


def test_it_is_alive_whatever_the_database_does(client, monkeypatch):
    monkeypatch.setattr(Hall, "select", fail)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_it_is_ready_with_a_hall_loaded(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_it_is_not_ready_without_a_hall(app, monkeypatch):
    monkeypatch.setattr(Hall, "select", classmethod(lambda cls: Nothing()))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "no hall is loaded"})


def test_it_is_not_ready_without_its_database(client, monkeypatch):
    monkeypatch.setattr(Hall, "select", fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (503, {"status": "database does not answer"})


class Nothing:
    def count(self):
        return 0


def fail(*_):
    raise OperationalError("the server closed the connection")


# -- figures -------------------------------------------------------------------------------------------------------


def test_verbs_are_counted_by_how_they_ended(door, figures):
    issued = {"queue": "general"}
    door.post(f"/halls/{CODE}/tickets", issued, "kiosk", Idempotency_Key="one")
    door.post(f"/halls/{CODE}/tickets", issued, "kiosk", Idempotency_Key="one")
    door.at(1, "open")
    door.at(1, "call")
    door.at(1, "call")
    assert figures.grown("verbs_total", verb="issue_ticket", result="ok") == 1
    assert figures.grown("verbs_total", verb="issue_ticket", result="repeated") == 1
    assert figures.grown("verbs_total", verb="call_ticket", result="ok") == 1
    assert figures.grown("verbs_total", verb="call_ticket", result="counter_busy") == 1
    assert figures.grown("verb_seconds_count", verb="call_ticket") == 2


def test_a_verb_that_breaks_is_an_error(cast, figures):
    def verb(change):
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        cast.write(verb)
    assert figures.grown("verbs_total", verb="test_health", result="error") == 1


def test_commits_are_counted_with_the_writes_they_carry(cast, figures):
    cast.issue()
    cast.issue()
    assert figures.grown("commit_writes_count") == 2
    assert figures.grown("commit_writes_sum") == 2
    assert figures.grown("commit_writes_bucket", le="1.0") == 2
    assert figures.grown("commit_seconds_count") == 2


def test_a_batch_is_one_commit_with_many_writes(cast, figures):
    jobs = [db.Job(CODE, lambda change: change.append("notice.posted"), None) for _ in range(5)]
    jobs[2].verb = refuse
    db.commit(jobs)
    assert figures.grown("commit_writes_count") == 1
    assert figures.grown("commit_writes_sum") == 5


def refuse(change):
    raise Refusal("not_waiting")


def test_a_commit_that_fails_is_none(cast, figures, monkeypatch):
    monkeypatch.setattr(type(database.obj), "commit", fail)
    with pytest.raises(OperationalError):
        cast.issue()
    monkeypatch.undo()
    assert figures.grown("commit_writes_count") == 0
    assert figures.grown("verbs_total", verb="cast", result="error") == 1


def test_who_waits_is_told_by_hall_and_queue(cast, figures):
    cast.issue()
    cast.issue()
    cast.issue("tax")
    assert figures.now("waiting", hall=CODE, queue="general") == 2
    assert figures.now("waiting", hall=CODE, queue="tax") == 1
    assert figures.now("waiting", hall=CODE, queue="pickup") == 0


def test_the_lag_of_the_tail_is_what_it_has_not_pushed(app, cast, figures):
    tail = app.extensions["push"].tail
    assert figures.now("tail_lag", hall=CODE) is None  # nobody listens: there is nothing to push
    tail.follow(cast.hall.id, 0)
    cast.issue()
    cast.issue()
    assert figures.now("tail_lag", hall=CODE) == 2
    tail.look(beat=False)
    assert figures.now("tail_lag", hall=CODE) == 0


def test_sockets_and_clips_are_told(app, figures):
    for namespace in ("/board", "/counter", "/manager", "/ticket"):
        assert figures.now("sockets", namespace=namespace) == 0
    app.extensions["voice"].wanted.put_nowait(("请A001号到3号窗口办理", "zh-CN"))
    assert figures.now("voice_queue") == 1


def test_requests_are_counted_by_endpoint_and_status(cast, door, figures):
    ticket = cast.issue()
    door.get(f"/tickets/{ticket.id}")
    door.get("/tickets/unknown")
    figures.client.get("/nowhere/at/all")
    assert figures.grown("http_requests_total", endpoint="tickets.show_ticket", status="200") == 1
    assert figures.grown("http_requests_total", endpoint="tickets.show_ticket", status="404") == 1
    assert figures.grown("http_requests_total", endpoint="unknown", status="404") == 1
    assert figures.grown("http_request_seconds_count", endpoint="tickets.show_ticket") == 2


def test_figures_come_without_the_database_too(client, figures, monkeypatch):
    assert figures.now("database_up") == 1
    monkeypatch.setattr(Hall, "select", fail)
    assert figures.now("database_up") == 0
    assert figures.now("sockets", namespace="/board") == 0


def test_no_figure_tells_of_anybody(cast, door, figures):
    person = {"name": "王小明", "phone": "13800138000", "id_number": "11010519491231002X"}
    ticket = door.post(f"/halls/{CODE}/tickets", {"queue": "general", **person}, "kiosk").json
    door.get(f"/tickets/{ticket['id']}")
    door.get(f"/halls/{CODE}/items?q=13800138000")
    text = figures.client.get("/metrics").get_data(as_text=True)
    for secret in (*person.values(), ticket["id"], ticket["number"], *(value[1] for value in tokens(door))):
        assert secret not in text


def tokens(door):
    return (header.split() for _, headers in door.kept.values() for header in headers.values() if " " in header)


def test_every_figure_is_told_in_the_documentation(client):
    named = set(re.findall(r"^# TYPE (yichuang_\w+)", client.get("/metrics").get_data(as_text=True), re.MULTILINE))
    with open("docs/monitoring.md", encoding="utf-8") as page:
        told = set(re.findall(r"`(yichuang_\w+)`", page.read()))
    assert named - told == set()
    assert told - named == set()


def test_counting_costs_little(app):
    """A request counts once and a verb once; what both cost together is far below what either takes (about 1 ms)."""
    writes, job = metrics.Writes(), db.Job(CODE, lambda change: None, None)
    rounds = 200

    def once():
        began = time.thread_time()
        for _ in range(rounds):
            writes.wrote(job, 0.001)
            writes.committed(1, 0.001)
            app.process_response(answer)
        return (time.thread_time() - began) / rounds

    with app.test_request_context("/healthz"):
        app.preprocess_request()
        answer = app.make_response("ok")
        cost = min(once() for _ in range(5))
    assert cost < 0.0005, f"{cost * 1e6:.0f} µs"


def test_the_request_count_never_goes_wrong(app, client):
    """However a request ends, it is no longer under way."""
    traffic = app.extensions["traffic"]
    for path in ("/healthz", "/nowhere", "/api/v1/halls", "/static/css/base.css"):
        client.get(path).close()
    assert traffic.under_way == 0
    traffic.application = fail
    with pytest.raises(OperationalError):
        client.get("/healthz")
    assert traffic.under_way == 0


def test_a_process_that_stops_asks_for_a_new_connection(app, client):
    assert "Connection" not in client.get("/healthz").headers
    app.extensions["traffic"].leaving = True
    assert client.get("/healthz").headers["Connection"] == "close"


def test_a_stop_waits_for_what_is_begun(app, monkeypatch):
    import app as composition

    class Steps:
        """The server's sleep, during which a request ends; it takes two of them."""

        def __init__(self):
            self.slept = count(1)
            self.server = app.extensions["socketio"].server

        def sleep(self, _):
            traffic.under_way = max(0, 2 - next(self.slept))

    traffic, steps = app.extensions["traffic"], Steps()
    monkeypatch.setitem(app.extensions, "socketio", steps)
    traffic.under_way = 2
    composition.finish(app)
    assert traffic.under_way == 0
    assert next(steps.slept) == 3
