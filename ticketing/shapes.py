"""What goes in and out over HTTP on the applicant's side (contract §3); OpenAPI is made from these."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(max_length=200)]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)  # no booking is outside
State = Literal["waiting", "called", "serving", "held", "finished", "no_show", "cancelled", "expired"]
Channel = Literal["kiosk", "phone", "desk", "appointment", "api"]


class Input(BaseModel):
    """A request body or query: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An answer: what clients do not know they ignore."""


class Wait(Output):
    """Seconds until called, as a range: half are called within p50, nine of ten within p90."""

    p50: float
    p90: float


class Named(Output):
    code: str
    name: str
    name_en: str = ""


class ItemBrief(Named):
    outcome: str | None = None


class AskedIdentity(Output):
    ask: Literal["none", "optional", "required"] = Field(description="whether to ask who comes")
    kinds: list[Literal["resident", "organisation", "phone"]] = Field(description="any one of them will do")


class Item(Named):
    department: str
    theme: str
    queue: str = Field(description="the queue's code this item leads to")
    usual_minutes: float
    papers: list[str] = Field(description="what to bring")
    identity: AskedIdentity
    common: int = Field(description="how often it is asked for; greater is more common")
    initials: str


class ItemList(Output):
    items: list[Item]
    next: str | None = None


class ItemQuery(Input):
    q: str = Field("", max_length=64, description="part of the name, the code, pinyin or pinyin initials")
    theme: str | None = None
    limit: int = Field(500, ge=1, le=500)
    after: str | None = Field(None, description="cursor: `next` of the page before")


class QueueState(Named):
    prefix: str
    zone: str | None
    general: bool
    open: bool = Field(description="a number may be taken now")
    closed_because: str | None = Field(description="code: hall_closed, queue_closed, queue_full")
    waiting: int
    counters_open: int
    counters: list[str] = Field(description="names of the open counters that serve it")
    wait: Wait | None = Field(description="for somebody who takes a number now; null = no open counter serves it")


class QueueList(Output):
    items: list[QueueState]
    next: str | None = None


class CounterBrief(Output):
    counter: int
    name: str
    name_en: str = ""
    zone: str | None
    kind: str
    state: Literal["closed", "open", "paused"]
    queues: list[str]


class QueueBrief(Named):
    prefix: str
    zone: str | None
    general: bool
    identity: AskedIdentity


class Priority(Named):
    weight: float
    verify: bool


class BundleBrief(Named):
    items: list[str]


class HallBrief(Named):
    timezone: str
    address: str
    open: bool
    business_date: str


class HallList(Output):
    items: list[HallBrief]
    next: str | None = None


class HallView(HallBrief):
    now: str
    zones: list[Named]
    counters: list[CounterBrief]
    queues: list[QueueBrief]
    priorities: list[Priority]
    bundles: list[BundleBrief]
    themes: list[str]
    hours: dict[str, Any] | None = Field(description="null = around the clock")
    opens_at: str | None = Field(description="when closed: the next opening")
    rules: dict[str, Any]


class Appointment(Input):
    at: AwareDatetime = Field(ge=EARLIEST, lt=LATEST, description="booked time, RFC 3339 with offset")


Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 -]{5,20}$")]
IdNumber = Annotated[str, StringConstraints(max_length=32)]


class Principal(Input):
    """For whom the applicant came."""

    name: Annotated[str, StringConstraints(max_length=64)] | None = None
    id_number: IdNumber


class Issue(Input):
    items: list[Code] | None = Field(None, min_length=1, max_length=20)
    bundle: Code | None = None
    queue: Code | None = None
    priority: Code | None = None
    channel: Channel | None = None
    name: Annotated[str, StringConstraints(max_length=64)] | None = None
    phone: Phone | None = None
    id_number: IdNumber | None = None
    principal: Principal | None = Field(None, description="for whom the applicant came, when not for themselves")
    appointment: Appointment | None = None

    @model_validator(mode="after")
    def exactly_one_way_in(self) -> "Issue":
        if sum(way is not None for way in (self.items, self.bundle, self.queue)) != 1:
            raise ValueError("exactly one of items, bundle, queue")
        return self


class TicketView(Output):
    """What an applicant may see of a ticket."""

    id: str
    number: str
    hall: str
    hall_name: str
    queue: str
    queue_name: str
    queue_name_en: str
    zone: str | None
    state: State
    items: list[ItemBrief]
    papers: list[str]
    priority: str
    asked_priority: str | None = Field(description="declared class that a desk has still to confirm")
    channel: Channel
    business_date: str
    issued_at: str
    called_at: str | None
    begun_at: str | None
    ended_at: str | None
    ahead: int | None = Field(description="waiting tickets of the queue called before it; null unless waiting")
    wait: Wait | None = Field(description="null unless waiting and a counter serves the queue")
    counter: int | None = Field(description="while called, serving, held")
    counter_name: str | None
    counters: list[str] = Field(description="names of the open counters that may call it")
    served: bool = Field(description="at least one open counter serves its queue")
    hold_kind: str | None
    postpones_left: int
    no_shows: int
    can_reinstate: bool
    rating: int | None
    track_url: str


class Postpone(Input):
    places: int = Field(ge=1, le=10)


class Rate(Input):
    level: int = Field(ge=1, le=5)
    reasons: list[Annotated[str, StringConstraints(max_length=40)]] = Field([], max_length=10)
    comment: Annotated[str, StringConstraints(max_length=500)] | None = None


class SignIn(Input):
    login: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Me(Output):
    login: str
    name: str
    role: str
    hall: str | None
    csrf: str = Field(description="to be sent as X-CSRFToken with each change")
