"""Closed means verified: whether a repair held, judged from readings before and after it. Pure; arrays in, verdict out.

The rules (how many hours must hold for which cause, by which marks) are in verification.yaml.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from maintenance.readings import LineReadings, by_line
from maintenance.rules import HoldRule, Mark, Rules
from maintenance.text import moment
from maintenance.ticket import plain
from plant.fields import fields as field_names

Verdict = Literal["held", "failed", "undecided"]
Outcome = bool | None
"""One mark on one line: held, failed, or no readings to tell."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """What new readings say about one repair.

    `resolved_at` names the repair; `readings_since` counts the readings after it; `figures` are what was compared, with
    units, over the lines that were read; `reasons` say in words what decided.
    """

    verdict: Verdict
    resolved_at: datetime
    readings_since: int
    hours: float
    needed_hours: float
    lines: int = 0
    lines_read: int = 0
    lines_held: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class ReadingsNeeded:
    """What to read from the store to judge a repair: these fields, from `before_hours` before it until now."""

    fields: tuple[str, ...]
    before_hours: float
    hold_hours: float


def readings_needed(cause: str, rules: Rules, kind: str | None = None, answer: str | None = None) -> ReadingsNeeded:
    """`kind`: the ticket's; `answer`: the cause code it was resolved with. Some are judged by rules of their own."""
    rule = rules.verification.rule(cause, kind, answer)
    return ReadingsNeeded(rules.verification.fields_of(cause, kind, answer), rule.before_hours, rule.hold_hours)


def judge(
    cause: str,
    before: pa.Table,
    after: pa.Table,
    resolved_at: datetime,
    now: datetime,
    rules: Rules,
    lines: Sequence[str] | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    answer: str | None = None,
) -> Judgement:
    """Judge a repair of `cause` (in a ticket of `kind`, with the cause code `answer`) resolved at `resolved_at`.

    `before` and `after` hold raw readings: `time` (timestamp with zone), any of the fields that
    `readings_needed` names, and `line_id` where they are of more than one line. Rows of `after` up to the repair or
    later than `now` never count, nor rows of `before` after it, nor those before `since`, the onset of the trouble:
    light of its good days would hide that a repair gained anything. `lines` are all lines of the ticket (None: those
    read). Too few readings, hours or lines: undecided, with the reason.
    """
    resolved_at, now = moment("resolved_at", resolved_at), moment("now", now)
    rule = rules.verification.rule(cause, kind, answer)
    wanted = rules.verification.fields_of(cause, kind, answer)
    begin = resolved_at - timedelta(hours=rule.before_hours)
    begin = begin if since is None else max(begin, min(moment("since", since), resolved_at))
    old = by_line(before, wanted, begin, resolved_at)
    new = by_line(after, wanted, resolved_at, now)
    if lines is not None and len(lines) == 1:  # a table of one line need not name it
        old, new = ({lines[0] if i == "" else i: r for i, r in side.items()} for side in (old, new))
    everyone = sorted({*old, *new}) if lines is None else sorted(set(lines))
    readings = sum(len(new[i].seconds) for i in everyone if i in new)
    start = resolved_at.timestamp()
    hours = max((float(new[i].seconds.max()) - start for i in everyone if i in new), default=0.0) / 3600
    judged = {i: _line(old.get(i), new[i], rule, rules.verification.marks, hours) for i in everyone if i in new}
    told = {i: verdict for i, (verdict, _) in judged.items() if verdict is not None}
    held = sum(told.values())
    verdict, reasons = _verdict(rule, len(everyone), told, held, hours)
    return Judgement(
        verdict, resolved_at, readings, round(hours, 2), rule.hold_hours, len(everyone), len(told), held,
        _summary([marks for _, marks in judged.values()], rules.verification.marks), reasons,
    )  # fmt: skip


