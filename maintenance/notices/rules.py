"""Who is told of what and when, read from notices.yaml."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from maintenance.ticket import Grade
from plant.quiet import QuietHours, minutes
from plant.secrets import is_reference

Language = Literal["zh", "en"]
Heard = Literal[
    "ticket.opened", "ticket.reopened", "ticket.escalated", "ticket.resolved", "ticket.closed", "ticket.assigned",
    "ticket.cancelled",
]  # fmt: skip
USUAL: tuple[Heard, ...] = ("ticket.opened", "ticket.reopened", "ticket.escalated")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Recipient(_Strict):
    """`address` is a reference to an apprise address. No areas, no steps: all."""

    name: str = Field(min_length=1, max_length=100)
    address: str
    language: Language = "zh"
    areas: tuple[str, ...] = ()
    hears: tuple[Heard, ...] = USUAL
    steps: tuple[str, ...] = ()

    @field_validator("address")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if not is_reference(value):
            raise ValueError("an address holds a secret: name it by env:NAME or file:PATH, never write it here")
        return value


class AtOnce(_Strict):
    grades: tuple[Grade, ...]
    steps: tuple[str, ...]


class NoticeRules(_Strict):
    """See notices.yaml."""

    recipients: tuple[Recipient, ...] = ()
    at_once: AtOnce
    digests: tuple[time, ...] = Field(min_length=1)
    quiet: tuple[str, ...] = ()
    wakes: tuple[Grade, ...] = ()
    longest: int = Field(ge=1, le=500)
    first_wait_s: float = Field(gt=0)
    longest_wait_s: float = Field(gt=0)
    keep_days: int = Field(ge=1)
    words: Mapping[Language, Mapping[str, str]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [recipient.name for recipient in self.recipients]
        if len(set(names)) != len(names):
            raise ValueError("each recipient needs a name of its own")
        for language in ("zh", "en"):
            wanted = {"title", "row", "more", *Heard.__args__}  # type: ignore[attr-defined]
            if missing := wanted - set(self.words.get(language, {})):
                raise ValueError(f"words.{language} lacks {', '.join(sorted(missing))}")
        self.hours("UTC")
        return self

    def hours(self, zone: str) -> QuietHours:
        return QuietHours(tuple(minutes(span) for span in self.quiet), zone)

    def next_digest(self, now: datetime, zone: str) -> datetime:
        """The first digest after `now`."""
        local = now.astimezone(ZoneInfo(zone))
        days = (local.date() + timedelta(days=n) for n in (0, 1))
        times = (datetime.combine(day, at, ZoneInfo(zone)) for day in days for at in sorted(self.digests))
        return next(moment for moment in times if moment > local)

    def due(self, at: datetime, now: datetime, zone: str, *, grade: Grade, step: str | None, opened: bool) -> datetime:
        """When what happened at `at`, and is seen now, is to be told."""
        urgent = step in self.at_once.steps if step is not None else opened and grade in self.at_once.grades
        if not urgent:
            return self.next_digest(at, zone)
        quiet = None if grade in self.wakes else self.hours(zone).until(now)
        return quiet or now

    def wait(self, attempts: int) -> timedelta:
        return timedelta(seconds=min(self.longest_wait_s, self.first_wait_s * 2 ** min(attempts - 1, 30)))
