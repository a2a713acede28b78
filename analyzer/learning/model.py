"""What was learnt, what was said for and against it, and findings in its light."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from analyzer.learning.boosted import Boosted
from analyzer.learning.checking import Check, check_cause, check_worth
from analyzer.learning.drift import Drift, faded, moved, population
from analyzer.learning.labels import NAMED, Labels, Limits, kind_of, told_by
from analyzer.learning.pooled import PooledCause, PooledWorth
from analyzer.ranking import ranked
from plant.finding import CAUSES, Finding

FORMAT = 1

CausePart = PooledCause | Boosted
WorthPart = PooledWorth | Boosted
Whose = Callable[[Finding], tuple[str | None, str | None]]
"""Area and maker of a finding, None where unknown or mixed."""


class ModelError(ValueError):
    """A model that cannot be used; the message says why."""


@dataclass(frozen=True)
class Model:
    """`cause` and `worth` are None where physics stays. `until`: labels known later were not learnt from."""

    trained_on: date
    until: date
    cause: CausePart | None
    worth: WorthPart | None
    physics_slips: float = 0.0
    before: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        body = {
            "format": FORMAT, "trained_on": self.trained_on.isoformat(), "until": self.until.isoformat(),
            "cause": self.cause.to_json() if self.cause else None,
            "worth": self.worth.to_json() if self.worth else None,
            "physics_slips": self.physics_slips, "before": {k: dict(v) for k, v in self.before.items()},
        }  # fmt: skip
        return {**body, "digest": _digest(body)}

    @classmethod
    def from_json(cls, data: Any) -> "Model":
        """Raises ModelError for what is damaged or of another format."""
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ModelError(f"it is not of format {FORMAT}")
        body = {key: value for key, value in data.items() if key != "digest"}
        if data.get("digest") != _digest(body):
            raise ModelError("its digest does not fit its content")
        try:
            cause, worth = body["cause"], body["worth"]
            return cls(
                date.fromisoformat(body["trained_on"]), date.fromisoformat(body["until"]),
                None if cause is None else (Boosted if cause["kind"] == "boosted" else PooledCause).from_json(cause),
                None if worth is None else (Boosted if worth["kind"] == "boosted" else PooledWorth).from_json(worth),
                float(body["physics_slips"]), body["before"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"its content makes no sense ({error})") from None


def recalibrated(findings: Sequence[Finding], model: Model | None, whose: Whose) -> list[Finding]:
    """The findings with what was learnt, ranked anew; what physics told stays beside. Without a model: as they are."""
    if model is None or (model.cause is None and model.worth is None) or not findings:
        return list(findings)
    findings = [as_physics_told(f) for f in findings]
    labels = _asked(findings, whose)
    causes = model.cause(labels) if model.cause else None
    worth = model.worth(labels) if model.worth else None
    out = []
    for i, finding in enumerate(findings):
        told = finding
        if causes is not None and _named(finding) > 0:
            told = _with_causes(told, causes[i])
        if worth is not None and finding.worth:
            learnt = float(worth[i])
            told = replace(told, worth=learnt, physics_worth=finding.worth, score=told.score * learnt / finding.worth)
        out.append(told)
    return ranked(out)


def as_physics_told(finding: Finding) -> Finding:
    """The finding before anything learnt."""
    told = finding
    if finding.physics:
        best = max(finding.physics, key=lambda c: finding.physics[c])
        told = replace(told, cause=next(c for c in CAUSES if c == best), probability=finding.physics[best],
                       causes=finding.physics, physics={})  # fmt: skip
    if finding.physics_worth is not None and finding.worth:
        told = replace(told, worth=finding.physics_worth, score=told.score * finding.physics_worth / finding.worth,
                       physics_worth=None)  # fmt: skip
    return told


def watched(model: Model, labels: Labels, limits: Limits) -> Drift:
    """The two tests of drift on labels told after those that were learnt from and checked."""
    newer = labels.part(labels.told_on > np.datetime64(model.until))
    gone, figures = moved(model.before, population(newer), limits) if len(newer) else ("", {})
    checks: dict[str, Check] = {}
    with_cause, with_fault = newer.part(newer.cause >= 0), newer.part(np.isfinite(newer.fault))
    if model.cause is not None and len(with_cause) >= limits.drift_least:
        checks["cause"] = check_cause(model.cause(with_cause), model.physics_slips, with_cause, limits)
    if model.worth is not None and len(with_fault) >= limits.drift_least:
        checks["trip"] = check_worth(model.worth(with_fault), with_fault, limits)
    worse, more = faded(checks, limits)
    return Drift(len(newer), gone or worse, {"population": figures, "calibration": more})


def _named(finding: Finding) -> float:
    return sum(p for cause, p in finding.causes.items() if cause != "unknown")


def _with_causes(finding: Finding, learnt: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Finding:
    """`unknown` keeps the share that physics gave it."""
    share = _named(finding)
    causes = {name: share * float(p) for name, p in zip(NAMED, learnt, strict=True) if p > 1e-4}
    if "unknown" in finding.causes:
        causes["unknown"] = finding.causes["unknown"]
    total = sum(causes.values())
    causes = dict(sorted(((c, p / total) for c, p in causes.items()), key=lambda item: -item[1]))
    best = max(causes, key=lambda c: causes[c])
    return replace(
        finding, cause=next(c for c in CAUSES if c == best), probability=causes[best], causes=causes,
        physics=dict(finding.causes),
    )  # fmt: skip


def _asked(findings: Sequence[Finding], whose: Whose) -> Labels:
    """Findings as labels without an answer."""
    n = len(findings)
    groups = [whose(f) for f in findings]
    day = np.full(n, np.datetime64("NaT"), "datetime64[D]")
    return Labels(
        told=told_by([f.causes or {f.cause: f.probability} for f in findings]),
        worth=np.array([1.0 if f.worth is None else f.worth for f in findings]),
        score=np.array([f.score for f in findings], np.float64),
        lines=np.array([len(f.lines) for f in findings], np.int64),
        kind=np.array([kind_of(str(f.place)) for f in findings], np.int64),
        area=np.array([g[0] for g in groups], object), maker=np.array([g[1] for g in groups], object),
        cause=np.full(n, -1, np.int64), fault=np.full(n, np.nan), told_on=day, known_on=day,
    )  # fmt: skip


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
