"""Weather taken out: how a series follows the temperature from one day to the next.

The coupling is fitted on daily differences, where a fault's slow growth and the season cannot pass for one another,
with differences clipped at three robust deviations; it is then shrunk by its own uncertainty (James–Stein), so that a
line without coupling is left as it is.
"""

from dataclasses import dataclass

import numpy as np

from analyzer.arrays import Floats, Ints, Reals
from analyzer.history import History
from analyzer.polish import centred, group_medians, row_medians


@dataclass(frozen=True)
class Coupling:
    """Per row: slope (unit per °C), its z, and the range of temperatures (5th to 95th percentile) it was seen over."""

    slope: Reals
    z: Reals
    temperature_range: float


def temperature(history: History) -> tuple[Floats, Ints] | None:
    """Proxy of outdoor temperature: median over a device's ONTs, relative °C (devices + 1, days), and each line's row.

    Lines without a device take the last row, the median of all.
    """
    read = history.get("temp_c", "median")
    if read is None:
        return None
    relative = centred(read)
    devices = len(history.tree.devices)
    of_device = group_medians(relative, history.tree.device, devices, 10)
    whole = group_medians(relative, np.zeros(len(read), dtype=np.int64), 1, 1)
    of_device = np.where(np.isfinite(of_device), of_device, whole)
    rows = np.where(history.tree.device >= 0, history.tree.device, devices)
    return np.vstack([of_device, whole]).astype(np.float32), rows


def coupling(values: Floats, degrees: Floats) -> Coupling:
    """Fit the coupling of each row of `values` to the same row (or the only row) of `degrees`."""
    steps, warmer = np.diff(values, axis=1), np.diff(degrees, axis=1)
    size = 3 * 1.4826 * row_medians(np.abs(steps))[:, None]
    steps = np.clip(steps, -size, size)
    both = np.isfinite(steps) & np.isfinite(warmer)
    x = np.where(both, warmer, 0.0).astype(np.float64)
    y = np.where(both, steps, 0.0).astype(np.float64)
    xx, xy = (x * x).sum(axis=1), (x * y).sum(axis=1)
    n = both.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where((xx > 0) & (n >= 10), xy / xx, 0.0)
        left = ((y - slope[:, None] * x) ** 2 * both).sum(axis=1) / np.maximum(n - 1, 1)
        z = np.where((xx > 0) & (left > 0), slope / np.sqrt(left / xx), 0.0)
    seen = degrees[np.isfinite(degrees)]
    spread = float(np.quantile(seen, 0.95) - np.quantile(seen, 0.05)) if len(seen) else 0.0
    return Coupling(slope, np.nan_to_num(z), spread)


def without_weather(values: Floats, degrees: Floats) -> tuple[Floats, Coupling]:
    """`values` less their shrunken coupling, and the coupling as fitted."""
    fitted = coupling(values, degrees)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.where(fitted.z != 0, np.maximum(0.0, 1 - 4 / fitted.z**2), 0.0)
    swing = (fitted.slope * kept)[:, None].astype(np.float32) * np.nan_to_num(degrees)
    return (values - swing).astype(np.float32), fitted
