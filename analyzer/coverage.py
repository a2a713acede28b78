"""Coverage good rate: which lines are as they should be, and why the others are not.

A line is good when it is up, inside its power budget with margin, without uncorrectable errors, and negotiated at the
speed sold. A condition that nothing was read for is not held against it; a line that was not read at all is "no
reading": it counts neither as good nor as bad. The limits are the settings' `coverage` (docs/analyzer.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.arrays import Ints, Mask, Reals
from analyzer.settings import CoverageLimits, Settings
from plant.pon_classes import PonClass

# Bits of Verdict.reasons; their names are the words of the API.
REASONS: Mapping[str, int] = {"down": 1, "weak": 2, "overload": 4, "errors": 8, "slow": 16, "coax_level": 32}
COAX = "coax"


@dataclass(frozen=True)
class Verdict:
    """Per line, all (lines,). A condition that could not be judged is true; `margin_db` is NaN then.

    `good` is meant for lines with `read` only; `reasons` are bits of REASONS.
    """

    read: Mask
    up: Mask
    within_budget: Mask
    margin_db: Reals
    clean: Mask
    speed_ok: Mask
    good: Mask
    reasons: Ints


@dataclass(frozen=True)
class Group:
    """Counts of one area, grid or device; `rate` is good over read, None where nothing was read."""

    lines: int
    read: int
    good: int
    reasons: Mapping[str, int]

    @property
    def rate(self) -> float | None:
        return self.good / self.read if self.read else None


def judge(
    latest: Mapping[str, npt.NDArray[Any]],
    technology: npt.NDArray[np.object_],
    classes: Sequence[PonClass],
    class_code: Ints,
    sold_mbps: npt.NDArray[np.floating[Any]],
    settings: Settings,
) -> Verdict:
    """Judge lines by their newest readings.

    `latest` maps field names to (lines,) arrays: floats with NaN, `state` as words with None, and of the counters
    `fec_uncorrected` and `cw_uncorrected` the increase over the last day. Any of them may be missing. `class_code`
    indexes `classes`, −1 without an optical budget. `sold_mbps` is NaN where unknown.
    """
    limits = settings.coverage
    lines = len(technology)
    coax = np.asarray(technology == COAX)
    state = latest.get("state")
    words = np.full(lines, None, dtype=object) if state is None else np.asarray(state, dtype=object)
    up_told = np.array([w is not None for w in words], dtype=np.bool_)
    down = up_told & np.asarray(words != "up")

    rx = _read(latest, "rx_dbm", lines)
    floor = np.array([*(c.ont_rx[0] for c in classes), np.nan])[class_code]
    ceiling = np.array([*(c.ont_rx[1] for c in classes), np.nan])[class_code]
    received, spare = _read(latest, "olt_rx_dbm", lines), np.full(lines, np.nan)
    up_floor = np.array([*(c.olt_rx[0] for c in classes), np.nan])[class_code]
    np.subtract(received, up_floor, out=spare)
    margin = np.where(coax, np.nan, np.fmin(rx - floor, spare))
    weak = margin < limits.margin_db
    overload = ~coax & (rx > ceiling)

    level = coax & _coax_bad(latest, lines, limits)
    lost = np.fmax(_read(latest, "fec_uncorrected", lines), _read(latest, "cw_uncorrected", lines))
    errors = lost > limits.bad_codewords
    speed = _read(latest, "eth_speed_mbps", lines)
    # a port that negotiates its best can still be slower than a speed sold beyond it: share leaves room for rounding
    slow = speed < limits.speed_share * np.asarray(sold_mbps, dtype=np.float64)

    measured = [np.isfinite(_read(latest, f, lines)) for f in latest if f != "state"]
    read = np.logical_or.reduce([up_told, *measured])
    # a line that is down cannot be judged by what was read before it went
    weak, overload, errors, slow, level = (flag & ~down for flag in (weak, overload, errors, slow, level))
    flags = {"down": down, "weak": weak, "overload": overload, "errors": errors, "slow": slow, "coax_level": level}
    reasons = np.zeros(lines, dtype=np.int64)
    for name, flag in flags.items():
        reasons[flag] |= REASONS[name]
    return Verdict(
        read=read,
        up=~down,
        within_budget=~(weak | overload | level),
        margin_db=margin,
        clean=~errors,
        speed_ok=~slow,
        good=read & (reasons == 0),
        reasons=reasons,
    )


def by_group(verdict: Verdict, codes: Ints, groups: int) -> list[Group]:
    """Counts of each group; `codes` (lines,) names the group of a line, −1 for none."""
    inside = codes >= 0
    size = np.bincount(codes[inside], minlength=groups)
    read = np.bincount(codes[inside & verdict.read], minlength=groups)
    good = np.bincount(codes[inside & verdict.good], minlength=groups)
    why = {
        name: np.bincount(codes[inside & verdict.read & (verdict.reasons & bit > 0)], minlength=groups)
        for name, bit in REASONS.items()
    }
    return [
        Group(int(size[g]), int(read[g]), int(good[g]), {name: int(count[g]) for name, count in why.items()})
        for g in range(groups)
    ]


def reason_names(reasons: int) -> list[str]:
    return [name for name, bit in REASONS.items() if reasons & bit]


def _read(latest: Mapping[str, npt.NDArray[Any]], field: str, lines: int) -> Reals:
    found = latest.get(field)
    return np.full(lines, np.nan) if found is None else np.asarray(found, dtype=np.float64)


def _coax_bad(latest: Mapping[str, npt.NDArray[Any]], lines: int, limits: CoverageLimits) -> Mask:
    low, high = limits.coax_us_power_dbmv
    sent = _read(latest, "us_power_dbmv", lines)
    return np.asarray(
        (np.abs(_read(latest, "ds_power_dbmv", lines)) > limits.coax_ds_power_dbmv)
        | (_read(latest, "ds_snr_db", lines) < limits.coax_ds_snr_db)
        | (sent < low)
        | (sent > high)
        | (_read(latest, "reflection_dbc", lines) > limits.coax_reflection_dbc)
    )
