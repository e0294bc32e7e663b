"""The board's snapshot and the feeds' events (contract §3, §4 and §6); docs/events.md tells each field."""

from typing import Any, Literal

from pydantic import Field

from ticketing.shapes import Input, Output


class BoardCall(Output):
    seq: int
    at: str
    type: Literal["ticket.called", "ticket.recalled"]
    number: str
    counter: int
    counter_name: str
    zone: str | None
    queue: str
    speech: dict[str, str] = Field(description="to show, by language")
    spoken: dict[str, str] = Field(description="the same as a voice has to read it: digits one by one")
    audio: list[str] = Field(description="clips of `spoken`, in the order of the hall's languages")
    speak_until: str
    business_date: str


class BoardCounter(Output):
    counter: int
    name: str
    name_en: str
    zone: str | None
    kind: str
    state: Literal["closed", "open", "paused"]
    number: str | None
    serving: bool
    queues: list[str]


class BoardNotice(Output):
    id: int
    text: str
    zone: str | None
    until: str | None


class BoardQueue(Output):
    code: str
    name: str
    name_en: str
    prefix: str
    zone: str | None


class Board(Output):
    hall: str
    name: str
    name_en: str
    timezone: str
    business_date: str
    seq: int
    at: str
    zones: list[dict[str, str]]
    queues: list[BoardQueue]
    counters: list[BoardCounter]
    calls: list[BoardCall] = Field(description="newest first, each number once, at most 24")
    waiting: dict[str, int] = Field(description="by queue code")
    notices: list[BoardNotice]
    speak_times: int


class EventQuery(Input):
    after: int = Field(0, ge=0, lt=2**63)
    limit: int = Field(500, ge=1, le=500)


class EventList(Output):
    items: list[dict[str, Any]]
    seq: int = Field(description="newest in the log")
    next: int | None = Field(description="`after` of the next page; null at the end")
