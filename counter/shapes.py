"""What goes in and out over HTTP on the staff side (contract §3 and §6)."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ticketing.shapes import Code, IdNumber, Input, ItemBrief, Output, State, Wait

Outcome = Literal["done", "accepted", "supplement", "rejected", "withdrawn", "advice"]
Place = Literal["keep", "front", "tail"]
HoldKind = Literal["papers", "kept", "waiting"]
TicketId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class StaffTicket(Output):
    """A ticket as staff see it; who it belongs to only at the counter that has called it."""

    id: str
    number: str
    queue: str
    queue_name: str
    state: State
    items: list[ItemBrief]
    priority: str
    asked_priority: str | None
    channel: str
    issued_at: str
    arrived_at: str
    waited: float = Field(description="seconds from arrived_at to the call, or until now")
    called_at: str | None
    begun_at: str | None
    ended_at: str | None
    calls: int
    counter: int | None
    counter_name: str | None
    agent: str | None
    reserved_for: int | None
    hold_kind: str | None
    held_at: str | None
    ahead: int | None
    postpones: int
    no_shows: int
    can_no_show_at: str | None = Field(description="when the hall's rule allows a no-show; null unless called")
    can_reinstate: bool
    applicant: dict[str, Any] | None = Field(
        None, description="name, phone, id_number as given; only at the counter that has it, after the call"
    )


class StaffTicketList(Output):
    items: list[StaffTicket]
    next: str | None = None


class TicketQuery(Input):
    number: str | None = Field(None, max_length=16)
    state: State | None = None
    queue: Code | None = None
    asked_priority: bool | None = Field(None, description="true: only those whose declared class waits for a desk")
    limit: int = Field(100, ge=1, le=500)
    after: str | None = None


class Waiting(Output):
    """One line of a counter's waiting list, in the order of calling; no identity."""

    id: str
    number: str
    queue: str
    items: list[str] = Field(description="item names")
    priority: str
    waited: float
    reserved: bool


class Figures(Output):
    """Today's own figures; durations in seconds, null when there is nothing to average."""

    called: int
    finished: int
    no_shows: int
    wait_mean: float | None
    walk_mean: float | None
    service_mean: float | None
    serving_seconds: float


class CounterView(Output):
    counter: int
    name: str
    name_en: str
    zone: str | None
    kind: str
    state: Literal["closed", "open", "paused"]
    pause_reason: str | None
    since: str | None
    agent: str | None = Field(description="login")
    agent_name: str | None
    queues: list[str] = Field(description="codes, in the manager's order")
    ticket: StaffTicket | None = Field(description="called or serving here")
    held: list[StaffTicket] = Field(description="held tickets this counter may resume")
    waiting: list[Waiting] = Field(description="the first 50 in the order of calling")
    waiting_count: int
    figures: Figures
    seq: int
    now: str


class Open(Input):
    agent: Code | None = Field(None, description="login; with a counter token it may be left out")


class Pause(Input):
    reason: Annotated[str, StringConstraints(max_length=40)] = ""


class Call(Input):
    ticket: Annotated[str, StringConstraints(min_length=1, max_length=16)] | None = Field(
        None, description="today's number, to call that one"
    )


class OnTicket(Input):
    ticket: TicketId


class ItemOutcome(Input):
    item: Code
    outcome: Outcome
    note: Annotated[str, StringConstraints(max_length=200)] | None = None


class Finish(OnTicket):
    outcomes: list[ItemOutcome] | None = None


class Hold(OnTicket):
    kind: HoldKind = "papers"


class TransferTo(Input):
    queue: Code | None = None
    counter: int | None = Field(None, ge=0, le=999_999_999)

    @model_validator(mode="after")
    def exactly_one(self) -> "TransferTo":
        if (self.queue is None) == (self.counter is None):
            raise ValueError("exactly one of queue, counter")
        return self


class Transfer(OnTicket):
    to: TransferTo
    place: Place = "keep"


class Move(Input):
    queue: Code | None = None
    priority: Code | None = None
    place: Place | None = None


class SetPriority(Input):
    grant: bool = Field(description="true: the certificate was seen, the declared class counts")


class SetQueues(Input):
    queues: list[Code] = Field(min_length=1, max_length=50)


class PostNotice(Input):
    text: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    zone: Code | None = None
    minutes: float | None = Field(None, gt=0, le=7 * 24 * 60, description="shown this long; none = until withdrawn")


class NoticeView(Output):
    id: int
    text: str
    zone: str | None
    posted_at: str
    until: str | None


class QueueLoad(Output):
    code: str
    name: str
    name_en: str
    prefix: str
    zone: str | None
    closed: bool
    waiting: int
    longest_wait: float | None = Field(description="seconds; null when nobody waits")
    wait: Wait | None
    counters_open: int
    issued: int
    finished: int
    history: list[int] = Field(description="waiting count at the last 11 full quarters and now, oldest first")


class CounterLoad(Output):
    counter: int
    name: str
    name_en: str
    zone: str | None
    kind: str
    state: Literal["closed", "open", "paused"]
    pause_reason: str | None
    since: str | None
    agent: str | None
    agent_name: str | None
    ticket: str | None = Field(description="number")
    ticket_state: State | None
    ticket_since: str | None
    queues: list[str]
    finished: int


class Alert(Output):
    code: Literal["long_wait", "long_queue", "long_service", "not_served"]
    queue: str | None = None
    counter: int | None = None
    number: str | None = None
    value: float
    limit: float
    suggest_counter: int | None = Field(None, description="an open, less busy counter that could take this queue too")


class Headline(Output):
    waiting: int
    longest_wait: float | None
    within_target: float | None = Field(description="share of today's waits within the hall's target, 0–1")
    target_seconds: float
    counters_open: int
    counters: int
    issued: int
    finished: int


class Load(Output):
    seq: int
    now: str
    headline: Headline
    queues: list[QueueLoad]
    counters: list[CounterLoad]
    alerts: list[Alert]
    notices: list[NoticeView]
    rules: dict[str, float]


def real_date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(real_date)]


class DayQuery(Input):
    """Days from … to, both included, at most 366."""

    first: Day | None = Field(None, alias="from", description="business day; left out: six days before `to`")
    last: Day | None = Field(None, alias="to", description="business day; left out: today")
    format: Literal["json", "csv"] | None = Field(None, description="left out: as the Accept header says")


class Duration(Output):
    """Seconds. Half take no longer than p50, nine of ten no longer than p90."""

    p50: float
    p90: float
    mean: float


class DayFigures(Output):
    issued: int
    finished: int
    no_show: int
    cancelled: int
    expired: int
    wait: Duration | None = Field(description="in line, until each call; null when nobody was called")
    walk: Duration | None = Field(description="from the call to the counter")
    service: Duration | None = Field(description="at the counter, each time")
    within_target: float | None = Field(description="share of waits within the hall's target, 0–1")


class QueueDay(DayFigures):
    queue: str
    name: str
    name_en: str


class DayReport(DayFigures):
    business_date: str
    by_queue: list[QueueDay]


class DayList(Output):
    items: list[DayReport] = Field(description="days with visits, oldest first")
    next: None = None


class Unblock(Input):
    id_number: IdNumber
