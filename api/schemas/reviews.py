"""The standing reports: on-time rates by department, weekly visits, recurring trouble, what is late and whose."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, example

TARGET = 0.95  # of work orders within their deadline

_MONTH = {
    "month": "2026-10", "department": "天河维护部", "work": "maintenance", "due": 84, "on_time": 81, "rate": 0.9643,
}  # fmt: skip
_WEEK = {"first": "2026-10-26", "opened": 21, "visits": 25, "held": 20, "failed": 2}
_VISITS = {"month": "2026-10", "visits": 92, "repeated": 6, "repeats": 7, "verified": 80, "failed": 5}
_AGAIN = {"what": "line:GZ-000017", "tickets": [41, 12], "visits": 3}
_LATE = {
    "ticket": 12, "place": "line:GZ-000017", "cause": "connector", "grade": "P3", "state": "assigned",
    "area": "tianhe", "department": "天河维护部", "engineer": "陈建国", "deadline": "2026-11-01T10:00:00Z",
}  # fmt: skip


class DepartmentRate(Answer):
    model_config = example(**_MONTH)

    month: str
    department: str
    work: Literal["installation", "maintenance"]
    due: int
    on_time: int
    rate: float


class WeekRow(Answer):
    model_config = example(**_WEEK)

    first: date = Field(description="Its Monday.")
    opened: int
    visits: int
    held: int = Field(description="Repairs that readings confirmed.")
    failed: int


class VisitsRow(Answer):
    model_config = example(**_VISITS)

    month: str
    visits: int
    repeated: int = Field(description="Visits that had to be repeated within the repeat days.")
    repeats: int
    verified: int
    failed: int


class RecurringRow(Answer):
    model_config = example(**_AGAIN)

    what: str = Field(description="kind:id of a place, or a cause.")
    tickets: list[int] = Field(description="Newest first.")
    visits: int


class LateTicket(Answer):
    model_config = example(**_LATE)

    ticket: int
    place: str
    cause: str
    grade: str
    state: str
    area: str | None
    department: str
    engineer: str | None
    deadline: AwareDatetime


class ReviewPage(Answer):
    model_config = example(
        day="2026-11-02", days=30, target=TARGET, on_time=[_MONTH], weeks=[_WEEK], visits=[_VISITS], lines=[_AGAIN],
        nodes=[], causes=[{**_AGAIN, "what": "connector"}], late=[_LATE], late_total=1,
    )  # fmt: skip

    day: date
    days: int = Field(description="Within which trouble counts as recurring.")
    target: float = Field(description="Share of work orders that are to be done within their deadline.")
    on_time: list[DepartmentRate]
    weeks: list[WeekRow]
    visits: list[VisitsRow]
    lines: list[RecurringRow]
    nodes: list[RecurringRow]
    causes: list[RecurringRow]
    late: list[LateTicket] = Field(description="The first 200 by deadline.")
    late_total: int


_NEXT = {
    "line_id": "GZ-COAX-0017", "area": "tianhe", "grid": "shipai", "bad": True, "why": ["coax_level"], "repairs": 2,
    "age_years": 14, "together": 120,
}  # fmt: skip


class NextLineRow(Answer):
    """An old line to be replaced, and why it comes before others."""

    model_config = example(**_NEXT)

    line_id: str
    area: str | None
    grid: str | None
    bad: bool
    why: list[str] = Field(description="What is not good now.")
    repairs: int = Field(description="Visits within a year.")
    age_years: int | None
    together: int = Field(description="Old lines to do in its grid.")


class NextLines(Answer):
    model_config = example(lines=[_NEXT])

    lines: list[NextLineRow]