def _verdict(
    rule: HoldRule, lines: int, told: Mapping[str, bool], held: int, hours: float
) -> tuple[Verdict, tuple[str, ...]]:
    read = len(told)
    if read == 0 or read < rule.lines_read * lines:
        return "undecided", (f"{read} of {lines} lines have enough new readings; {rule.lines_read:.0%} are needed",)
    if held < rule.lines_held * read:
        if hours < rule.fail_after_hours:
            return "undecided", (f"no improvement yet; after {rule.fail_after_hours:g} h it counts as failed",)
        return "failed", (f"held on {held} of {read} lines; {rule.lines_held:.0%} are needed",)
    if hours < rule.hold_hours:
        return "undecided", (f"held for {hours:.1f} h; {rule.hold_hours:g} h are needed",)
    return "held", (f"held on {held} of {read} lines for {hours:.1f} h",)


Measured = dict[str, tuple[Outcome, float, float]]
"""Mark and field → outcome, figure before, figure after (NaN where unknown)."""


def _line(
    old: LineReadings | None, new: LineReadings, rule: HoldRule, marks: Mapping[str, Mark], hours: float
) -> tuple[Outcome, Measured]:
    """Whether one line held; None with too few readings."""
    if len(new.seconds) < rule.readings or new.hours_read() < rule.coverage * min(hours, rule.hold_hours):
        return None, {}
    measured: Measured = {}
    outcomes = {name: _mark(name, marks[name], old, new, measured) for name in (*rule.must, *rule.any)}
    must = [o for name in rule.must if (o := outcomes[name]) is not None]
    some = [o for name in rule.any if (o := outcomes[name]) is not None]
    if all(must) and old is not None and _was_dark(old, rule, marks):
        return True, measured  # dark when they came, lit since: whatever it read before it went dark
    if not all(must) or (some and not any(some)):
        return False, measured
    if rule.any and not some:
        # dark before, lit now: there is no power from before to compare with, and none is needed
        back = any(m.kind == "share" and _came_back(m, name, measured) for name in rule.must if (m := marks[name]))
        return (True if back else None), measured
    if not rule.any and not must:
        return None, measured
    return True, measured


def _was_dark(old: LineReadings, rule: HoldRule, marks: Mapping[str, Mark]) -> bool:
    """Whether the last that was read of the line before the repair is a state that must not be any more."""
    shares = [marks[name] for name in rule.must if marks[name].kind == "share"]
    words = [(mark, old.words(column)) for mark in shares for column in mark.fields]
    return any(len(said) > 0 and said[-1] in mark.bad for mark, said in words)


def _came_back(mark: Mark, name: str, measured: Measured) -> bool:
    figures = [measured[key] for column in mark.fields if (key := f"{name}.{column}") in measured]
    return any(bool(outcome) and before > mark.at for outcome, before, _ in figures)


def _mark(name: str, mark: Mark, old: LineReadings | None, new: LineReadings, measured: Measured) -> Outcome:
    """A mark on one line over its fields: one must show the improvement, none may contradict it."""
    outcomes: list[bool] = []
    bad = False
    for column in mark.fields:
        outcome, before, after, contradicts = MEASURES[mark.kind](mark, column, old, new)
        if outcome is not None:
            measured[f"{name}.{column}"] = (outcome, before, after)
            outcomes.append(outcome)
            bad = bad or contradicts
    if not outcomes:
        return None
    return not bad and any(outcomes)


Measure = tuple[Outcome, float, float, bool]
_NOTHING: Measure = (None, float("nan"), float("nan"), False)
_FEW = 3  # values: a median of fewer says nothing


def _pair(column: str, old: LineReadings | None, new: LineReadings) -> tuple[Floats, Floats] | None:
    """The column's values before and after, None unless both have enough."""
    a = old.numbers(column) if old is not None else np.empty(0)
    b = new.numbers(column)
    return (a, b) if min(len(a), len(b)) >= _FEW else None


