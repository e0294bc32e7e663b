"""Holds every answer to the OpenAPI document: its status and its media type are declared, it has the declared shape
and nothing that the shape does not tell."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from door.api import BASE
from door.openapi import document


@cache
def closed_document() -> dict[str, Any]:
    """The document with every object closed: a field that it does not tell is a fault."""
    whole = copy.deepcopy(document())
    for schema in whole["components"]["schemas"].values():
        close(schema)
    return whole


def close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


@cache
def validator(ref: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": ref, "components": closed_document()["components"]})


def told_path(rule: str) -> str:
    """A Flask rule as the document writes it: <int:id> → {id}."""
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule)


def hold(app: Flask, method: str, response: TestResponse) -> None:
    """Fails on an answer that the document does not tell."""
    path = response.request.path
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        return  # nothing is declared at that address
    if not rule.rule.startswith(BASE) or method == "OPTIONS":
        return
    operation = closed_document()["paths"][told_path(rule.rule)]["get" if method == "HEAD" else method.lower()]
    faults = list(faults_of(operation, response, with_body=method != "HEAD"))
    assert not faults, f"{method} {path} → {response.status_code}: {faults}"


def faults_of(operation: dict[str, Any], response: TestResponse, with_body: bool) -> Iterator[str]:
    told = operation["responses"].get(str(response.status_code))
    if told is None:
        yield f"status not told: {response.get_data(as_text=True)[:200]}"
        return
    content = told.get("content")
    if content is None:
        if response.get_data():
            yield "a body where none is told"
        return
    if response.mimetype not in content:
        yield f"{response.mimetype} is not told"
        return
    if not with_body:
        return
    if response.mimetype == "application/problem+json" and f"`{response.json['code']}`" not in told["description"]:
        yield f"refusal not told: {response.json['code']}"
    ref = content[response.mimetype]["schema"].get("$ref")
    if ref:
        for error in validator(ref).iter_errors(response.json):
            yield f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
