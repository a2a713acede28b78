"""Weather taken out: how a series follows the temperature from one day to the next.

The coupling is fitted on daily differences, where a fault's slow growth and the season cannot pass for one another,
with differences clipped at three robust deviations; it is then shrunk by its own uncertainty (James–Stein), so that a
line without coupling is left as it is.
"""

from dataclasses import dataclass

import numpy as np

from analyzer.arrays import ZERO, Floats, Ints, Reals, compiled
from analyzer.history import History
from analyzer.middle import median_of
from analyzer.polish import centred, group_medians

CLIP = 3.0  # robust deviations beyond which a daily difference is cut
LEAST_ROWS = 30  # rows whose mean is free of rounding
LEAST_DAYS = 10  # pairs of days a coupling is fitted to


@dataclass(frozen=True)
class Coupling:
    """Per row: slope (unit per °C), its z, and what was taken out of it (a slope shrunk by its uncertainty)."""

    slope: Reals
    z: Reals
    taken: Reals


def temperature(history: History) -> tuple[Floats, Ints] | None:
    """Proxy of outdoor temperature: median over a device's ONTs, relative °C (devices + 1, days), and each line's row.

    Lines without a device take the last row, the median of all.
    """
    read = history.get("temp_c", "median")
    if read is None:
        return None
    relative = centred(read)
    history.backdrop.note("warmth", {"temperature": relative})
    degrees, rows = of_devices(history, relative)
    return history.backdrop.settled("device", "temperature", degrees), rows


def of_devices(history: History, relative: Floats) -> tuple[Floats, Ints]:
    """Median of a device's ONTs and, in the last row, of all (devices + 1, days); and each line's row."""
    devices = len(history.tree.devices)
    of_device = group_medians(relative, history.tree.device, devices, 10)
    whole = group_medians(relative, np.zeros(len(relative), dtype=np.int64), 1, 1)
    of_device = np.where(np.isfinite(of_device), of_device, whole)
    rows = np.where(history.tree.device >= 0, history.tree.device, devices)
    return np.vstack([of_device, whole]).astype(np.float32), rows


@compiled
def _coupling(values: Floats, degrees: Floats) -> Reals:
    rows, days = values.shape
    out = np.zeros((rows, 2))
    x, y, sizes = np.empty(days), np.empty(days), np.empty(days, dtype=np.float32)
    for r in range(rows):
        g = r if len(degrees) == rows else 0
        seen, n = ZERO, ZERO
        for d in range(1, days):
            dy = values[r, d] - values[r, d - 1]
            if np.isnan(dy):
                continue
            sizes[seen] = abs(dy)
            seen += 1
            dx = degrees[g, d] - degrees[g, d - 1]
            if not np.isnan(dx):
                x[n], y[n] = dx, dy
                n += 1
        if not n:
            continue
        limit = CLIP * 1.4826 * median_of(sizes, seen)
        xx, xy, yy = 0.0, 0.0, 0.0
        for i in range(n):
            cut = min(max(y[i], -limit), limit)
            xx += x[i] * x[i]
            xy += x[i] * cut
            yy += cut * cut
        if xx <= 0 or n < LEAST_DAYS:
            continue
        slope = xy / xx
        left = max(yy - slope * xy, 0.0) / (n - 1)
        out[r, 0] = slope
        if left > 1e-12 * yy:
            out[r, 1] = slope / np.sqrt(left / xx)
    return out


def temperature_range(degrees: Floats) -> float:
    """The 5th to 95th percentile of the temperatures seen, °C."""
    seen = degrees[np.isfinite(degrees)]
    return float(np.quantile(seen, 0.95) - np.quantile(seen, 0.05)) if len(seen) else 0.0


def without_weather(values: Floats, degrees: Floats, usual: float = 0.0) -> tuple[Floats, Coupling]:
    """`values` less their coupling to the same row (or the only row) of `degrees`, shrunk towards the `usual` one.

    Rows that are alike by nature, as lasers are, are drawn towards what they have `in_common` instead of towards no
    coupling at all: a meter too coarse to show the weather from one day to the next still shows the season.
    """
    fitted = _coupling(np.ascontiguousarray(values, dtype=np.float32), np.ascontiguousarray(degrees, dtype=np.float32))
    slope, z = fitted[:, 0], fitted[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(z != 0, (slope - usual) / (slope / z), 0.0)
        kept = np.where(own != 0, np.maximum(0.0, 1 - 4 / own**2), 0.0)
    taken = usual + np.nan_to_num((slope - usual) * kept)
    swing = taken[:, None].astype(np.float32) * np.nan_to_num(degrees)
    return (values - swing).astype(np.float32), Coupling(slope, z, taken)


def in_common(values: Floats, degrees: Floats) -> float:
    """Coupling of the mean of many rows to their mean temperature: the rounding of both meters averages out of it."""
    steps, warmer = np.diff(values, axis=1), np.diff(degrees, axis=1)
    both = np.isfinite(steps) & np.isfinite(warmer)
    n = both.sum(axis=0)
    steady = n >= LEAST_ROWS
    if steady.sum() < LEAST_DAYS:
        return 0.0
    x, y = (np.where(both, v, 0.0).sum(axis=0, dtype=np.float64)[steady] / n[steady] for v in (warmer, steps))
    return float(x @ y / (x @ x)) if x @ x > 0 else 0.0
