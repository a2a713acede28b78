"""The plant tree as the lines themselves tell it: who hangs on one splitter moves together from one day to the next.

Of every PON port the lines' own losses (what the port has in common taken out) are compared by their daily changes, the
strongest days of each held down, so that one step both share is not everything. Lines whose changes agree far beyond
chance are one leg. A leg is offered where the inventory names no splitter for its lines, or another one than for the
lines it moves with; nothing is changed by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from analyzer.arrays import Floats, Ints, Mask, Reals
from analyzer.history import History
from analyzer.losses import down_loss, rebaselined, rebaselines, up_loss
from analyzer.polish import centred, group_medians, row_medians, spread_out
from analyzer.settings import Settings
from analyzer.weather import temperature, without_weather

CUT = 4.0  # robust deviations beyond which a day's change is cut


@dataclass(frozen=True)
class Leg:
    """Lines of one port that move together. `correlation`: the median over their pairs; `days` compared.

    `named`: the splitters (of the second stage, else the first) the inventory names for them, None among them for
    lines without one; `rest`: lines it hangs on one of these splitters that do not move with them.
    """

    pon: str
    lines: tuple[str, ...]
    correlation: float
    days: int
    named: tuple[str | None, ...]
    rest: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "pon": self.pon, "lines": list(self.lines), "correlation": round(self.correlation, 3), "days": self.days,
            "named": list(self.named), "rest": list(self.rest),
        }  # fmt: skip


def legs(history: History, settings: Settings) -> list[Leg]:
    """Corrections to offer, most lines first. Ports with fewer than `common_lines` lines read are not judged."""
    changes = _daily_changes(history, settings)
    if changes is None:
        return []
    tree = history.tree
    read = (tree.pon >= 0) & (np.isfinite(changes).sum(axis=1) >= settings.least_days)
    order = np.flatnonzero(read)[np.argsort(tree.pon[read], kind="stable")]
    ports = [rows for rows in np.split(order, np.flatnonzero(np.diff(tree.pon[order])) + 1)
             if len(rows) >= settings.common_lines]  # fmt: skip
    pairs = sum(len(rows) * (len(rows) - 1) / 2 for rows in ports)
    found: list[Leg] = []
    for rows in ports:
        found += _of_port(history, rows, changes[rows], pairs, settings)
    return sorted(found, key=lambda leg: (-len(leg.lines), leg.pon, leg.lines))


def _of_port(history: History, rows: Ints, changes: Floats, pairs: float, settings: Settings) -> list[Leg]:
    """Legs of a port's lines; `pairs`: how many were compared in all."""
    r, days = correlations(changes)
    n = len(rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = r * np.sqrt(np.maximum(days - 2, 0) / np.maximum(1 - r**2, 1e-12))
    chance = special.stdtr(np.maximum(days - 2, 1), -t) * pairs
    close = (chance < settings.false_discovery_rate) & (r >= settings.leg_correlation)
    splitter = np.where(
        history.tree.splitter2 >= 0, history.tree.splitter2 + len(history.tree.splitters1), history.tree.splitter1
    )
    names = [*history.tree.splitters1, *history.tree.splitters2]
    out = []
    for core in _groups(close):
        if len(core) < settings.node_lines:
            continue
        group = _joined(core, changes, settings.leg_correlation)
        codes = splitter[rows[group]]
        if len(np.unique(codes)) == 1 and codes[0] >= 0:
            continue  # the inventory says so already
        if len(group) > 0.8 * n and n > settings.node_lines:
            continue  # what nearly all of a port share is the port's
        inside = r[np.ix_(group, group)][np.triu_indices(len(group), 1)]
        others = np.setdiff1d(rows, rows[group])
        rest = others[(splitter[others] >= 0) & np.isin(splitter[others], codes)]
        out.append(
            Leg(
                pon=str(history.pon_ids[history.tree.pon[rows[0]]]),
                lines=tuple(str(history.line_ids[i]) for i in rows[group]),
                correlation=float(np.median(inside)),
                days=int(np.median(days[np.ix_(group, group)])),
                named=tuple(sorted({None if c < 0 else str(names[c]) for c in codes.tolist()}, key=str)),
                rest=tuple(str(history.line_ids[i]) for i in rest),
            )
        )
    return out


def _joined(group: Ints, changes: Floats, least: float) -> Ints:
    """The group with the lines that follow the mean course of the others: of many lines the meters' noise is gone."""
    course = np.where(np.isfinite(changes[group]), changes[group], 0.0)
    follows = []
    for row in range(len(changes)):
        others = course[group != row].mean(axis=0)
        both = np.isfinite(changes[row])
        if both.sum() > 2 and np.ptp(changes[row][both]) > 0 and np.ptp(others[both]) > 0:
            r = np.corrcoef(changes[row][both], others[both])[0, 1]
            if r >= least or row in group:
                follows.append(row)
    return np.array(follows, dtype=np.int64)


def _daily_changes(history: History, settings: Settings) -> Floats | None:
    """Daily changes of the lines' own losses (lines, days − 1), in robust deviations, cut; the mean of both ways."""
    breaks = rebaselines(history)
    weather = temperature(history)
    found: list[Floats] = []
    for values in (down_loss(history), up_loss(history)):
        if values is None:
            continue
        own = centred(rebaselined(values, breaks))
        own = own - spread_out(
            group_medians(own, history.tree.pon, len(history.pon_ids), settings.common_lines), history.tree.pon
        )
        if weather is not None:  # what follows the temperature alike needs no splitter in common
            own = without_weather(own, weather[0][weather[1]])[0]
        steps = np.diff(own, axis=1)
        scale = np.fmax(1.4826 * row_medians(np.abs(steps)), 1.25 * _means(np.abs(steps)))[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.where(scale > 0, np.clip(steps / scale, -CUT, CUT), np.nan))
    if not found or not found[0].shape[1]:
        return None
    if len(found) == 1:
        return found[0].astype(np.float32)
    both = np.isfinite(found[0]) & np.isfinite(found[1])
    return np.where(both, (found[0] + found[1]) / 2, np.where(np.isfinite(found[0]), found[0], found[1])).astype(
        np.float32
    )


def correlations(changes: Floats) -> tuple[Reals, Reals]:
    """Correlation of each pair of rows over the days both were read (rows, rows), and how many these are.

    The diagonal is zero: nobody moves with itself.
    """
    read = np.isfinite(changes)
    x = np.where(read, changes, 0.0).astype(np.float64)
    seen = read.astype(np.float64)
    days = seen @ seen.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (x @ seen.T) / days
        square = ((x * x) @ seen.T) / days
        covariance = (x @ x.T) / days - mean * mean.T
        r = covariance / np.sqrt((square - mean**2) * (square.T - mean.T**2))
    np.fill_diagonal(r, 0.0)
    return np.nan_to_num(r), days


def _means(values: Floats) -> Reals:
    """Mean of each row (rows,): a coarse meter's median change is nothing, its mean is not."""
    n = np.isfinite(values).sum(axis=1)
    return np.asarray(np.nansum(values, axis=1) / np.maximum(n, 1))


def _groups(close: Mask) -> Sequence[Ints]:
    """Lines that belong together: each agrees with at least half of its group (taken from the best connected on)."""
    left = close.sum(axis=1).astype(np.int64)
    free = left > 0
    groups = []
    while free.any():
        seed = int(np.argmax(np.where(free, (close & free[None, :]).sum(axis=1), -1)))
        group = np.flatnonzero((close[seed] | (np.arange(len(close)) == seed)) & free)
        for _ in range(3):
            share = close[:, group].sum(axis=1) / max(len(group) - 1, 1)
            group = np.flatnonzero(free & (share >= 0.5))
            if not len(group):
                break
        free[group] = False
        free[seed] = False
        if len(group) > 1:
            groups.append(group)
    return groups
