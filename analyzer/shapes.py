"""The shape of a rise, and jumps that are no rise of the glass at all."""

import numpy as np

from analyzer.arrays import Floats
from analyzer.history import History

LEAST_EPISODES = 9  # readings after an onset in which episodes can come and go


def is_young(series: Floats, onset: int) -> bool:
    """Whether a rise (days,) is too fresh for episodes to show."""
    return bool(np.isfinite(series[onset:]).sum() < LEAST_EPISODES)


def shape_of(series: Floats, onset: int, is_ramp: bool, sigma: float) -> str:
    """`step`, `ramp` or `episodes` (days,): episodes come back by half of their height at least once."""
    after = series[onset:][np.isfinite(series[onset:])]
    before = series[:onset][np.isfinite(series[:onset])]
    if len(after) >= LEAST_EPISODES and len(before):
        smooth = np.median(np.lib.stride_tricks.sliding_window_view(after, 3), axis=1) - np.median(before)
        fallen = np.maximum.accumulate(smooth) - smooth
        if fallen.max() > max(0.4 * smooth.max(), 5 * sigma / np.sqrt(3)):
            return "episodes"
    return "ramp" if is_ramp else "step"


def looks_swapped(history: History, row: int, onset: int, jumping: int = 2) -> bool:
    """Whether the ONT itself seems another one since the day: `jumping` of its own figures jump there at once.

    Bias, Tx, supply voltage and module temperature belong to the unit; no fault of the glass moves them in a day.
    """
    jumps = 0
    figures = (("bias_ma", 0.8), ("tx_dbm", 0.25), ("voltage_v", 0.02), ("temp_c", 3.0))
    for name, least in figures:
        read = history.get(name, "median")
        if read is not None and _jumps(read[row], onset, least):
            jumps += 1
    return jumps >= jumping


def tells_unit(history: History, row: int) -> bool:
    """Whether both figures that differ most from unit to unit are read of a line: transmit power and bias."""
    read = [history.get(name, "median") for name in ("tx_dbm", "bias_ma")]
    return all(values is not None and bool(np.isfinite(values[row]).any()) for values in read)


def _jumps(values: Floats, onset: int, least: float) -> bool:
    for day in (onset - 1, onset, onset + 1):
        if day < 1:
            continue
        before = values[max(0, day - 8) : day]
        after = values[day : day + 8]
        before, after = before[np.isfinite(before)], after[np.isfinite(after)]
        if len(before) < 3 or len(after) < 3:
            continue
        noise = max(float(np.std(before)), float(np.std(after)), least / 8)
        if abs(float(np.median(after) - np.median(before))) > max(least, 5 * noise):
            return True
    return False
