"""Weak light: lines under the operator's limit since the first reading, and worse than their neighbours say."""

import numpy as np

from analyzer.arrays import Floats, Mask, Reals
from analyzer.history import History
from analyzer.polish import row_medians
from analyzer.settings import Settings

DB_PER_KM = {"down": 0.25, "up": 0.35}  # ITU-T G.652 practice at 1490/1577 and 1310/1270


def excess_loss(history: History, settings: Settings) -> dict[str, Reals]:
    """Loss of each line over the median of its PON's lines of equal splitter depth, fibre length allowed for, dB.

    By side, (lines,); NaN where there are fewer than `common_lines` neighbours or no reading.
    """
    depth = (history.tree.splitter1 >= 0).astype(np.int64) + (history.tree.splitter2 >= 0)
    group = np.where(history.tree.pon >= 0, history.tree.pon * 3 + depth, -1)
    km = history.reach_m / 1000
    out: dict[str, Reals] = {}
    for side, field in (("down", "rx_dbm"), ("up", "olt_rx_dbm")):
        read = history.get(field, "median")
        if read is None:
            continue
        own = -row_medians(read).astype(np.float64) - DB_PER_KM[side] * np.nan_to_num(km)
        peers = _peers(own, group, np.isfinite(km), settings.common_lines)
        out[side] = own - history.backdrop.settled("line", f"peers {side}", peers.astype(np.float32))
    return out


def _peers(own: Reals, group: np.ndarray[tuple[int], np.dtype[np.int64]], told: Mask, least: int) -> Reals:
    """Median of each line's group among lines whose length is equally known or unknown (lines,)."""
    out = np.full(len(own), np.nan)
    key = np.where(group >= 0, group * 2 + told, -1)
    order = np.argsort(key, kind="stable")
    edges = np.flatnonzero(np.diff(key[order], prepend=-2))
    for start, end in zip(edges, [*edges[1:], len(order)], strict=True):
        rows = order[start:end]
        if key[rows[0]] < 0:
            continue
        seen = own[rows][np.isfinite(own[rows])]
        if len(seen) >= least:
            out[rows] = np.median(seen)
    return out


def weak_from_the_start(history: History, excess: dict[str, Reals], settings: Settings) -> Mask:
    """Lines under the limit in their first weeks as in their last, for a loss their neighbours do not share (lines,).

    Both directions must say so where both are read: one alone is a receiver that reads low.
    """
    rx = history.get("rx_dbm", "median")
    if rx is None or "down" not in excess:
        return np.zeros(len(history), dtype=np.bool_)
    limit = history.weak_dbm - settings.weak_margin_db
    low = _under(rx, limit)
    both = excess["down"].copy()
    agrees = np.ones(len(history), dtype=np.bool_)
    if "up" in excess:
        up = excess["up"]
        told = np.isfinite(up)
        both[told] = (both[told] + up[told]) / 2
        agrees = ~told | (up > 0.4 * settings.excess_db)
    known = both[np.isfinite(both)]
    if not len(known):
        return np.zeros(len(history), dtype=np.bool_)
    usual = 1.4826 * float(np.median(np.abs(known - np.median(known))))
    usual = history.backdrop.figure("usual excess", usual)
    far = both > max(settings.excess_db, settings.excess_z * usual)
    return np.asarray(low & far & agrees)


def _under(rx: Floats, limit: Floats) -> Mask:
    """Median of the first ten and of the last ten readings both at or under the limit."""
    width = min(10, rx.shape[1])
    enough = np.isfinite(rx).sum(axis=1) >= 5
    carried = rx.copy()
    first, last = row_medians(_first(carried, width)), row_medians(_first(carried[:, ::-1], width))
    return np.asarray(enough & (first <= limit) & (last <= limit))


def _first(values: Floats, width: int) -> Floats:
    """The first `width` readings of each row, NaN after them when there are fewer."""
    rank = np.cumsum(np.isfinite(values), axis=1)
    return np.where(rank <= width, values, np.nan).astype(np.float32)