def _gain(mark: Mark, column: str, old: LineReadings | None, new: LineReadings) -> Measure:
    pair = _pair(column, old, new)
    if pair is None:
        return _NOTHING
    before, after = float(np.median(pair[0])), float(np.median(pair[1]))
    part = max(len(pair[1]) // 3, 1)
    slipped = float(np.median(pair[1][:part]) - np.median(pair[1][-part:])) > mark.slip
    gained = after - before >= mark.by or _as_in_good_hours(mark, *pair)
    return gained and not slipped, before, after, slipped or after - before < -mark.slip


def _as_in_good_hours(mark: Mark, old: Floats, new: Floats) -> bool:
    """Good and bad hours before the repair, and only good ones since: a fault too young for a median to show it."""
    bad, good = np.quantile(old, (0.1, 0.9))
    return bool(good - bad >= mark.by and np.quantile(new, 0.1) >= good - mark.slip)


def _floor(mark: Mark, column: str, _old: LineReadings | None, new: LineReadings) -> Measure:
    values = new.numbers(column)
    if len(values) < _FEW:
        return _NOTHING
    low = float(np.quantile(values, 0.1))
    return low >= mark.at, float("nan"), low, low < mark.at


def _spread(mark: Mark, column: str, old: LineReadings | None, new: LineReadings) -> Measure:
    pair = _pair(column, old, new)
    if pair is None:
        return _NOTHING
    before, after = (float(np.subtract(*np.quantile(v, (0.95, 0.05)))) for v in pair)
    return after <= mark.ratio * before, before, after, False


def _rate(mark: Mark, column: str, old: LineReadings | None, new: LineReadings) -> Measure:
    after = new.per_hour(column)
    before = old.per_hour(column) if old is not None else float("nan")
    if np.isnan(after) or np.isnan(before) or before <= mark.allowed:
        # a line without errors before the repair cannot show that they are gone; one that makes them now speaks
        return (False, before, after, True) if after > mark.allowed else _NOTHING
    held = after <= max(mark.allowed, mark.ratio * before)
    return held, before, after, not held


def _share(mark: Mark, column: str, old: LineReadings | None, new: LineReadings) -> Measure:
    words = new.words(column)
    if len(words) < _FEW:
        return _NOTHING
    after = float(np.isin(words, mark.bad).mean())
    earlier = old.words(column) if old is not None else np.empty(0, dtype=object)
    before = float(np.isin(earlier, mark.bad).mean()) if len(earlier) else float("nan")
    return after <= mark.at, before, after, after > mark.at


def _times(mark: Mark, column: str, old: LineReadings | None, new: LineReadings) -> Measure:
    pair = _pair(column, old, new)
    if pair is None:
        return _NOTHING
    before, after = float(np.median(pair[0])), float(np.median(pair[1]))
    held = after >= mark.ratio * before if mark.kind == "more" else after <= mark.ratio * before
    return held, before, after, False


MEASURES: Mapping[str, Callable[[Mark, str, LineReadings | None, LineReadings], Measure]] = {
    "gain": _gain, "floor": _floor, "spread": _spread, "rate": _rate, "share": _share, "more": _times, "less": _times,
}  # fmt: skip


def _summary(lines: Sequence[Measured], marks: Mapping[str, Mark]) -> dict[str, Any]:
    """The median figure before and after over the lines that were read, and on how many the mark held."""
    known = field_names()
    figures: dict[str, Any] = {}
    for key in dict.fromkeys(k for measured in lines for k in measured):
        rows = [measured[key] for measured in lines if key in measured]
        name, _, column = key.partition(".")
        unit = {"rate": f"{known[column].unit}/h", "share": ""}.get(marks[name].kind, known[column].unit)
        figures[key] = {
            "before": _median([before for _, before, _ in rows]),
            "after": _median([after for _, _, after in rows]),
            "unit": unit,
            "held": sum(bool(outcome) for outcome, _, _ in rows),
            "lines": len(rows),
        }
    return figures


def _median(values: Sequence[float]) -> float | None:
    real = [v for v in values if not np.isnan(v)]
    return round(float(np.median(real)), 3) if real else None
