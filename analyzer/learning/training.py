"""Learn from the older labels, check on the newer ones, decide. What comes out is a model, or physics, and why."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

import numpy as np

from analyzer.learning import boosted
from analyzer.learning.checking import Check, check_cause, check_worth, lead
from analyzer.learning.drift import population
from analyzer.learning.labels import Labels, Limits, Reals
from analyzer.learning.model import CausePart, Model, WorthPart
from analyzer.learning.pooled import EVEN, fit_cause, fit_worth, floored, slips_of

P = TypeVar("P", CausePart, WorthPart)


@dataclass(frozen=True)
class Decision:
    """Of one part (cause or trip). `check` is None where it did not come so far."""

    part: str
    labels: int
    on: bool
    why: str
    method: str | None = None
    check: Check | None = None

    def to_json(self) -> dict[str, Any]:
        told = self.check.to_json() if self.check else None
        return {"part": self.part, "labels": self.labels, "on": self.on, "why": self.why, "method": self.method,
                "check": told}  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """`model` has None for the parts whose decision is against it."""

    model: Model
    decisions: tuple[Decision, ...]
    labels: Labels

    @property
    def on(self) -> bool:
        return any(d.on for d in self.decisions)


def train(labels: Labels, today: date, limits: Limits | None = None) -> Trained:
    """Everything from the labels alone; the same labels give the same model."""
    limits = limits or Limits.load()
    with_cause, with_fault = labels.part(labels.cause >= 0), labels.part(np.isfinite(labels.fault))
    cause, cause_said, slips = _cause(with_cause, limits)
    worth, worth_said = _worth(with_fault, limits)
    until = labels.told_on.max().astype(object) if len(labels) else today
    model = Model(today, until, cause, worth, slips, population(labels) if len(labels) else {})
    return Trained(model, (cause_said, worth_said), labels)


def _cause(labels: Labels, limits: Limits) -> tuple[CausePart | None, Decision, float]:
    labels, left_out = telling(labels, limits)
    split = _in_time(labels, limits)
    if isinstance(split, str):
        why = f"{split}; {left_out}" if left_out else split
        return None, Decision("cause", len(labels), False, why), 0.0
    old, new = split
    slips = slips_of(floored(old.told, limits.share_floor), old)

    def pooled(some: Labels) -> CausePart:
        return fit_cause(some, limits)

    def trees(some: Labels) -> CausePart:
        grown = boosted.fit("cause", some, limits)
        return replace(grown, slips=slips_of(grown(some), some))

    def judge(part: CausePart, some: Labels) -> Reals:
        seen = (1 - part.slips) * part(some) + part.slips * EVEN
        return np.asarray(-np.log(seen[np.arange(len(some)), some.cause]))

    part, method = _chosen(old, limits, pooled, trees, judge)
    if part.slips > limits.noise_limit:
        why = f"{part.slips:.0%} of the cause codes say nothing of the cause; see how tickets are closed"
        return None, Decision("cause", len(labels), False, why, method), slips
    check = check_cause(part(new), slips, new, limits)
    said = Decision("cause", len(labels), check.passed, check.why, method, check)
    return (part if check.passed else None), said, slips


def _worth(labels: Labels, limits: Limits) -> tuple[WorthPart | None, Decision]:
    split = _in_time(labels, limits)
    if isinstance(split, str):
        return None, Decision("trip", len(labels), False, split)
    old, new = split

    def pooled(some: Labels) -> WorthPart:
        return fit_worth(some, limits)

    def trees(some: Labels) -> WorthPart:
        return boosted.fit("worth", some, limits)

    def judge(part: WorthPart, some: Labels) -> Reals:
        p = part(some)
        return np.asarray(-np.where(some.fault > 0.5, np.log(p), np.log(1 - p)))

    part, method = _chosen(old, limits, pooled, trees, judge)
    check = check_worth(part(new), new, limits)
    said = Decision("trip", len(labels), check.passed, check.why, method, check)
    return (part if check.passed else None), said


def telling(labels: Labels, limits: Limits) -> tuple[Labels, str]:
    """The labels of areas whose codes have to do with what physics saw, and a word on the others.

    Codes at random, or always the same one, would teach that physics knows nothing. Codes that go against physics tell
    something too. Small areas are judged together.
    """
    names = np.array([str(a) for a in labels.area], object)
    sizes = Counter(names)
    group = np.array([name if sizes[name] >= limits.least_checked else "small areas" for name in names], object)
    kept, silent = np.zeros(len(labels), np.bool_), []
    for name in sorted(set(group)):
        rows = np.flatnonzero(group == name)
        if abs(association(labels.part(rows), limits)) > limits.telling_z:
            kept[rows] = True
        else:
            silent.append(f"{name} ({len(rows)})")
    word = f"codes that have nothing to do with what physics saw are left out: {', '.join(silent)}" if silent else ""
    return labels.part(np.flatnonzero(kept)), word


def association(labels: Labels, limits: Limits) -> float:
    """How many deviations the mean log probability that physics gave to the codes is over that of codes dealt out anew.

    Mean and variance over all permutations in closed form (Hoeffding 1951); 0 where every code is the same.
    """
    n, y = len(labels), labels.cause
    if n < 3:
        return 0.0
    logs = np.log(floored(labels.told, limits.share_floor))  # (n, causes)
    share = np.bincount(y, minlength=logs.shape[1]) / n
    of_finding, of_code = logs @ share, logs.mean(axis=0)
    whole = float(of_finding.mean())
    rest = logs - of_finding[:, None] - of_code + whole
    variance = n * float((rest**2 @ share).sum()) / (n - 1)
    total = float(logs[np.arange(n), y].sum()) - n * whole
    return total / float(variance**0.5) if variance > 1e-9 else 0.0


def _chosen(
    labels: Labels, limits: Limits, pooled: Callable[[Labels], P], trees: Callable[[Labels], P],
    judge: Callable[[P, Labels], Reals],
) -> tuple[P, str]:  # fmt: skip
    """Trees where they are surely better than pooling on the newest of the labels to learn from, else pooling."""
    inner = _in_time(labels, limits) if len(labels) >= limits.many_labels and boosted.installed() else ""
    if not isinstance(inner, str):
        old, new = inner
        gain, error = lead(judge(pooled(old), new) - judge(trees(old), new))
        if gain - limits.confidence * error > 0:
            return trees(labels), "boosted trees"
    return pooled(labels), "pooled shifts"


def _in_time(labels: Labels, limits: Limits) -> tuple[Labels, Labels] | str:
    """Labels known before a day, and those of findings told from that day on; or why there are too few."""
    if len(labels) < limits.least_labels:
        return f"{len(labels)} labels; {limits.least_labels} are needed to learn from"
    told = np.sort(labels.told_on)
    cut = told[int(len(told) * (1 - limits.checked_share))]
    old, new = labels.part(labels.known_on < cut), labels.part(labels.told_on >= cut)
    if len(new) < limits.least_checked or len(old) < limits.least_checked:
        return (
            f"{len(old)} labels known before {cut} and {len(new)} of findings told from then on; "
            f"{limits.least_checked} of each are needed"
        )
    return old, new
