"""Ethernet that negotiates slower than it did and than was sold."""

import numpy as np

from analyzer.arrays import Floats, Ints, Mask
from analyzer.history import History
from analyzer.polish import row_medians

LEAST_BEFORE = 10  # days the line must have held its better speed
LEAST_AFTER = 4  # days it must have stayed at the lower one
STEADY = 0.9  # share of the days before at the better speed: a computer that sleeps slows its port every night


def downshifts(history: History) -> tuple[Mask, Ints, Floats, Floats]:
    """Lines that fell to a lower speed and stayed, day index of the fall, Mb/s before and after; all (lines,)."""
    speed = history.get("eth_speed_mbps", "median")
    lines = len(history)
    blank = np.full(lines, np.nan, dtype=np.float32)
    if speed is None:
        return np.zeros(lines, dtype=np.bool_), np.zeros(lines, dtype=np.int64), blank, blank
    read = np.isfinite(speed)
    best = np.where(read, speed, -np.inf).max(axis=1)
    fast = read & (speed >= 0.75 * best[:, None])
    days = speed.shape[1]
    last_fast = np.where(fast.any(axis=1), days - 1 - fast[:, ::-1].argmax(axis=1), -1)
    after = read & (np.arange(days)[None, :] > last_fast[:, None])
    before = read & ~after
    low = row_medians(np.where(after, speed, np.nan).astype(np.float32))  # a day half at each speed lies between
    steady = fast.sum(axis=1) >= STEADY * np.maximum(before.sum(axis=1), 1)
    sold = history.sold_mbps
    short = (low <= 0.5 * best) & ~(low >= 0.9 * sold)  # unknown speed sold: judged by its own past
    found = (before.sum(axis=1) >= LEAST_BEFORE) & (after.sum(axis=1) >= LEAST_AFTER) & steady & short
    onset = np.where(found, after.argmax(axis=1), 0)
    return found, onset, best.astype(np.float32), low
