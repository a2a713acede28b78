"""Tickets, their log, findings, and what people do with tickets."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Moment, Name, Query, SparseQuery, example
from maintenance.ticket import Grade, Party, TicketKind
from maintenance.transitions import State
from plant.finding import Cause

Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class TicketsQuery(SparseQuery):
    state: State | Literal["unfinished"] | None = Field(
        default=None, description="A state, or `unfinished` for all in which something is left to do."
    )
    grade: Grade | None = None
    area: Name | None = None
    grid: Name | None = None
    department: Name | None = None
    engineer: Name | None = None
    kind: TicketKind | None = None
    cause: Cause | None = None
    escalation: Name | None = Field(
        default=None, description="The last step told: general_manager is the general manager's list (总经理督办)."
    )
    q: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="Words that must all stand in title, place, department, engineer, area, grid or number."
    )
    place: Name | None = Field(default=None, description="kind:id, as in pon:GZ-OLT-01/0/1/3.")
    line: Name | None = Field(default=None, description="A line the ticket hits.")
    overdue: bool = Field(default=False, description="Only those past their deadline with the repair still to be done.")
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    after: Number | None = Field(default=None, description="`next` of the page before.")


TICKET: dict[str, Any] = {
    "id": 12, "kind": "inspection", "place": "line:GZ-000017", "line_count": 1, "cause": "connector",
    "probability": 0.83, "grade": "P3", "state": "assigned", "area": "tianhe", "grid": "shipai", "party": "drop",
    "department": "天河维护部", "engineer": "陈建国", "deadline": "2026-11-05T10:00:00Z", "overdue": False,
    "opened_at": "2026-11-02T02:00:00Z", "changed_at": "2026-11-02T03:00:00Z", "version": 2,
    "title_en": "Dirty or loose connector, line GZ-000017", "title_zh": "线路 GZ-000017 活接头脏污或松动",
    "onset": "2026-10-28", "score": 2.1, "resolved_at": None, "closed_at": None, "appointment_at": None,
    "cause_code": None, "action_code": None, "repeat_of": None, "merged_into": None, "reopened": 0,
    "split_from": None, "escalation": "warning", "held_by": None, "held_since": None, "shifted_from": None,
    "part": None, "expected_at": None,
}  # fmt: skip


class TicketRow(Answer):
    """A ticket in a list: all but its lines and evidence."""

    model_config = example(**TICKET)

    id: int
    kind: TicketKind
    place: str = Field(description="Where in the plant tree: line:ID, splitter:ID, pon:DEVICE/PON, olt:DEVICE, …")
    line_count: int = Field(description="Lines it hits.")
    cause: str
    probability: float
    grade: Grade
    state: State
    area: str | None
    grid: str | None
    party: Party
    department: str
    engineer: str | None
    deadline: AwareDatetime
    overdue: bool
    opened_at: AwareDatetime
    changed_at: AwareDatetime
    version: int
    title_en: str
    title_zh: str
    onset: str
    score: float
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    appointment_at: AwareDatetime | None
    cause_code: str | None
    action_code: str | None
    repeat_of: int | None
    merged_into: int | None
    reopened: int
    split_from: int | None = Field(description="The ticket that had its lines.")
    escalation: str | None = Field(
        description="The last step told: warning, engineer, grid_lead, department, general_manager (总经理督办)."
    )
    held_by: int | None = Field(description="The storm or holiday mode that holds it back.")
    held_since: AwareDatetime | None
    shifted_from: str | None = Field(description="Whose it was before the emergency crew's; empty: nobody's.")
    part: str | None = Field(description="The part it waits for.")
    expected_at: AwareDatetime | None = Field(description="When the part should be there.")


class TicketsPage(Answer):
    model_config = example(next=None, tickets=[TICKET])

    next: int | None = Field(description="`after` of the next page; null on the last.")
    tickets: list[TicketRow]


class FindingBody(BaseModel):
    """A finding as the analyzer wrote it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "place": "line:GZ-000017", "lines": ["GZ-000017"], "cause": "connector", "probability": 0.83,
                "onset": "2026-10-28", "score": 2.1, "evidence": {"rx_dbm": {"value": -24.1, "unit": "dBm"}},
                "forecast": {"limit_dbm": -27.0, "days": {"low": 20, "mid": 40, "high": 80}},
                "causes": {"connector": 0.83, "unknown": 0.17},
            }
        },
    )  # fmt: skip

    place: str
    lines: list[str]
    cause: Cause
    probability: float
    onset: str
    score: float
    evidence: dict[str, Any]
    forecast: dict[str, Any] | None
    causes: dict[str, float] = {}


