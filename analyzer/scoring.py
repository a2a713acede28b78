"""Findings against a ground truth: what was found, missed, false, told twice, in the right place, for the right cause.

A finding matches a fault when the fault has begun by the day of the question, and
- their lines overlap mostly: they share at least half of the lines of the smaller set and at least a third of the
  union; or the places are the same.
A fault is found when at least one finding matches it; its best match (same place, then same cause, then largest
overlap, then score) is judged for place and cause; further matches are duplicates. A finding that matches no fault is
false. The place is right when it is the fault's place, or when the fault's node is not in the inventory and the
finding names exactly its lines (at least three quarters of the union) one level above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from plant.finding import Finding


@dataclass(frozen=True)
class Truth:
    """A fault as it is."""

    place: str
    lines: frozenset[str]
    cause: str
    onset: date

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Truth":
        """From an entry of a ground truth file: place, lines, cause, onset (ISO date or date and time)."""
        return cls(
            place=str(entry["place"]),
            lines=frozenset(entry["lines"]),
            cause=str(entry["cause"]),
            onset=date.fromisoformat(str(entry["onset"])[:10]),
        )


@dataclass(frozen=True)
class Match:
    """One fault and what was said of it: `finding` is an index into the findings, None when missed."""

    truth: Truth
    finding: int | None
    place_right: bool = False
    cause_right: bool = False
    cause_in_two: bool = False
    days_late: int | None = None
    duplicates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Score:
    faults: int
    findings: int
    found: int
    missed: int
    false: int
    duplicates: int
    place_right: int
    cause_right: int
    cause_in_two: int
    precision: float
    recall: float
    matches: tuple[Match, ...]
    false_findings: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures, without the matches one by one."""
        return {k: v for k, v in asdict(self).items() if k not in ("matches", "false_findings")}


def score(findings: Sequence[Finding], truths: Sequence[Truth], as_of: date) -> Score:
    """Judge findings of one day. Faults that begin after `as_of` are not asked for. Empty sets give NaN-free zeros."""
    begun = [t for t in truths if t.onset <= as_of]
    pairs: dict[int, list[int]] = {}
    for i, finding in enumerate(findings):
        fits = [j for j, truth in enumerate(begun) if _matches(finding, truth)]
        if fits:
            best = max(fits, key=lambda j: (*_worth(finding, begun[j]), -j))
            pairs.setdefault(best, []).append(i)
    matches = [_judge(truth, findings, pairs.get(j, [])) for j, truth in enumerate(begun)]
    matched = {i for group in pairs.values() for i in group}
    false = tuple(i for i in range(len(findings)) if i not in matched)
    found = sum(m.finding is not None for m in matches)
    duplicates = sum(len(m.duplicates) for m in matches)
    return Score(
        faults=len(begun),
        findings=len(findings),
        found=found,
        missed=len(begun) - found,
        false=len(false),
        duplicates=duplicates,
        place_right=sum(m.place_right for m in matches),
        cause_right=sum(m.cause_right for m in matches),
        cause_in_two=sum(m.cause_in_two for m in matches),
        precision=found / len(findings) if findings else 0.0,
        recall=found / len(begun) if begun else 0.0,
        matches=tuple(matches),
        false_findings=false,
    )


def _matches(finding: Finding, truth: Truth) -> bool:
    if str(finding.place) == truth.place:
        return True
    lines = set(finding.lines)
    both = len(lines & truth.lines)
    return both >= 0.5 * max(min(len(lines), len(truth.lines)), 1) and both >= len(lines | truth.lines) / 3


def _worth(finding: Finding, truth: Truth) -> tuple[bool, bool, float, float]:
    return str(finding.place) == truth.place, finding.cause == truth.cause, _overlap(finding, truth), finding.score


def _overlap(finding: Finding, truth: Truth) -> float:
    lines = set(finding.lines)
    return len(lines & truth.lines) / max(len(lines | truth.lines), 1)


def _judge(truth: Truth, findings: Sequence[Finding], matching: list[int]) -> Match:
    if not matching:
        return Match(truth, None)
    ordered = sorted(matching, key=lambda i: _worth(findings[i], truth), reverse=True)
    best = findings[ordered[0]]
    leading = sorted(best.causes, key=lambda c: -best.causes[c])[:2] or [best.cause]
    unlisted = truth.place.startswith("splitter:") and best.place.kind == "pon" and _overlap(best, truth) >= 0.75
    return Match(
        truth=truth,
        finding=ordered[0],
        place_right=str(best.place) == truth.place or unlisted,
        cause_right=best.cause == truth.cause,
        cause_in_two=truth.cause in leading,
        days_late=(best.onset - truth.onset).days,
        duplicates=tuple(ordered[1:]),
    )
