"""What is seen of a PON port itself: its transmitter ageing, and one ONT that talks out of turn on all the others."""

from dataclasses import dataclass

import numpy as np

from analyzer.arrays import Floats, Ints, Reals
from analyzer.change import Changes, rise_at, scan
from analyzer.history import History
from analyzer.polish import centred, group_medians
from analyzer.settings import Settings
from analyzer.significance import change_p, discoveries
from analyzer.symptoms import COUNTED


@dataclass(frozen=True)
class PortSign:
    """A sign at a PON port: `rise` in the unit of what was read, `onset` a day index."""

    pon: int
    onset: int
    rise: float
    z: float
    p: float
    is_ramp: bool


def tx_falls(history: History, parts: Floats | None, settings: Settings) -> list[PortSign]:
    """Ports whose transmit power falls, and whose ONTs see it: a fall that they do not see is the port's meter."""
    read = history.get_pon("pon_tx_dbm", "median")
    if read is None:
        return []
    signs = _signs(centred(-read), 0.05, settings.olt_tx_fall_db, settings)
    if parts is None:
        return signs
    seen = []
    for sign in signs:
        rise, _ = rise_at(parts[[sign.pon]], np.array([sign.onset]))
        if not np.isfinite(rise[0]) or rise[0] > 0.4 * sign.rise:
            seen.append(sign)
    return seen


def bias_rises(history: History, settings: Settings) -> list[PortSign]:
    """Ports whose laser needs ever more current (rise in ln mA)."""
    read = history.get_pon("pon_bias_ma", "median")
    if read is None:
        return []
    current = np.log(np.where(read > 0, read, np.nan)).astype(np.float32)
    signs = _signs(centred(current), 0.005, float(np.log(settings.olt_bias_rise)), settings)
    return [s for s in signs if s.is_ramp]


def rogues(history: History, settings: Settings) -> list[tuple[PortSign, Ints]]:
    """Ports most of whose lines' upstream errors rise together, with those lines."""
    counted = history.get(COUNTED["bip"], "increase")
    if counted is None:
        return []
    counts = np.maximum(counted, 0)
    decades = np.log10(1 + counts)
    parts = group_medians(decades, history.tree.pon, len(history.pon_ids), settings.node_lines)
    parts = history.backdrop.settled("pon", "upstream errors", parts)
    family = settings.families["bip"]
    found = []
    for sign in _signs(parts, family.floor, family.material, settings, settings.recent_days):
        rows = np.flatnonzero(history.tree.pon == sign.pon)
        # means, not medians: the neighbours suffer only on the days on which the rogue is on
        rise = _means(decades[rows, sign.onset :]) - _means(decades[rows, : sign.onset])
        hit = rise > 0.5 * sign.rise
        loud = np.nanmedian(_means(counts[rows][hit, -settings.recent_days :])) if hit.any() else 0.0
        if hit.sum() >= settings.rogue_share * np.isfinite(rise).sum() and loud >= settings.errors_least["bip"]:
            found.append((sign, rows[hit]))
    return found


def _means(values: Floats) -> Reals:
    """Mean of each row's readings (rows,), NaN where there are none."""
    read = np.isfinite(values)
    n = read.sum(axis=1)
    return np.asarray(np.where(n > 0, np.where(read, values, 0).sum(axis=1) / np.maximum(n, 1), np.nan))


def _signs(
    series: Floats, floor: float, material: float, settings: Settings, recent_days: int | None = None
) -> list[PortSign]:
    """Rises that are still there by the mean of the last week, or of the last `recent_days`."""
    if not len(series):
        return []
    change: Changes = scan(series, floor)
    p = change_p(change)
    keep = discoveries(p, settings.false_discovery_rate) & (change.shift >= material)
    recent = change.recent
    if recent_days is not None:
        before = np.arange(series.shape[1])[None, :] < change.onset[:, None]
        level = _means(np.where(before, series, np.nan).astype(np.float32))
        recent = np.nan_to_num(_means(series[:, -recent_days:]) - np.nan_to_num(level))
    keep &= recent >= np.maximum(0.7 * material, settings.still_there * change.shift)
    return [
        PortSign(int(i), int(change.onset[i]), float(change.shift[i]), float(change.z[i]), float(p[i]),
                 bool(change.is_ramp[i]))
        for i in np.flatnonzero(keep)
    ]  # fmt: skip