_FINDING = {
    "id": 40, "at": "2026-11-02T02:00:00Z", "ticket": 12,
    "finding": {
        "place": "line:GZ-000017", "lines": ["GZ-000017"], "cause": "connector", "probability": 0.83,
        "onset": "2026-10-28", "score": 2.1, "evidence": {}, "forecast": None, "causes": {},
    },
}  # fmt: skip


class StoredFinding(Answer):
    model_config = example(**_FINDING)

    id: int
    at: AwareDatetime
    ticket: int | None = Field(description="The ticket that covers it; null where it was recorded only.")
    finding: FindingBody


class FindingsQuery(Query):
    ticket: Number | None = None
    since: Moment | None = Field(default=None, description="Found at or after this time.")
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    after: Number | None = Field(default=None, description="`next` of the page before.")


class FindingsPage(Answer):
    model_config = example(next=None, findings=[_FINDING])

    next: int | None
    findings: list[StoredFinding]


class LogEntry(Answer):
    """One line of the append-only log; `before` and `after` hold what changed."""

    model_config = example(
        id=99, ticket=12, version=2, at="2026-11-02T03:00:00Z", actor="li", role="dispatcher", action="assign",
        from_state="open", to_state="assigned", why="", before={"engineer": None}, after={"engineer": "陈建国"},
    )  # fmt: skip

    id: int
    ticket: int
    version: int
    at: AwareDatetime
    actor: str
    role: str
    action: str
    from_state: State | None
    to_state: State
    why: str
    before: dict[str, Any]
    after: dict[str, Any]


class Choice(Answer):
    """One of the answers there are to something an action needs."""

    model_config = example(code="cleaned_connector", en="Cleaned connector", zh="清洁接头")

    code: str
    en: str
    zh: str


class Possible(Answer):
    """An action the caller may ask for now, and what it must be given."""

    model_config = example(
        action="resolve", to="resolved", needs=["cause_code", "action_code"],
        choices={"action_code": [{"code": "cleaned_connector", "en": "Cleaned connector", "zh": "清洁接头"}]},
    )  # fmt: skip

    action: str
    to: State
    needs: list[str]
    choices: dict[str, list[Choice]] = Field(description="Of each need that takes codes only: the codes there are.")


class TicketPage(Answer):
    model_config = example(
        ticket=TICKET, lines=["GZ-000017"], evidence={"rx_dbm": {"value": -24.1, "unit": "dBm"}}, forecast=None,
        bring_en="one-click cleaner", bring_zh="清洁笔",
        possible=[{"action": "start", "to": "on_site", "needs": [], "choices": {}}], log=[], findings=[_FINDING],
    )  # fmt: skip

    ticket: TicketRow
    lines: list[str]
    evidence: dict[str, Any]
    forecast: dict[str, Any] | None
    bring_en: str = Field(description="What the visit needs.")
    bring_zh: str
    possible: list[Possible]
    log: list[LogEntry] = Field(description="Oldest first.")
    findings: list[StoredFinding] = Field(description="Oldest first, 100 at most; GET /findings?ticket= has all.")


Text = Annotated[str, StringConstraints(max_length=2000)]


class TransitionRequest(BaseModel):
    """What somebody decided. `version` is that of the ticket as it was read: somebody may have been faster."""

    model_config = example(action="assign", version=1, engineer="陈建国", note="on his way past")

    action: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    note: Text = ""
    engineer: Name | None = None
    appointment_at: Moment | None = None
    part: Name | None = Field(default=None, description="Of `wait_parts`: the part that is missing.")
    expected_at: Moment | None = Field(default=None, description="Of `wait_parts`: when it should be there.")
    cause_code: Name | None = None
    action_code: Name | None = None
    into: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = Field(
        default=None, description="Of `merge`: the ticket that takes this one in."
    )
    lines: Annotated[list[Name], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Of `split`: the lines that get a ticket of their own."
    )
