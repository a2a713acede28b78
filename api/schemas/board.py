"""The dispatcher's board: visits of some days by person, what waits, and what moving a visit would bring."""

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.base import Answer, Moment, Name, Query, example
from api.schemas.plans import LeftOut, PlanRow
from api.schemas.tickets import Number
from maintenance.dispatch.board import EffectKind, Refusal
from maintenance.ticket import Grade, TicketKind
from maintenance.transitions import State


class BoardQuery(Query):
    first: date | None = Field(default=None, description="First day, the operator's; a plan's own, else today.")
    days: int = Field(default=5, ge=1, le=7)
    area: Name | None = None
    plan: Number | None = Field(default=None, description="The visits of this plan; else those that are agreed.")


class Span(Answer):
    model_config = example(begin="2026-11-03T00:30:00Z", end="2026-11-03T04:00:00Z")

    begin: AwareDatetime
    end: AwareDatetime


class BoardPerson(Answer):
    """A row: an engineer or a crew, and when they work in these days."""

    model_config = example(
        engineer="陈建国", areas=["tianhe"], shifts=[{"begin": "2026-11-03T00:30:00Z", "end": "2026-11-03T04:00:00Z"}]
    )

    engineer: str
    areas: list[str]
    shifts: list[Span]


_TICKET: dict[str, Any] = {
    "id": 12, "version": 3, "kind": "inspection", "state": "scheduled", "grade": "P3", "cause": "connector",
    "place": "line:GZ-000017", "line_count": 1, "area": "tianhe", "grid": "shipai", "engineer": "陈建国",
    "deadline": "2026-11-05T10:00:00Z", "appointment_at": "2026-11-03T01:30:00Z",
    "title_en": "Dirty or loose connector, line GZ-000017", "title_zh": "线路 GZ-000017 活接头脏污或松动",
    "held_by": None,
}  # fmt: skip


class BoardTicket(Answer):
    """Of a ticket, what a card shows."""

    model_config = example(**_TICKET)

    id: int
    version: int
    kind: TicketKind
    state: State
    grade: Grade
    cause: str
    place: str
    line_count: int
    area: str | None
    grid: str | None
    engineer: str | None
    deadline: AwareDatetime
    appointment_at: AwareDatetime | None
    title_en: str
    title_zh: str
    held_by: int | None


_VISIT: dict[str, Any] = {
    "ticket": 12, "engineer": "陈建国", "at": "2026-11-03T01:30:00Z", "ends": "2026-11-03T02:15:00Z",
    "travel_minutes": 12, "late_minutes": 0, "agreed": True, "by": None, "changed": False,
}  # fmt: skip


class BoardVisit(Answer):
    model_config = example(**_VISIT)

    ticket: int
    engineer: str
    at: AwareDatetime
    ends: AwareDatetime
    travel_minutes: int | None = Field(description="The way there; null outside of working hours.")
    late_minutes: int = Field(description="By which it begins after the deadline.")
    agreed: bool = Field(description="It stands in the ledger like this.")
    by: str | None = Field(description="Who put it there by hand, in a plan.")
    changed: bool = Field(description="The ticket changed since the plan was made: applying it leaves it alone.")


_TOTALS = {"visits": 1, "work_minutes": 45, "travel_minutes": 24, "late": 0}


class BoardTotals(Answer):
    """Of all visits shown: minutes on site and on the way, and how many begin after their deadline."""

    model_config = example(**_TOTALS)

    visits: int
    work_minutes: int
    travel_minutes: int
    late: int


_MOVE = {
    "ticket": 14, "engineer_before": "陈建国", "at_before": "2026-11-03T01:30:00Z", "engineer": "李雷",
    "at": "2026-11-03T06:00:00Z",
}  # fmt: skip


class BoardMove(Answer):
    """An agreed appointment that a plan changes; `at` null: it takes it away."""

    model_config = example(**_MOVE)

    ticket: int
    engineer_before: str
    at_before: AwareDatetime
    engineer: str | None
    at: AwareDatetime | None


