"""Findings that stay: what was told is not taken back because a day's evidence falls just short of the threshold.

A finding is told when its evidence passes the false-discovery control, and taken back when its figures have clearly
returned: two thresholds instead of one, so that a fault at the edge does not come and go from one run to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from analyzer.arrays import Floats, Ints
from analyzer.coax import SIDES
from analyzer.history import History
from analyzer.polish import row_medians
from analyzer.settings import Settings
from plant.finding import Figure, Finding, Forecast

LAST_SEEN = "last_seen"  # in the evidence of a finding that is held: the day its evidence was last enough by itself
SWING = "swing"  # q90 − q10 of a day
PASSING = ("mains_outage",)  # over when it is over: nothing to hold


@dataclass(frozen=True)
class Sign:
    """A figure that carries a finding: `worse` is its sign, `family` the scanned figure whose material rise counts."""

    field: str
    statistic: str
    worse: int
    family: str
    scale: str = ""


LIGHT = (
    Sign("rx_dbm", "median", -1, "down"),
    Sign("olt_rx_dbm", "median", -1, "up"),
    Sign("rx_dbm", SWING, 1, "spread"),
)
COAX = tuple(Sign(side.field, "median", side.worse, family) for family, side in SIDES.items())
SIGNS = {
    "ont_laser": (Sign("bias_ma", "median", 1, "bias", "ln"), Sign("tx_dbm", "median", -1, "tx")),
    "ont_power": (Sign("state", "changes", 1, "drops", "sqrt"), Sign("voltage_v", "min", -1, "sag")),
    "ethernet": (Sign("eth_speed_mbps", "median", -1, "speed", "log10"),),
    "rogue_ont": (Sign("bip_errors", "increase", 1, "bip", "log10"),),
    "coax_drop": COAX,
    "coax_plant": COAX,
}  # every other cause is seen in the light
HALVED = 0.6  # decades: a speed that fell to a quarter
WEEK = 7
LEAST_READ = 3  # days of a week that must have readings


@dataclass(frozen=True)
class Told:
    """What the run before said, as of its day."""

    on: date
    findings: tuple[Finding, ...]


NOTHING = Told(date.min, ())


def steady(found: Sequence[Finding], told: Told, history: History, as_of: date, settings: Settings) -> list[Finding]:
    """`found`, and of `told` what today's readings do not clearly take back; unranked.

    A held finding keeps what it said, its forecast counted from today. What is found today of a place narrower than a
    held one is part of it and is not told beside it. Findings whose lines are not in `history` are left out.
    """
    rows = {str(line): row for row, line in enumerate(history.line_ids)}
    mine = [f for f in told.findings if f.cause not in PASSING and any(line in rows for line in f.lines)]
    kept: list[Finding] = []
    for old in mine:
        if any(_same(old, new) for new in found):
            continue
        at = np.array([rows[line] for line in old.lines if line in rows], dtype=np.int64)
        if not _taken_back(old, at, history, as_of, settings):
            kept.append(_held(old, told.on, as_of))
    return [new for new in found if not any(_part_of(new, old) for old in kept)] + kept


def same_trouble(one: Finding, other: Finding) -> bool:
    """Whether two findings are of one trouble: they share at least half of the lines of the smaller."""
    shared = len(set(one.lines) & set(other.lines))
    return shared >= 0.5 * max(min(len(one.lines), len(other.lines)), 1)


def _same(old: Finding, new: Finding) -> bool:
    """Whether a finding of today goes on with an old one: it names at least half of its lines."""
    return len(set(old.lines) & set(new.lines)) >= 0.5 * len(old.lines)


def _part_of(new: Finding, old: Finding) -> bool:
    return len(new.lines) < len(old.lines) and set(new.lines) <= set(old.lines) and _signs(new) == _signs(old)


def _signs(finding: Finding) -> tuple[Sign, ...]:
    return SIGNS.get(finding.cause, LIGHT)


def _held(old: Finding, on: date, as_of: date) -> Finding:
    seen = old.evidence.get(LAST_SEEN, Figure(on.isoformat()))
    passed = max((as_of - on).days, 0)
    f = old.forecast
    if f is not None:
        f = Forecast(f.limit_dbm, *(round(max(0.0, days - passed), 1) for days in (f.low, f.mid, f.high)))
    return replace(old, evidence={**old.evidence, LAST_SEEN: seen}, forecast=f)


def _taken_back(old: Finding, rows: Ints, history: History, as_of: date, settings: Settings) -> bool:
    """Whether every figure that carried the finding has come back most of its way, or none carried it for long.

    A fault that began before the window has no days to be held against: there it must fall by what is worth a trip.
    """
    onset = int(np.searchsorted(history.dates, np.datetime64(old.onset)))
    carried = False
    for sign in _signs(old):
        family = settings.families.get(sign.family)
        material = family.material if family else HALVED
        rise, now = _course(sign, rows, onset, history)
        if onset < WEEK:
            carried = True
            if rise - now >= (1 - settings.gone_share) * material:
                return True
        elif rise >= 0.5 * material:
            carried = True
            if not now < settings.gone_share * rise:  # nor where nothing was read of late
                return False
    if carried:
        return onset >= WEEK
    seen = old.evidence.get(LAST_SEEN)
    return seen is not None and (as_of - date.fromisoformat(str(seen.value))).days > settings.hold_days


def _course(sign: Sign, rows: Ints, onset: int, history: History) -> tuple[float, float]:
    """The worst week since the onset and the last week, over the days before the onset, of what the rows share."""
    values = _read(sign, rows, history)
    if values is None or onset >= values.shape[1]:
        return np.nan, np.nan
    level = row_medians(values[:, :onset] if onset >= WEEK else values)
    course = row_medians(np.ascontiguousarray((values - level[:, None]).T))
    since = [_mean(course[max(onset, end - WEEK) : end]) for end in range(onset + LEAST_READ, len(course) + 1)]
    return float(np.fmax.reduce(since, initial=-np.inf)), _mean(course[-WEEK:])


def _read(sign: Sign, rows: Ints, history: History) -> Floats | None:
    """The rows' readings (rows, days), scaled, more being worse."""
    if sign.statistic == SWING:
        low, high = history.get(sign.field, "q10"), history.get(sign.field, "q90")
        read = None if low is None or high is None else high[rows] - low[rows]
    else:
        found = history.get(sign.field, sign.statistic)
        read = None if found is None else found[rows]
    if read is None:
        return None
    if sign.scale == "ln":
        read = np.log(np.where(read > 0, read, np.nan))
    elif sign.scale == "log10":
        read = np.log10(1 + np.maximum(read, 0))
    elif sign.scale == "sqrt":
        read = np.sqrt(np.maximum(read / 2, 0))
    return np.asarray(sign.worse * read, dtype=np.float32)


def _mean(days: Floats) -> float:
    read = days[np.isfinite(days)]
    return float(np.mean(read)) if len(read) >= LEAST_READ else np.nan
