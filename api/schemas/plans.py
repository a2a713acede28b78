"""Plans of visits, on-time rates, and lists to and from spreadsheets."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas.base import Answer, Name, Query, example
from maintenance.dispatch.rules import Engineer
from maintenance.ticket import Grade
from maintenance.transitions import State


class PlanRequest(BaseModel):
    """What to plan. `engineers`: who is there, with skills, parts and days off; those of the inventory if left out."""

    model_config = example(first="2026-11-03", days=5, areas=["tianhe"], seconds=5)

    first: date | None = Field(default=None, description="First day, the operator's; today if left out.")
    days: int = Field(default=1, ge=1, le=7)
    areas: Annotated[list[Name], Field(max_length=100)] | None = None
    seconds: float = Field(default=5.0, ge=0, le=20, description="Time to search for a better plan.")
    urgent: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = Field(
        default=None, description="Only this ticket, among the appointments there are, with as few moved as possible."
    )
    engineers: Annotated[list[Engineer], Field(max_length=500)] | None = None
    keep: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = Field(
        default=None, description="A plan before: visits that somebody put where they are stay there."
    )


_VISIT = {"ticket": 12, "version": 3, "engineer": "陈建国", "at": "2026-11-03T01:30:00Z", "fixed": False, "by": None}


class Visit(Answer):
    model_config = example(**_VISIT)

    ticket: int
    version: int = Field(description="The ticket's as it was planned: one that changed since is left alone.")
    engineer: str
    at: AwareDatetime
    fixed: bool = Field(description="It was agreed before, and stays.")
    by: str | None = Field(
        default=None, description="Who put it there by hand; it stays when the days are planned anew."
    )


class MovedVisit(Answer):
    """An agreed visit that gives way, or was moved by hand; `at` null: it needs another appointment."""

    model_config = example(
        ticket=14, version=5, engineer_before="陈建国", at_before="2026-11-03T01:30:00Z", engineer="李雷",
        at="2026-11-03T06:00:00Z",
    )  # fmt: skip

    ticket: int
    version: int
    engineer_before: str
    at_before: AwareDatetime
    engineer: str | None
    at: AwareDatetime | None


_LEFT_OUT: dict[str, Any] = {"ticket": 15, "why": "nobody has splicing", "code": "nobody_has", "names": ["splicing"]}


class LeftOut(Answer):
    model_config = example(**_LEFT_OUT)

    ticket: int
    why: str
    code: str | None = Field(default=None, description="Of a reason of the planner: which one, and what it names.")
    names: list[str] = Field(default_factory=list)


_PLAN: dict[str, Any] = {
    "id": 7, "at": "2026-11-02T02:00:00Z", "actor": "li", "first": "2026-11-03", "days": 1, "areas": ["tianhe"],
    "urgent": None, "visits": 1, "left_out": 1, "moved": 0, "applied_at": None, "applied_by": None,
}  # fmt: skip


class PlanRow(Answer):
    """A kept plan in a list: how many visits, tickets left out, appointments moved."""

    model_config = example(**_PLAN)

    id: int
    at: AwareDatetime
    actor: str
    first: date
    days: int
    areas: list[str] | None
    urgent: int | None
    visits: int
    left_out: int
    moved: int
    applied_at: AwareDatetime | None
    applied_by: str | None


class PlansAnswer(Answer):
    """Newest first; kept for a month."""

    model_config = example(plans=[_PLAN])

    plans: list[PlanRow]


class PlanAnswer(Answer):
    model_config = example(
        plan=_PLAN, visits=[_VISIT],
        moved=[],
        left_out=[_LEFT_OUT], cost=182, greedy_cost=210, travel_minutes=95,
    )  # fmt: skip

    plan: PlanRow
    visits: list[Visit] = Field(description="In order of time.")
    moved: list[MovedVisit]
    left_out: list[LeftOut] = Field(description="What could not be planned, and why.")
    cost: int = Field(description="In minutes of travel; delays and what is left out weigh more.")
    greedy_cost: int = Field(description="Of the plain plan it began from.")
    travel_minutes: int


class AppliedAnswer(Answer):
    """What was assigned and scheduled, and why the rest was not."""

    model_config = example(done=[12], refused=[{"ticket": 14, "why": "ticket 14 is at version 6, not 5"}])

    done: list[int]
    refused: list[LeftOut]


class OnTimeQuery(Query):
    area: Name | None = None
    months: int = Field(default=13, ge=1, le=120, description="How many, this one among them.")


_MONTH = {"month": "2026-10", "work": "maintenance", "due": 1204, "on_time": 1130, "repeats": 31, "rate": 0.9385}


class OnTimeRow(Answer):
    model_config = example(**_MONTH)

    month: str = Field(description="Of the promise, in the operator's zone.")
    work: Literal["installation", "maintenance"]
    due: int
    on_time: int
    repeats: int = Field(description="Whose repair did not last.")
    rate: float


class OnTimeAnswer(Answer):
    """On-time rates from the log alone; the marks to beat are the year's targets (95 % and 92.7 % of 2025)."""

    model_config = example(as_of="2026-11-02T02:00:00Z", months=[_MONTH])

    as_of: AwareDatetime
    months: list[OnTimeRow]


class ExportQuery(Query):
    format: Literal["xlsx", "csv"] = "xlsx"
    state: State | Literal["unfinished"] | None = None
    grade: Grade | None = None
    area: Name | None = None
    grid: Name | None = None
    department: Name | None = None
    engineer: Name | None = None
    escalation: Name | None = Field(default=None, description="Last step told: general_manager is 总经理督办.")
    overdue: bool = False
    q: Annotated[str, Field(max_length=200)] = Field(default="", description="Words that must be found.")


class ImportQuery(Query):
    format: Literal["xlsx", "csv"]


class RejectedRow(Answer):
    model_config = example(row=3, why="line:GZ-9 is not in the inventory; look it up, or add it there first")

    row: int = Field(description="As the spreadsheet shows it.")
    why: str


class ImportAnswer(Answer):
    """What became of the rows of a list. The same row again opens nothing: it is known."""

    model_config = example(
        rows=3, opened=[21], known=1, rejected=[{"row": 3, "why": "line:GZ-9 is not in the inventory"}]
    )

    rows: int
    opened: list[int]
    known: int
    rejected: list[RejectedRow]
