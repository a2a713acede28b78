"""A large plant in blocks of whole devices: each is judged by itself, so that memory and time follow the block.

What the lines of a plant tell one another (their OLT's part, the usual noise, the false-discovery control) stays within
a block. Blocks follow from the inventory alone, not from how many workers there are. A control at rate q in every block
is one at rate q over all of them, and leaves each its own noise (Efron 2008, Simultaneous inference: when should
hypothesis testing problems be combined?).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from analyzer.arrays import Ints, Names
from analyzer.history import History, Tree


def packed(counts: Sequence[int] | Ints, size: int) -> list[slice]:
    """Neighbouring devices with `counts` lines each, packed into blocks of about `size` lines."""
    ends = np.cumsum(np.asarray(counts, dtype=np.int64))
    if not len(ends) or not ends[-1]:
        return []
    blocks = max(1, round(int(ends[-1]) / size))
    wanted = ends[-1] * np.arange(1, blocks) / blocks
    edges = np.unique([0, *(np.searchsorted(ends, wanted) + 1), len(ends)])
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def blocks(history: History, size: int) -> Iterator[History]:
    """The history in blocks of about `size` lines, a device never divided; lines without a device are one more device.

    A plant that is one block is given back as it is.
    """
    device = history.tree.device
    devices = len(history.tree.devices)
    of = np.where(device >= 0, device, devices)
    parts = packed(np.bincount(of, minlength=devices + 1), size)
    if len(parts) < 2:
        yield history
        return
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(devices + 2))
    for part in parts:
        yield of_lines(history, np.sort(order[ends[part.start] : ends[part.stop]]))


def of_lines(history: History, rows: Ints) -> History:
    """The history of some lines (ascending rows) and of the PON ports, splitters, grids and devices they hang on."""
    tree = history.tree
    pons, pon = _again(tree.pon[rows])
    coded = {}
    for name in ("area", "grid", "device", "splitter1", "splitter2"):
        kept, codes = _again(getattr(tree, name)[rows])
        names: Names = getattr(tree, f"{name}s" if name in ("area", "grid", "device") else f"splitters{name[-1]}")
        coded[name] = codes, names[kept]
    (area, areas), (grid, grids), (device, devices) = coded["area"], coded["grid"], coded["device"]
    return replace(
        history,
        line_ids=history.line_ids[rows],
        values={key: values[rows] for key, values in history.values.items()},
        pon_ids=history.pon_ids[pons],
        pon_values={key: values[pons] for key, values in history.pon_values.items()},
        tree=Tree(area, grid, device, pon, coded["splitter1"][0], coded["splitter2"][0], areas, grids, devices,
                  coded["splitter1"][1], coded["splitter2"][1]),
        technology=history.technology[rows],
        class_code=history.class_code[rows],
        sold_mbps=history.sold_mbps[rows],
        distance_m=history.distance_m[rows],
        installed=history.installed[rows],
    )  # fmt: skip


def _again(codes: Ints) -> tuple[Ints, Ints]:
    """The codes that are there, and the rows' codes among them; −1 stays −1."""
    kept = np.unique(codes[codes >= 0])
    return kept, np.where(codes >= 0, np.searchsorted(kept, codes), -1)
