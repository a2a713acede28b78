"""Ticket, log entry and stored finding: what the ledger hands out. Frozen, plain, JSON-ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal

from maintenance.transitions import State

Grade = Literal["P1", "P2", "P3", "P4"]
GRADES: tuple[Grade, ...] = ("P1", "P2", "P3", "P4")
TicketKind = Literal["inspection", "repair", "installation", "complaint", "retrofit"]
Party = Literal["in_home", "drop", "plant", "headend", "vendor"]


@dataclass(frozen=True)
class Ticket:
    """One problem with one owner and one deadline. Times are UTC.

    `party` is who must act by the responsibility matrix, `department` who answers, `engineer` who goes (None: the
    department decides). `version` counts the entries of its log. `repeat_of` is the earlier ticket whose repair this
    one is counted against, `reopened` how many times a repair did not hold, `split_from` the ticket that had its lines.
    `escalation` is the last step of escalation.yaml that was told. While a storm or holiday mode lasts, `held_by` is
    the mode that holds the ticket back, since `held_since`, and `shifted_from` whose it was before the emergency crew's
    ("": nobody's). `part` is what a ticket waits for, `expected_at` when it should be there.
    """

    id: int
    kind: TicketKind
    place: str
    lines: tuple[str, ...]
    cause: str
    probability: float
    grade: Grade
    state: State
    area: str | None
    grid: str | None
    party: Party
    department: str
    engineer: str | None
    deadline: datetime
    opened_at: datetime
    changed_at: datetime
    version: int
    title_en: str
    title_zh: str
    onset: date
    score: float
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    appointment_at: datetime | None = None
    cause_code: str | None = None
    action_code: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    forecast: Mapping[str, Any] | None = None
    repeat_of: int | None = None
    merged_into: int | None = None
    reopened: int = 0
    split_from: int | None = None
    escalation: str | None = None
    held_by: int | None = None
    held_since: datetime | None = None
    shifted_from: str | None = None
    part: str | None = None
    expected_at: datetime | None = None

    def overdue(self, now: datetime) -> bool:
        """Past its deadline with the repair still to be done (a resolved ticket waits for readings, not for people)."""
        return self.resolved_at is None and self.state not in ("cancelled", "merged") and self.deadline < now

    def to_json(self) -> dict[str, Any]:
        """Every field: times and dates as ISO text, lines as a list."""
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


def plain(value: Any) -> Any:
    """A field's value as JSON takes it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def difference(old: Ticket | None, new: Ticket) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that changed, before and after, as JSON. All of them where there was no ticket before."""
    after = new.to_json()
    if old is None:
        return {}, after
    before = old.to_json()
    changed = [name for name, value in after.items() if before[name] != value]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


@dataclass(frozen=True)
class Entry:
    """One line of the append-only log. `version` is the ticket's after it; `before` and `after` hold what changed."""

    id: int
    ticket: int
    version: int
    at: datetime
    actor: str
    role: str
    action: str
    from_state: State | None
    to_state: State
    why: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class StoredFinding:
    """A finding as it came (`body` is its JSON), when, and the ticket that covers it (None: recorded only)."""

    id: int
    at: datetime
    ticket: int | None
    body: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "at": self.at.isoformat(), "ticket": self.ticket, "finding": dict(self.body)}


@dataclass(frozen=True)
class TakeReport:
    """What became of the findings: tickets opened and grown (their numbers), tickets merged into wider ones, findings
    that were covered already, of those how many hit fewer lines than their ticket (`improved`), findings that were
    recorded only (`recorded`: mains outages), and openings that count as repeats."""

    opened: list[int]
    grown: list[int]
    merged: list[int]
    repeats: list[int]
    unchanged: int = 0
    improved: int = 0
    recorded: int = 0

    def to_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True)
class Counts:
    """How the ledger stands: tickets by state, unfinished ones by grade and by department, overdue ones."""

    total: int
    unfinished: int
    overdue: int
    by_state: Mapping[str, int]
    by_grade: Mapping[str, int]
    by_department: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}
