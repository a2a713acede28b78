"""Planned works: what is read of a place while crews are known to be at it is nobody's fault, and is not looked at."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analyzer.arrays import Mask, Names
from analyzer.history import History
from plant.place import Place
from plant.works import Work


def without_works(history: History, works: Sequence[Work]) -> History:
    """The history without the readings of works' days: gaps, as if nobody had asked.

    What stays worse after them is found as ever, since days before and after remain. Places nobody knows hide nothing.
    """
    lines = np.zeros((len(history), len(history.dates)), dtype=np.bool_)
    ports = np.zeros((len(history.pon_ids), len(history.dates)), dtype=np.bool_)
    for work in works:
        days = (history.dates >= np.datetime64(work.first)) & (history.dates <= np.datetime64(work.last))
        rows = _lines_at(history, work.place)
        if not days.any() or not rows.any():
            continue
        lines[np.ix_(rows, days)] = True
        if work.place.kind in ("pon", "olt", "area"):
            hit = np.unique(history.tree.pon[rows & (history.tree.pon >= 0)])
            ports[np.ix_(hit, np.flatnonzero(days))] = True
    if not lines.any():
        return history
    nothing = np.float32(np.nan)
    return replace(
        history,
        values={key: np.where(lines, nothing, values) for key, values in history.values.items()},
        pon_values={key: np.where(ports, nothing, values) for key, values in history.pon_values.items()},
    )


def _lines_at(history: History, place: Place) -> Mask:
    """Lines that hang at a place (lines,)."""
    tree = history.tree
    if place.kind == "line":
        return np.asarray(history.line_ids == place.id, dtype=np.bool_)
    if place.kind == "splitter":
        return _named(tree.splitter1, tree.splitters1, place.id) | _named(tree.splitter2, tree.splitters2, place.id)
    if place.kind == "pon":
        return _named(tree.pon, history.pon_ids, place.id)
    if place.kind == "olt":
        return _named(tree.device, tree.devices, place.id)
    if place.kind == "area":
        return _named(tree.area, tree.areas, place.id)
    return np.zeros(len(history), dtype=np.bool_)


def _named(codes: np.ndarray[tuple[int], np.dtype[np.int64]], names: Names, name: str) -> Mask:
    return np.asarray(np.isin(codes, np.flatnonzero(names == name)), dtype=np.bool_)
