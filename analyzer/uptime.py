"""Drops and darkness: which lines go down by themselves, which with their neighbours, which by their owner's hand."""

from collections.abc import Mapping

import numpy as np

from analyzer.arrays import Floats, Ints, Mask, Reals
from analyzer.backdrop import Level
from analyzer.history import History, word_index
from analyzer.settings import Settings

POWER_WORDS = ("power_off", "reboot")
SIGNAL_WORDS = ("los", "signal", "ranging")
NODES_FELL = "nodes fell"
MOST = 0.6  # share of a group's lines that make it the group's fall


def own_drops(history: History, settings: Settings) -> Floats | None:
    """Times down a day (lines, days), NaN on days when many of the line's PON, OLT or grid went down: an outage."""
    changes = history.get("state", "changes")
    if changes is None:
        return None
    drops = (changes / 2).astype(np.float32)
    fell = np.nan_to_num(changes) >= 1
    out = drops.copy()
    tree = history.tree
    levels: tuple[tuple[Level, Ints, int], ...] = (
        ("pon", tree.pon, len(history.pon_ids)),
        ("device", tree.device, len(tree.devices)),
        ("grid", tree.grid, len(tree.grids)),
    )
    for level, codes, groups in levels:
        share = history.backdrop.settled(level, "fell", _share(fell, np.isfinite(changes), codes, groups))
        shared = beyond_usual(share) >= settings.outage_share
        inside = codes >= 0
        out[inside] = np.where(shared[codes[inside]] & fell[inside], np.nan, out[inside])
    return out


def fell_together(history: History, changes: Floats, codes: Ints) -> Mask:
    """Days (ports, days) on which most of a node's lines went down; `changes` of their states (lines, days)."""
    share = _share(np.nan_to_num(changes) >= 1, np.isfinite(changes), codes, len(history.pon_ids))
    return beyond_usual(history.backdrop.settled("pon", NODES_FELL, share)) >= MOST


def beyond_usual(share: Floats) -> Floats:
    """Share of a group's lines that fell (groups, days) beyond what they do daily."""
    return share - np.median(share, axis=1, keepdims=True) if share.shape[1] else share


def _share(fell: Mask, read: Mask, codes: Ints, groups: int) -> Floats:
    """Share of each group's lines that fell (groups, days); 0 for fewer than four lines."""
    inside = codes >= 0
    order = np.argsort(codes[inside], kind="stable")
    sizes = np.bincount(codes[inside], minlength=groups)
    starts = np.cumsum(sizes) - sizes
    down, asked = (_sums(flags[inside][order], starts, sizes) for flags in (fell, read))
    with np.errstate(invalid="ignore"):
        return np.where(asked >= 4, down / asked, 0.0).astype(np.float32)


def _sums(flags: Mask, starts: Ints, sizes: Ints) -> Floats:
    """Number of set flags of each group (groups, days); a group's rows follow one another from its start."""
    whole = np.vstack([np.zeros((1, flags.shape[1]), dtype=np.int32), np.cumsum(flags, axis=0, dtype=np.int32)])
    return np.asarray(whole[starts + sizes] - whole[starts], dtype=np.float32)


def drop_share(history: History, words: tuple[str, ...], days: int) -> Reals:
    """Share of the last `days`' drop days whose last down cause is among `words` (lines,); NaN unknown."""
    causes, changes = history.get("down_cause", "last"), history.get("state", "changes")
    if causes is None or changes is None:
        return np.full(len(history), np.nan)
    causes, fell = causes[:, -days:], np.nan_to_num(changes[:, -days:]) >= 1
    told = fell & np.isfinite(causes)
    hit = told & np.isin(causes, [word_index("down_cause", w) for w in words])
    with np.errstate(invalid="ignore"):
        return np.asarray(hit.sum(axis=1) / np.where(told.any(axis=1), told.sum(axis=1), np.nan))


def habitual(drops: Floats, onset: Ints) -> Mask:
    """Lines whose drops since the onset come by the clock, as when a customer switches off every night (lines,).

    A fault's drops are at least as scattered as chance (variance ≥ mean); a habit's are far more even.
    """
    since = np.arange(drops.shape[1])[None, :] >= onset[:, None]
    counted = np.where(since & np.isfinite(drops), drops, np.nan)
    n = np.isfinite(counted).sum(axis=1)
    total = np.nansum(counted, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        variance = np.nansum((counted - mean[:, None]) ** 2, axis=1) / (n - 1)
        return np.asarray((n >= 5) & (mean > 0.5) & (variance < 0.5 * mean))


def dark(history: History, settings: Settings) -> Mask:
    """Lines without light on each of the last days, that had light before (lines,)."""
    los, up = history.get("state", "los_share"), history.get("state", "up_share")
    days = settings.dark_days
    if los is None or up is None or los.shape[1] <= days:
        return np.zeros(len(history), dtype=np.bool_)
    return np.asarray((los[:, -days:] > 0.9).all(axis=1) & (np.nan_to_num(up[:, :-days]) > 0.5).any(axis=1))


def dark_since(history: History, rows: Ints) -> int:
    """First day index of the darkness in which all `rows` still are."""
    los = history.get("state", "los_share")
    if los is None:
        return 0
    lit = ~(los[rows] > 0.5)
    return int(np.median([0 if not r.any() else los.shape[1] - int(r[::-1].argmax()) for r in lit]))


def powerless(history: History) -> Mapping[int, Ints]:
    """PON ports most of whose lines are down on the last day for want of power: row → its lines."""
    up = history.get("state", "up_share")
    causes = history.get("down_cause", "last")
    if up is None or causes is None or not up.shape[1]:
        return {}
    off = (up[:, -1] < 0.1) & (causes[:, -1] == word_index("down_cause", "power_off"))
    out: dict[int, Ints] = {}
    for pon in np.unique(history.tree.pon[off & (history.tree.pon >= 0)]):
        rows = np.flatnonzero(history.tree.pon == pon)
        if len(rows) >= 4 and off[rows].sum() > 0.6 * history.backdrop.members("pon", history.tree.pon, int(pon)):
            out[int(pon)] = rows[off[rows]]
    return out
