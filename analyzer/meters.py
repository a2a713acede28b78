"""The step in which a meter tells its readings.

Whole and half decibels turn a swing far under one step into a step each way, wherever a line lies on the border between
two: what the rounding alone may make is no evidence.
"""

import numpy as np

from analyzer.arrays import ZERO, Floats, Reals, compiled

PARTS = 6  # of the window, judged each by itself: firmware changes what a unit tells
LEAST_READINGS = 8
LEAST_MOVES = 3  # of a part's readings: one move may be a fault
LEAST_STEP = 2e-3  # what is finer is the arithmetic's
ON_GRID = 0.75  # share of readings that lie on whole steps; the median of an even number may lie between two


@compiled
def _step(ordered: Reals, n: int) -> float:
    """Step of n ascending readings; 0 where only one level was read."""
    gap = np.inf
    for i in range(1, n):
        apart = ordered[i] - ordered[i - 1]
        if apart > LEAST_STEP:
            gap = min(gap, apart)
    if gap == np.inf:
        return 0.0
    for first in (ordered[n // 2], ordered[n // 2] + gap):
        on, lowest, highest = 0, np.inf, -np.inf
        for i in range(n):
            whole = (ordered[i] - first) / (2 * gap)
            if abs(whole - np.round(whole)) < 0.1:
                on += 1
                lowest, highest = min(lowest, ordered[i]), max(highest, ordered[i])
        if on >= ON_GRID * n and highest - lowest > gap:
            return 2 * gap
    return gap


@compiled
def _coarsest(values: Floats) -> Reals:
    rows, days = values.shape
    out = np.zeros(rows)
    read = np.empty(days)
    for r in range(rows):
        for part in range(PARTS):
            n, moves = ZERO, 0
            for d in range(part * days // PARTS, (part + 1) * days // PARTS):
                if not np.isnan(values[r, d]):
                    read[n] = values[r, d]
                    moves += n > 0 and abs(read[n] - read[n - 1]) > LEAST_STEP
                    n += 1
            if n >= LEAST_READINGS and moves >= LEAST_MOVES:
                out[r] = max(out[r], _step(np.sort(read[:n]), n))
    return out


def coarsest_step(read: Floats) -> Reals:
    """The widest step (rows,) in which the readings of any part of the window (rows, days) move; 0 where none do."""
    return np.asarray(_coarsest(np.ascontiguousarray(read, dtype=np.float32)))
