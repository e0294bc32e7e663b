"""docs/events.md names every type of event the verbs write, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TYPE = re.compile(r"[\"`]((?:ticket|counter|queue|notice|day)\.[a-z_]+)[\"`]")


def types_in(text):
    return set(TYPE.findall(text))


def test_the_document_and_the_verbs_name_the_same_types():
    written = set()
    for package in ("ticketing", "counter"):
        for file in (ROOT / package).glob("*.py"):
            written |= types_in(file.read_text("utf-8"))
    table = (ROOT / "docs" / "events.md").read_text("utf-8").split("## Types")[1].split("## An announcement")[0]
    assert types_in(table) == written
