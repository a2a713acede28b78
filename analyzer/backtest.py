"""Replaying the past: what would have been found on each day, with so many visits a week, and how right that was.

A replay looks at nothing after the day it stands on. Each week the best findings that no earlier visit covers become
visits, as many as there is capacity. A visit is true when its finding matches a fault that has begun and that nobody
visited before; a second visit to one fault is false. Nothing is repaired: the past stays as it was.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from analyzer.coax import troubled
from analyzer.foretelling import Foretold, coverage, foretold
from analyzer.history import History
from analyzer.scoring import Match, Truth, score
from analyzer.settings import Settings
from analyzer.steadiness import NOTHING, Told, same_trouble
from plant.finding import Finding

Rule = Callable[[History, date], list[Finding]]
Choice = Callable[[Sequence[Finding], int], list[Finding]]  # of the news, the week's trips; at most so many
Travel = Callable[[Sequence[Finding]], list[float]]  # hours on the way of each of a week's trips

BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0001)  # of probability, for the calibration
PROGRESSIVE_DAYS = 7  # a fault that takes so long from its onset until it hurts can be foreseen


@dataclass(frozen=True)
class Visit:
    """A finding somebody went to. `truth` is an index into the truths, None for a false visit; `match` judges it.

    `travel_h`: hours on the way.
    """

    day: date
    finding: Finding
    truth: int | None
    match: Match | None
    travel_h: float = 0.0


@dataclass(frozen=True)
class Replay:
    """The visits of one rule over a past that is read since `since`.

    `affected` has, per truth, the day its customers began to feel it; `forecasts` are all that were made for findings
    of true faults, week by week, visited or not. `told` counts the troubles told, each once; `went` how often one
    was told no longer the week after, though nothing was repaired; `flickers` how often one came again that had gone.
    """

    rule: str
    visits: tuple[Visit, ...]
    truths: tuple[Truth, ...]
    affected: tuple[date | None, ...]
    days: tuple[date, ...]
    since: date = date.min
    forecasts: tuple[Foretold, ...] = ()
    told: int = 0
    went: int = 0
    flickers: int = 0


def steadily(find: Callable[[History, date, Told], list[Finding]]) -> Rule:
    """A rule that is told each time what it said the time before, as the service does."""
    last = NOTHING

    def rule(history: History, day: date) -> list[Finding]:
        nonlocal last
        last = Told(day, tuple(find(history, day, last)))
        return list(last.findings)

    return rule


def best_first(news: Sequence[Finding], visits: int) -> list[Finding]:
    return list(news[:visits])


def no_travel(trips: Sequence[Finding]) -> list[float]:
    return [0.0] * len(trips)


def replay(
    name: str, rule: Rule, history: History, truths: Sequence[Truth], days: Sequence[date], capacity: int,
    progress: Callable[[], None] = lambda: None, choose: Choice = best_first, travel: Travel = no_travel,
) -> Replay:  # fmt: skip
    """Ask `rule` on each of `days` and send at most `capacity` visits each time.

    `choose` says which of the news are gone to, `travel` how long the ways are. `progress` is called after each day.
    """
    limits = Settings.load()
    affected = tuple(affected_on(history, t, limits) for t in truths)
    visits: list[Visit] = []
    visited: set[int] = set()
    covered: list[frozenset[str]] = []
    forecasts: list[Foretold] = []
    steadiness = _Steadiness()
    for day in days:
        findings = rule(history, day)
        steadiness.see(findings)
        forecasts += [
            what
            for finding in findings
            if (what := foretold(finding, history, day)) is not None and score([finding], truths, day).found
        ]
        trips = choose([f for f in findings if not _is_covered(f, covered)], capacity)
        for finding, way in zip(trips, travel(trips), strict=True):
            judged = score([finding], truths, day)
            match = next((m for m in judged.matches if m.finding is not None), None)
            truth = next((i for i, t in enumerate(truths) if match is not None and t is match.truth), None)
            again = truth is not None and truth in visited
            visits.append(Visit(day, finding, None if again else truth, None if again else match, way))
            if truth is not None:
                visited.add(truth)
            covered.append(frozenset(finding.lines) or frozenset({str(finding.place)}))
        progress()
    return Replay(name, tuple(visits), tuple(truths), affected, tuple(days), first_read(history), tuple(forecasts),
                  steadiness.told, steadiness.went, steadiness.flickers)  # fmt: skip


class _Steadiness:
    """Counts troubles that are told, that are told no more, and that come again."""

    def __init__(self) -> None:
        self.told = self.went = self.flickers = 0
        self._now: list[Finding] = []
        self._gone: list[Finding] = []

    def see(self, findings: Sequence[Finding]) -> None:
        there, gone_before = _told_among(self._now), _told_among(self._gone)
        news = [f for f in findings if not there(f)]
        again = [f for f in news if gone_before(f)]
        self.flickers += len(again)
        self.told += len(news) - len(again)
        still, back = _told_among(findings), _told_among(again)
        gone = [f for f in self._now if not still(f)]
        self.went += len(gone)
        self._gone = [f for f in self._gone if not back(f)] + gone
        self._now = list(findings)


def _told_among(others: Sequence[Finding]) -> Callable[[Finding], bool]:
    """Whether a finding is of the same trouble as one of the others, looked up by its lines."""
    by_line: dict[str, list[Finding]] = {}
    for other in others:
        for line in other.lines:
            by_line.setdefault(line, []).append(other)
    return lambda finding: any(same_trouble(finding, o) for line in finding.lines for o in by_line.get(line, ()))


def first_read(history: History) -> date:
    """The first day on which anything was read: a history asked for may begin long before."""
    read = [np.isfinite(values).any(axis=0) for values in history.values.values()]
    there = np.flatnonzero(np.logical_or.reduce(read)) if read else np.zeros(0, np.int64)
    return history.dates[there[0]].astype(object) if len(there) else date.min


def weekly(first: date, last: date) -> list[date]:
    """Days a week apart, the last of them `last`."""
    return [last - timedelta(days=7 * n) for n in range((last - first).days // 7, -1, -1)]


def affected_on(history: History, truth: Truth, settings: Settings) -> date | None:
    """The first day from the onset on that a customer of the fault reads under the weak-light limit or loses codewords.

    A modem's levels have limits of their own (analyzer/coax.py). None where no reading of the past says so.
    """
    rows = np.flatnonzero(np.isin(history.line_ids.astype(str), sorted(truth.lines)))
    if not len(rows):
        return None
    hurt = np.zeros(len(history.dates), bool)
    rx = history.get("rx_dbm", "q10")
    rx = history.get("rx_dbm", "median") if rx is None else rx
    if rx is not None:
        with np.errstate(invalid="ignore"):
            hurt |= (rx[rows] <= history.weak_dbm[rows, None]).any(axis=0)
    lost = history.get("fec_uncorrected", "increase")
    if lost is not None:
        with np.errstate(invalid="ignore"):
            hurt |= (lost[rows] > 0).any(axis=0)
    hurt |= troubled(history, rows, settings).any(axis=0)
    hurt &= history.dates >= np.datetime64(truth.onset)
    return history.dates[int(hurt.argmax())].astype(object) if hurt.any() else None


@dataclass(frozen=True)
class Figures:
    """How right a replay was. Shares are None where there is nothing to divide by.

    `foreseen`: of the faults that took a week or more to hurt, the share found before; `lead_days`: the median of days
    between the visit and the first hurt, of those found before. `calibration`: per bin of told probability, visits,
    mean probability, and the share whose cause was right. `forecasts_held`: of the `forecasts` of a crossing that can
    be judged by what came, the share that came within its 90 % interval. `told`, `went`, `flickers`: see Replay.
    """

    rule: str
    visits: int
    true: int
    precision: float | None
    faults: int
    found: int
    recall: float | None
    progressive: int
    foreseen: float | None
    lead_days: float | None
    place_right: float | None
    cause_right: float | None
    cause_in_two: float | None
    forecasts: int
    forecasts_held: float | None
    told: int
    went: int
    flickers: int
    crew_hours: float
    crew_hours_per_fault: float | None
    by_cause: Mapping[str, Mapping[str, float | int | None]]
    calibration: tuple[Mapping[str, float | int], ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "calibration": list(self.calibration)}


def figures(told: Replay, crew_hours: Mapping[str, float]) -> Figures:
    """`crew_hours`: hours of a visit by kind of place (analyzer settings)."""
    asked = [i for i, t in enumerate(told.truths) if told.days and t.onset <= told.days[-1]]
    at = {v.truth: v for v in told.visits if v.truth is not None}
    found = [i for i in asked if i in at]
    slow = [
        i
        for i in asked
        if (d := told.affected[i]) is not None
        and told.truths[i].onset >= told.since  # else nobody could have seen it coming
        and (d - told.truths[i].onset).days >= PROGRESSIVE_DAYS
    ]
    leads = [(d - at[i].day).days for i in slow if i in at and (d := told.affected[i]) and at[i].day < d]
    matches = [m for i in found if (m := at[i].match) is not None]
    hours = sum(crew_hours.get(v.finding.place.kind, crew_hours.get("line", 1.0)) + v.travel_h for v in told.visits)
    foretellings = coverage(told.forecasts)
    return Figures(
        rule=told.rule,
        visits=len(told.visits),
        true=len(at),
        precision=_share(len(at), len(told.visits)),
        faults=len(asked),
        found=len(found),
        recall=_share(len(found), len(asked)),
        progressive=len(slow),
        foreseen=_share(len(leads), len(slow)),
        lead_days=float(median(leads)) if leads else None,
        place_right=_share(sum(m.place_right for m in matches), len(matches)),
        cause_right=_share(sum(m.cause_right for m in matches), len(matches)),
        cause_in_two=_share(sum(m.cause_in_two for m in matches), len(matches)),
        forecasts=foretellings[0],
        forecasts_held=foretellings[1],
        told=told.told,
        went=told.went,
        flickers=told.flickers,
        crew_hours=round(hours, 1),
        crew_hours_per_fault=round(hours / len(found), 2) if found else None,
        by_cause=_by_cause(told, asked, at, slow),
        calibration=_calibration(told.visits),
    )


@dataclass(frozen=True)
class Beside:
    """The analyzer's visits beside another rule's.

    `found` and `visits` are the other rule's. `ours`: faults the analyzer finds with the same capacity; `faults` is the
    most anyone could. `ours_at_its_visits`: faults it finds when by every week it has made no more visits than the rule
    had; `most_at_its_visits` is what as many visits can find when each is true. `both`: faults found by both with the
    same capacity; of these `earlier` by the analyzer, by `days_earlier` (median of all `both`).
    """

    rule: str
    visits: int
    found: int
    ours: int
    faults: int
    ours_at_its_visits: int
    most_at_its_visits: int
    both: int
    earlier: int
    days_earlier: float | None


def beside(ours: Replay, other: Replay) -> Beside:
    """What the analyzer finds with the capacity, and with the visits, of another rule over the same past."""
    begun = sum(bool(ours.days) and t.onset <= ours.days[-1] for t in ours.truths)
    found, others = ({v.truth: v.day for v in r.visits if v.truth is not None} for r in (ours, other))
    made = at_its_visits(ours, other)
    both = found.keys() & others.keys()
    days = [(others[i] - found[i]).days for i in both]
    return Beside(
        rule=other.rule,
        visits=len(other.visits),
        found=len(others),
        ours=len(found),
        faults=begun,
        ours_at_its_visits=sum(v.truth is not None for v in made),
        most_at_its_visits=min(len(other.visits), begun),
        both=len(both),
        earlier=sum(d > 0 for d in days),
        days_earlier=float(median(days)) if days else None,
    )


def at_its_visits(ours: Replay, other: Replay) -> list[Visit]:
    """Our visits, in the order they were told, when each waits until the other rule has made as many."""
    waiting, made, allowed = list(ours.visits), [], Counter(v.day for v in other.visits)
    room = 0
    for day in ours.days:
        room += allowed[day]
        while room and waiting and waiting[0].day <= day:
            made.append(replace(waiting.pop(0), day=day))
            room -= 1
    return made


def _by_cause(
    told: Replay, asked: Sequence[int], at: Mapping[int, Visit], slow: Sequence[int]
) -> dict[str, dict[str, float | int | None]]:
    counts: Counter[str] = Counter(told.truths[i].cause for i in asked)
    out: dict[str, dict[str, float | int | None]] = {}
    for cause, number in sorted(counts.items()):
        of_it = [i for i in asked if told.truths[i].cause == cause]
        seen = [at[i] for i in of_it if i in at]
        early = [(d - at[i].day).days for i in of_it if i in slow and i in at and (d := told.affected[i])]
        out[cause] = {
            "faults": number,
            "found": len(seen),
            "cause_right": _share(sum(bool(v.match and v.match.cause_right) for v in seen), len(seen)),
            "days_from_onset": float(
                median((v.day - told.truths[v.truth].onset).days for v in seen if v.truth is not None)
            )
            if seen
            else None,
            "lead_days": float(median(early)) if early else None,
        }
    return out


def _calibration(visits: Sequence[Visit]) -> tuple[dict[str, float | int], ...]:
    out = []
    for low, high in pairwise(BINS):
        inside = [v for v in visits if low <= v.finding.probability < high]
        if inside:
            right = sum(bool(v.match and v.match.cause_right) for v in inside)
            out.append(
                {
                    "from": low,
                    "visits": len(inside),
                    "told": round(float(np.mean([v.finding.probability for v in inside])), 3),
                    "right": round(right / len(inside), 3),
                }
            )
    return tuple(out)


def _is_covered(finding: Finding, covered: Sequence[frozenset[str]]) -> bool:
    """Whether an earlier visit went to most of its lines: one fault, one ticket."""
    lines = frozenset(finding.lines) or frozenset({str(finding.place)})
    return any(len(lines & before) >= 0.5 * len(lines) for before in covered)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
