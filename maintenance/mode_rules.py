"""Storm and holiday modes as data (modes.yaml): what each does to the queue, and what begins it."""

from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maintenance.ticket import Grade, TicketKind

ModeKind = Literal["storm", "holiday"]
MODE_KINDS: tuple[ModeKind, ...] = get_args(ModeKind)
OrderKey = Literal["grade", "lines", "deadline", "kind"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HoldBack(_Strict):
    kinds: tuple[TicketKind, ...] = ()
    grades: tuple[Grade, ...] = ()


class ModeRow(_Strict):
    en: str
    zh: str
    first: tuple[Grade, ...] = ()
    order: tuple[OrderKey, ...] = Field(min_length=1)
    hold_back: HoldBack = HoldBack()
    shift: tuple[Grade, ...] = ()


class CalendarRow(_Strict):
    mode: ModeKind
    days: int = Field(ge=2)


class FeedRow(_Strict):
    mode: ModeKind
    events: tuple[str, ...] = Field(min_length=1)
    severities: tuple[Severity, ...] = Field(min_length=1)


class ModeRules(_Strict):
    normal: tuple[OrderKey, ...] = Field(min_length=1)
    kinds: dict[ModeKind, ModeRow]
    calendar: CalendarRow | None = None
    feed: tuple[FeedRow, ...] = ()
    feed_hours: float = Field(24, gt=0)
    feed_areas: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [kind for kind in MODE_KINDS if kind not in self.kinds]:
            raise ValueError(f"these modes are missing: {', '.join(missing)}")
        return self