class Compared(Answer):
    """A plan beside what is agreed: the sums of both, visits that are new, appointments that move."""

    model_config = example(agreed=_TOTALS, new=[15], moved=[_MOVE])

    agreed: BoardTotals
    new: list[int]
    moved: list[BoardMove]


_PLAN: dict[str, Any] = {
    "id": 7, "at": "2026-11-02T02:00:00Z", "actor": "li", "first": "2026-11-03", "days": 1, "areas": ["tianhe"],
    "urgent": None, "visits": 1, "left_out": 1, "moved": 0, "applied_at": None, "applied_by": None,
}  # fmt: skip


class BoardAnswer(Answer):
    model_config = example(
        as_of="2026-11-02T02:00:00Z", today="2026-11-02", days=["2026-11-03"], plan=None, people=[], visits=[_VISIT],
        tickets=[_TICKET], waiting=[{"ticket": 15, "why": "", "code": None, "names": []}], totals=_TOTALS,
        compared=None,
    )  # fmt: skip

    as_of: AwareDatetime
    today: date = Field(description="The operator's.")
    days: list[date]
    plan: PlanRow | None
    people: list[BoardPerson]
    visits: list[BoardVisit] = Field(description="In order of time.")
    tickets: list[BoardTicket] = Field(description="Those of the visits and of what waits.")
    waiting: list[LeftOut] = Field(description="Without a visit, as the queue orders them; why, where it is known.")
    totals: BoardTotals
    compared: Compared | None


class MoveRequest(BaseModel):
    """A visit for somebody else or another day. Without `at` it is when that does least harm."""

    model_config = example(ticket=1, engineer="陈建国", day="2026-11-03")

    ticket: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
    engineer: Name
    day: date = Field(description="The operator's.")
    at: Moment | None = None
    plan: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = Field(
        default=None, description="Move it in this plan, which is not applied yet; else what is agreed."
    )


class MoveConfirmed(MoveRequest):
    """A move whose consequences somebody saw."""

    model_config = example(ticket=1, engineer="陈建国", day="2026-11-03", at="2026-11-03T01:30:00Z", expects="0" * 32)

    at: Moment
    expects: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] = Field(
        description="Of the consequences as they were told."
    )


_EFFECT: dict[str, Any] = {
    "kind": "pushed", "ticket": 14, "minutes": 20, "at_before": "2026-11-03T02:00:00Z", "at": "2026-11-03T02:20:00Z",
    "names": [],
}  # fmt: skip


class MoveEffect(Answer):
    model_config = example(**_EFFECT)

    kind: EffectKind = Field(
        description="missing: skills, parts or area the person has not; deadline: begins after it; appointment: one "
        "that is agreed is not kept; pushed: a visit begins later; overtime: the day ends after hours; later: nobody "
        "can be there at the time asked for; reason: why the planner would not plan it."
    )
    ticket: int
    minutes: int
    at_before: AwareDatetime | None
    at: AwareDatetime | None
    names: list[str]


_CONSEQUENCES: dict[str, Any] = {
    "ticket": 12, "engineer": "李雷", "refused": None, "at": "2026-11-03T01:30:00Z", "ends": "2026-11-03T02:15:00Z",
    "engineer_before": "陈建国", "at_before": "2026-11-03T01:30:00Z", "travel_minutes_before": 30,
    "travel_minutes": 42, "effects": [_EFFECT], "expects": "0" * 32,
}  # fmt: skip


class MoveAnswer(Answer):
    """What a move would bring. Nothing has changed."""

    model_config = example(**_CONSEQUENCES)

    ticket: int
    engineer: str
    refused: Refusal | None = Field(
        description="Why it cannot be: past, not_there (no working hours that day), hours (outside of them), state."
    )
    at: AwareDatetime | None
    ends: AwareDatetime | None
    engineer_before: str | None
    at_before: AwareDatetime | None
    travel_minutes_before: int = Field(description="Of the days that change, all ways together.")
    travel_minutes: int
    effects: list[MoveEffect]
    expects: str | None = Field(description="To be sent with the move; null where it is refused.")


class MoveDone(Answer):
    model_config = example(moved=[12, 14], plan=None)

    moved: list[int] = Field(description="Tickets whose visit is another now, the one asked for first.")
    plan: int | None
