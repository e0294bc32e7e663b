"""Liveness, readiness and figures for the watchers; outside the API's base."""

import orjson
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST

from door import metrics
from ticketing import db
from ticketing.models import Hall

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    return Response(orjson.dumps({"status": "ok"}), mimetype="application/json")


@health.get("/readyz")
def ready() -> Response:
    """200 when the database answers and a hall is loaded, else 503 with the reason."""
    try:
        with db.connection():
            halls = db.healed(Hall.select().count)
    except db.UNAVAILABLE:
        return Response(orjson.dumps({"status": "database does not answer"}), 503, mimetype="application/json")
    status = "ok" if halls else "no hall is loaded"
    return Response(orjson.dumps({"status": status}), 200 if halls else 503, mimetype="application/json")


@health.get("/metrics")
def figures() -> Response:
    return Response(metrics.figures(current_app), content_type=CONTENT_TYPE_LATEST)
