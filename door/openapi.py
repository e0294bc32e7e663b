"""The OpenAPI 3.1 document, assembled from what each endpoint declares."""

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from door.api import BASE, ROUTES, Route
from ticketing.errors import REFUSALS

VERSION = "0.1.0"
REF = "#/components/schemas/{model}"
PARAMETERS = {
    "hall": ("string", "the hall's code"),
    "counter": ("integer", "the counter's number in the hall"),
    "ticket": ("string", "the ticket's unguessable id"),
    "queue": ("string", "the queue's code"),
    "notice": ("integer", "the notice's id"),
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(REFUSALS)},
        "state": {"type": "string", "description": "what the ticket or counter is instead"},
        "kinds": {"type": "array", "items": {"type": "string"}, "description": "of identity: any of them will do"},
        "blocked_until": {"type": "string", "description": "when this person may take numbers again"},
        "queue": {"type": "string", "description": "the queue that refuses"},
        "counter": {"type": "integer", "description": "the counter that has it instead"},
        "calls_left": {"type": "integer", "description": "calls that a no-show still needs"},
        "seconds_left": {"type": "number", "description": "seconds until a no-show is allowed"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


@cache
def document() -> dict[str, Any]:
    models = {model for route in ROUTES.items for model in (route.body, route.answer) if model}
    _, definitions = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda m: m.__name__)], ref_template=REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES.items:
        path = BASE + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Yichuang",
            "version": VERSION,
            "description": "Queue and one-window counters of a government service hall. Times are RFC 3339 with "
            "offset, durations seconds. Every refusal is application/problem+json with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}) | {"Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
            },
        },
    }


def operation(route: Route) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": path_parameters(route) + query_parameters(route.query) + key_parameter(route),
        "responses": responses(route),
        "security": [{"token": []}, {"session": []}] if route.who else [],
    }
    if route.who:
        told["description"] = "For " + ", ".join(route.who) + "."
    if route.body is not None:
        told["requestBody"] = {
            "required": any(field.is_required() for field in route.body.model_fields.values()),
            "content": {"application/json": {"schema": {"$ref": REF.format(model=route.body.__name__)}}},
        }
    return told


def path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PARAMETERS.get(name, ("string", name))[1],
            "schema": {"type": PARAMETERS.get(name, ("string", name))[0]},
        }
        for name in re.findall(r"<(?:\w+:)?(\w+)>", route.path)
    ]


def query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "description": part.get("description", name),
            "schema": {key: value for key, value in part.items() if key not in ("title", "description")},
        }
        for name, part in schema["properties"].items()
    ]


def key_parameter(route: Route) -> list[dict[str, Any]]:
    if route.method != "POST":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "the same key answers with the first result for 24 hours and changes nothing more",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
        }
    ]


def responses(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        success["content"] = {route.media: {"schema": {"$ref": REF.format(model=route.answer.__name__)}}}
    elif route.status != 204:
        schema = {"type": "object"} if route.media == "application/json" else {"type": "string", "format": "binary"}
        success["content"] = {route.media: {"schema": schema}}
    for media in route.other_media:
        success["content"][media] = {"schema": {"type": "string", "format": "binary"}}
    told = {str(route.status): success}
    if "nobody" in route.refusals:
        told["204"] = {"description": "nobody waits"}
    by_status: dict[int, list[str]] = {}
    for code in possible_refusals(route):
        by_status.setdefault(REFUSALS[code][0], []).append(code)
    for status, codes in sorted(by_status.items()):
        told[str(status)] = {
            "description": ", ".join(f"`{code}`" for code in codes),
            "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}},
        }
    return told


def possible_refusals(route: Route) -> list[str]:
    codes = ["unauthorized"] if route.who else []
    named = re.findall(r"<(?:\w+:)?(\w+)>", route.path)
    codes += [f"unknown_{name}" for name in named if f"unknown_{name}" in REFUSALS]
    codes += ["forbidden"] if route.who else []
    if route.method != "GET":
        codes += ["bad_csrf", "bad_json", "too_large", "not_json"]
    if route.method == "POST":
        codes += ["bad_idempotency_key", "idempotency_mismatch", "in_progress"]
    codes += ["invalid", "too_many_requests", "internal", "busy", "no_storage"]
    return codes + [code for code in route.refusals if code != "nobody"]
