"""The plant's past as batches, as a collector would have stored them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME, Batch, Reason
from plant.fields import fields
from simulator.layout import FAR, Layout
from simulator.telling import LINE_FIELDS, OPTICS, PON_FIELDS, Told, cause_words

Flatten = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

CHUNK_STEPS = 168  # a week of hours: arrays of one OLT that stay in the processor's cache


def line_batch(layout: Layout, told: Told, keep: npt.NDArray[np.bool_], *, serials: bool = True) -> Batch:
    """Lines × times as one table, line by line; `keep` (times,) leaves out what the device was not asked.

    Without `serials` the device does not tell whose unit answers.
    """
    olt, times = told.olt, told.times
    n, k = told.up.shape
    asked = keep[None, :] & (layout.lines.born_at[olt.lines, None] <= times[None, :])
    chosen = np.flatnonzero(asked.ravel())
    whole = len(chosen) == n * k
    ids = pa.array(layout.lines.id[olt.lines], pa.string())

    def flat(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        ravelled = np.ascontiguousarray(values).ravel()
        return ravelled if whole else ravelled[chosen]

    row = flat(np.broadcast_to(np.arange(n, dtype=np.int32)[:, None], (n, k)))
    columns: dict[str, pa.Array] = {
        "line_id": ids.take(pa.array(row)),
        "time": pa.array(flat(np.broadcast_to(times * 1_000_000, (n, k))), pa.int64()).cast(TIME),
    }
    for name in LINE_FIELDS[olt.family]:
        values = told.counters[name] if name in told.counters else told.line[name]
        if name in told.counters:
            columns[name] = pa.array(flat(values), pa.int64(), mask=~flat(told.up))
        else:
            columns[name] = pa.array(flat(values), fields()[name].arrow, from_pandas=True)
    up = pa.array(flat(told.up))
    columns["state"] = pc.if_else(up, "up", "down")
    columns["down_cause"] = pa.array(cause_words(olt.family), pa.string()).take(pa.array(flat(told.cause)))
    columns["ont_serial"] = _serials(layout, told, flat) if serials else pa.nulls(len(up), pa.string())
    columns["quality"] = _quality(told, flat)
    return Batch(olt.id, "optics", pa.table(columns))


def pon_batch(layout: Layout, told: Told, keep: npt.NDArray[np.bool_]) -> Batch:
    """PON ports × times as one table, rows named `pon:DEVICE/PON`."""
    olt = told.olt
    n = olt.pons.stop - olt.pons.start
    times = told.times[keep]
    ids = [f"pon:{layout.pon_place(p)}" for p in range(olt.pons.start, olt.pons.stop)]
    k = len(times)
    columns: dict[str, pa.Array] = {
        "line_id": pa.array(ids, pa.string()).take(pa.array(np.repeat(np.arange(n), k))),
        "time": pa.array(np.tile(times * 1_000_000, n), pa.int64()).cast(TIME),
    }
    for name in PON_FIELDS[olt.family]:
        columns[name] = pa.array(told.pon[name][:, keep].ravel(), pa.float32(), from_pandas=True)
    columns["quality"] = pa.nulls(n * k, pa.string())
    return Batch(olt.id, "pon", pa.table(columns))


def steps_between(start: int, end: int, step_s: int) -> Iterator[npt.NDArray[np.int64]]:
    """Times from the first whole step at or after `start` to before `end`, in chunks."""
    first = -(-start // step_s) * step_s
    every = np.arange(first, end, step_s, dtype=np.int64)
    for i in range(0, len(every), CHUNK_STEPS):
        yield every[i : i + CHUNK_STEPS]


def _serials(layout: Layout, told: Told, flat: Flatten) -> pa.Array:
    olt = told.olt
    n, k = told.up.shape
    at = layout.lines.swapped_at[olt.lines, None]
    second = (told.times[None, :] >= at) & (at != FAR)
    both = pa.array(np.concatenate(list(layout.units.serial[:, olt.lines])), pa.string())
    row = np.arange(n, dtype=np.int32)[:, None] + np.where(second, np.int32(n), np.int32(0))
    return both.take(pa.array(flat(np.broadcast_to(row, (n, k)))))


def _quality(told: Told, flat: Flatten) -> pa.Array:
    """Why cells are empty: all of a line that is down, the ONT's own figures where it did not answer."""
    words = pa.array(
        [
            None,
            ",".join(f"{f}:{Reason.NOT_UP}" for f in LINE_FIELDS[told.olt.family]),
            ",".join(f"{f}:{Reason.SENTINEL}" for f in OPTICS),
        ],
        pa.string(),
    )
    code = np.where(told.up, np.where(told.missed, np.int8(2), np.int8(0)), np.int8(1))
    return words.take(pa.array(flat(code)))
