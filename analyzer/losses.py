"""Losses of the glass, from powers, with what swaps and moves did to the readings taken out."""

import numpy as np

from analyzer.arrays import Floats, Mask
from analyzer.history import History
from analyzer.polish import row_medians

MOVED_M = 150.0  # ranging jumps by more when a line was moved to another port or place


def down_loss(history: History) -> Floats | None:
    """−Rx of the ONT, dB (lines, days). The OLT's transmit power is common to a PON and leaves with its part."""
    rx = history.get("rx_dbm", "median")
    return None if rx is None else -rx


def up_loss(history: History) -> Floats | None:
    """Tx of the ONT − Rx of the OLT for it, dB (lines, days); −Rx alone where the maker tells no Tx.

    Where Tx is told, days without it take the line's median, so that a gap in one column is not a gap in both.
    """
    received = history.get("olt_rx_dbm", "median")
    if received is None:
        return None
    sent = history.get("tx_dbm", "median")
    if sent is None:
        return -received
    told = np.isfinite(sent).sum(axis=1) >= 0.5 * np.isfinite(received).sum(axis=1)
    filled = np.where(np.isfinite(sent), sent, row_medians(sent)[:, None])
    return np.where(told[:, None], filled - received, -received).astype(np.float32)


def rebaselines(history: History) -> Mask:
    """Days (lines, days) on which a line's readings begin anew: an ONT swap, or a move that ranging sees."""
    breaks = np.zeros((len(history), len(history.dates)), dtype=np.bool_)
    serial = history.get("ont_serial", "changes")
    if serial is not None:
        breaks |= np.nan_to_num(serial) > 0
    ranged = history.get("distance_m", "median")
    if ranged is not None and ranged.shape[1] > 1:
        jump = np.abs(np.diff(_carried(ranged), axis=1)) > MOVED_M
        # a jump that comes and goes is a ranging error, not a move: many of them say nothing
        jump[np.count_nonzero(jump, axis=1) > 2] = False
        breaks[:, 1:] |= jump
    return breaks


def rebaselined(values: Floats, breaks: Mask, common: Floats | None = None) -> Floats:
    """`values` with the level after each break moved to the level before it; the day of the break itself is dropped.

    `common` (lines, days) is what the line's neighbours did: a cleaning of the PON near the day is not the swap's.
    """
    out = values
    for row in np.flatnonzero(breaks.any(axis=1)):
        if out is values:
            out = values.copy()
        for day in np.flatnonzero(breaks[row]):
            own = out[row] if common is None else out[row] - common[row]
            before = own[:day][np.isfinite(own[:day])][-14:]
            after = own[day + 1 :][np.isfinite(own[day + 1 :])][:14]
            out[row, day] = np.nan
            if len(before) and len(after):
                out[row, day + 1 :] += np.median(before) - np.median(after)
    return out


def _carried(values: Floats) -> Floats:
    """Gaps filled with the last reading before them."""
    at = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(at, axis=1), axis=1))
