"""What a hall may decide for itself, each with its default; kept in Hall.rules, checked on import."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    day_starts: str = Field("00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="the business day begins")
    order: Literal["weighted", "strict"] = Field("weighted", description="who is next: contract §2")
    guard_minutes: float = Field(60, gt=0, description="a ticket older than this goes before all that are not")
    keep_identity_days: int = Field(30, ge=1, le=3650, description="who came is forgotten so many days later")
    no_show_calls: int = Field(2, ge=1, description="calls before a no-show is allowed")
    no_show_seconds: float = Field(20, ge=0, description="seconds since the first call before a no-show is allowed")
    no_show_auto_seconds: float | None = Field(
        None, gt=0, description="the sweep marks a called ticket no-show after this; none = never by itself"
    )
    reinstate_times: int = Field(2, ge=0, description="how often a missed number may come back")
    reinstate_place: Literal["tail", "after", "old"] = Field("after", description="where it comes back to")
    reinstate_after: int = Field(3, ge=0, description="with place `after`: behind this many others")
    postpone_times: int = Field(2, ge=0, description="how often an applicant may go back in line")
    live_per_identity: int = Field(1, ge=1, description="unfinished tickets one id number may have in the hall")
    daily_per_identity: int | None = Field(
        None, ge=1, description="numbers one identity may take in a queue and day, given up ones too; none = any"
    )
    no_show_block_count: int | None = Field(
        None, ge=1, description="so many missed visits and that identity takes no number for a while; none = never"
    )
    no_show_block_within_days: int = Field(30, ge=1, le=3650, description="… within so many days")
    no_show_block_days: int = Field(
        30, ge=1, le=3650, description="… counted from the last one: how long the block lasts"
    )
    outcomes_required: bool = Field(False, description="finish must name an outcome for each item")
    speak_seconds: float = Field(60, gt=0, description="a call replayed later than this is painted, not spoken")
    speak_times: int = Field(2, ge=1, le=5, description="how often an announcement is spoken")
    languages: list[str] = Field(["zh-CN"], description="spoken languages, in order")
    alert_wait_minutes: float = Field(30, gt=0, description="tell the manager when somebody waits longer")
    alert_waiting: int = Field(30, ge=1, description="… when more wait in one queue")
    alert_service_minutes: float = Field(30, gt=0, description="… when one service takes longer")
    wait_target_minutes: float = Field(15, gt=0, description="the share of waits within this is a headline figure")
