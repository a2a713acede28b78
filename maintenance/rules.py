"""The ledger's rules as data: causes, codes, owners, grades, deadlines, verification. One YAML file each."""

from collections.abc import Mapping
from datetime import time
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from maintenance.dispatch.rules import DispatchRules
from maintenance.errors import RulesError
from maintenance.hooks.rules import HookRules
from maintenance.mode_rules import ModeRules
from maintenance.notices.rules import NoticeRules
from maintenance.ticket import GRADES, Grade, Party, TicketKind
from plant.fields import fields
from plant.finding import CAUSES
from plant.place import PlaceKind

FILES = (
    "causes",
    "codes",
    "responsibility",
    "grading",
    "taking",
    "verification",
    "by_hand",
    "escalation",
    "modes",
    "dispatch",
    "hooks",
    "notices",
)


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Words(Strict):
    en: str
    zh: str


class CauseWords(Words):
    """`family`: causes of one family may be the same trouble seen twice; "any" goes with all."""

    family: str
    bring_en: str
    bring_zh: str


class Codes(Strict):
    cause_codes: dict[str, Words]
    action_codes: dict[str, Words]


class PartyRule(Words):
    department: str = Field(min_length=1)
    engineer: Literal["grid", "none"]


class Responsibility(Strict):
    parties: dict[Party, PartyRule]
    fallback_department: str = Field(min_length=1)
    causes: dict[str, dict[PlaceKind | Literal["else"], Party]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _every_cause(self.causes)
        for cause, row in self.causes.items():
            if "else" not in row:
                raise ValueError(f'cause {cause} has no "else": some place would be without an owner')
            for party in row.values():
                if party not in self.parties:
                    raise ValueError(f'cause {cause} names the party "{party}", which parties does not describe')
        return self

    def party(self, cause: str, place_kind: PlaceKind) -> Party:
        row = self.causes[cause]
        return row.get(place_kind, row["else"])


class EvidenceTest(Strict):
    """A condition on one evidence figure; all parts given must hold."""

    words: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None


class ServiceRow(Strict):
    service: str
    causes: tuple[str, ...] = ()
    evidence: dict[str, EvidenceTest] = {}
    forecast_days: float | None = None


class GradeRow(Strict):
    grade: Grade
    service: tuple[str, ...]
    customers: int = Field(ge=1)


class Due(Strict):
    """Exactly one of the three."""

    hours: float | None = Field(None, gt=0)
    working_hours: float | None = Field(None, gt=0)
    working_days: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(v is not None for v in (self.hours, self.working_hours, self.working_days)) != 1:
            raise ValueError("a deadline is one of hours, working_hours, working_days")
        return self


class Important(Strict):
    """A ticket that hits at least `lines` lines of important customers is `steps` grades more urgent."""

    lines: int = Field(ge=1)
    steps: int = Field(ge=0, le=3)


class Grading(Strict):
    important: Important = Important(lines=1, steps=0)
    service: tuple[ServiceRow, ...]
    grades: tuple[GradeRow, ...]
    repair: tuple[str, ...]
    hours: tuple[tuple[time, time], ...] = Field(min_length=1)
    deadlines: dict[TicketKind | Literal["default"], dict[Grade, Due]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.service or self.service[-1] != ServiceRow(service=self.service[-1].service):
            raise ValueError("the last service row must have no conditions, so that every finding has a service")
        for service in {row.service for row in self.service}:
            if not any(service in g.service and g.customers == 1 for g in self.grades):
                raise ValueError(f'service "{service}" with one customer has no grade')
        missing = [g for g in GRADES if g not in self.deadlines.get("default", {})]
        if missing:
            raise ValueError(f"deadlines.default lacks {', '.join(missing)}")
        edges = [t for pair in self.hours for t in pair]
        if edges != sorted(set(edges)):
            raise ValueError("hours must be spans in order that do not overlap")
        return self

    def due(self, kind: TicketKind, grade: Grade) -> Due:
        return self.deadlines.get(kind, {}).get(grade) or self.deadlines["default"][grade]


class Taking(Strict):
    record_only: tuple[str, ...]
    repeat_days: int = Field(ge=0)
    stale_after_close_days: int = Field(ge=0)
    quiet_after_cancel_days: int = Field(ge=0)


class HandRow(Words):
    """One kind of ticket that people open. `job`: work to be done, not a trouble that findings may be part of."""

    grade: Grade
    cause: str
    job: bool


class HandRules(Strict):
    kinds: dict[TicketKind, HandRow]
    propose: tuple[str, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if missing := [kind for kind in get_args(TicketKind) if kind not in self.kinds]:
            raise ValueError(f"these kinds are missing: {', '.join(missing)}")
        if strange := [row.cause for row in self.kinds.values() if row.cause not in CAUSES]:
            raise ValueError(f"these are no causes: {', '.join(strange)}")
        return self


class Span(Strict):
    """A time of one kind: round the clock, or by the working calendar."""

    hours: float | None = Field(None, ge=0)
    working_hours: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.hours is None) == (self.working_hours is None):
            raise ValueError("a time is one of hours, working_hours")
        return self


class EscalationStep(Words):
    name: str = Field(min_length=1)
    tells: str = Field(min_length=1)
    before: dict[Grade, Span] | None = None
    after: dict[Grade, Span] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.before is None) == (self.after is None):
            raise ValueError(f"step {self.name} is one of before, after")
        if missing := [g for g in GRADES if g not in (self.before or self.after or {})]:
            raise ValueError(f"step {self.name} lacks {', '.join(missing)}")
        return self

    def offset(self, grade: Grade) -> Span:
        return (self.before or self.after or {})[grade]


class Escalation(Strict):
    steps: tuple[EscalationStep, ...] = Field(min_length=1)
    grid_leads: dict[str, str] = {}

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [step.name for step in self.steps]
        if len(set(names)) != len(names):
            raise ValueError("each step needs a name of its own")
        return self


class Mark(Strict):
    """What is compared, before and after. See verification.yaml for each kind."""

    kind: Literal["gain", "floor", "spread", "rate", "share", "more", "less"]
    fields: tuple[str, ...]
    by: float = 0.0
    slip: float = 0.0
    at: float = 0.0
    ratio: float = 1.0
    allowed: float = 0.0
    bad: tuple[str, ...] = ()


class HoldRule(Strict):
    """How long and by which marks a repair is judged."""

    hold_hours: float = Field(gt=0)
    fail_after_hours: float = Field(gt=0)
    before_hours: float = Field(gt=0)
    readings: int = Field(ge=1)
    coverage: float = Field(ge=0, le=1)
    lines_read: float = Field(gt=0, le=1)
    lines_held: float = Field(gt=0, le=1)
    must: tuple[str, ...] = ()
    any: tuple[str, ...] = ()


class Verification(Strict):
    marks: dict[str, Mark]
    causes: dict[str, HoldRule]
    kinds: dict[TicketKind, HoldRule] = {}
    answers: dict[str, HoldRule] = {}

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "defaults" not in data:
            return data
        filled = {
            part: {c: {**data["defaults"], **row} for c, row in dict(data.get(part) or {}).items()}
            for part in ("causes", "kinds", "answers")
        }
        return {"marks": data.get("marks"), **filled}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _every_cause(self.causes)
        known = fields()
        for name, mark in self.marks.items():
            if strange := [f for f in mark.fields if f not in known]:
                raise ValueError(f"mark {name} looks at {', '.join(strange)}, which is no field")
        for cause, rule in (*self.causes.items(), *self.kinds.items(), *self.answers.items()):
            if strange := [m for m in (*rule.must, *rule.any) if m not in self.marks]:
                raise ValueError(f"{cause} names the marks {', '.join(strange)}, which marks does not describe")
            if not rule.must and not rule.any:
                raise ValueError(f"{cause} has no mark: nothing could confirm its repair")
        return self

    def rule(self, cause: str, kind: str | None = None, answer: str | None = None) -> HoldRule:
        """How a repair of this cause is judged. An answer with a rule of its own (nothing was found) goes before, then
        a kind (an installation)."""
        if answer is not None and answer in self.answers:
            return self.answers[answer]
        return next((rule for k, rule in self.kinds.items() if k == kind), self.causes[cause])

    def fields_of(self, cause: str, kind: str | None = None, answer: str | None = None) -> tuple[str, ...]:
        """The reading fields that judge a repair of this cause."""
        rule = self.rule(cause, kind, answer)
        return tuple(dict.fromkeys(f for m in (*rule.must, *rule.any) for f in self.marks[m].fields))


class Rules(Strict):
    """All rules together, checked: every cause has words, an owner and a verification."""

    causes: dict[str, CauseWords]
    codes: Codes
    responsibility: Responsibility
    grading: Grading
    taking: Taking
    verification: Verification
    by_hand: HandRules
    escalation: Escalation
    modes: ModeRules
    dispatch: DispatchRules
    hooks: HookRules
    notices: NoticeRules

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _every_cause(self.causes)
        return self

    @classmethod
    def load(cls, folder: Path | None = None) -> "Rules":
        """The rules shipped with the package; a file of the same name in `folder` replaces one of them.

        Raises RulesError naming the file and what is wrong in it.
        """
        data: dict[str, Any] = {}
        sources = {name: _source(name, folder) for name in FILES}
        for name, source in sources.items():
            try:
                data[name] = yaml.safe_load(source.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError) as e:
                raise RulesError(f"{source}: not readable as YAML: {e}") from e
        try:
            return cls.model_validate(data)
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            name, path = str((first["loc"] or ("causes",))[0]), ".".join(str(p) for p in first["loc"][1:])
            raise RulesError(f"{sources[name]}: {path + ': ' if path else ''}{first['msg']}") from e

    def compatible(self, one: str, other: str) -> bool:
        """Whether two causes can be one trouble seen twice."""
        a, b = self.causes[one].family, self.causes[other].family
        return a == b or "any" in (a, b)


def _every_cause(given: Mapping[str, object]) -> None:
    missing = [c for c in CAUSES if c not in given]
    strange = [c for c in given if c not in CAUSES]
    if missing:
        raise ValueError(f"these causes are missing: {', '.join(missing)}")
    if strange:
        raise ValueError(f"these are no causes: {', '.join(strange)}")


def _source(name: str, folder: Path | None) -> Traversable:
    local = folder / f"{name}.yaml" if folder else None
    return local if local and local.is_file() else files("maintenance") / f"{name}.yaml"
