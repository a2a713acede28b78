"""Decoded readings to a batch: which line each is of, and the columns."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from collector.mqtt.reading import Reading
from collector.mqtt.refusals import Refusal, RefusedError
from plant.batch import Batch
from plant.fields import fields
from plant.serials import NameIndex, normal_serials

TIER = "mqtt"


class PublishingLines:
    """The inventory's lines, found by id or by ONT serial."""

    def __init__(self, lines: pa.Table) -> None:
        """`lines`: the inventory's table (plant.inventory.LINE_SCHEMA)."""
        self._ids = lines["line_id"].combine_chunks()
        if isinstance(self._ids, pa.ChunkedArray):
            self._ids = pa.concat_arrays(self._ids.chunks) if self._ids.num_chunks else pa.array([], pa.string())
        serials = lines["ont_serial"].combine_chunks()
        if isinstance(serials, pa.ChunkedArray):
            serials = pa.concat_arrays(serials.chunks) if serials.num_chunks else pa.array([], pa.string())
        self._by_id = NameIndex(self._ids)
        self._by_serial = NameIndex(normal_serials(serials))

    def batch(
        self, source: str, readings: Sequence[Reading], refuse: Callable[[int, RefusedError], None]
    ) -> Batch | None:
        """One batch of the readings whose line is known; of the others `refuse` is told (position, why)."""
        serials = normal_serials(pa.array([r.ont_serial for r in readings], pa.string()))
        by_id = self._by_id.positions(pa.array([r.line_id for r in readings], pa.string()))
        by_serial = self._by_serial.positions(serials)
        named = np.fromiter((r.line_id is not None for r in readings), bool, len(readings))
        at = np.where(named, by_id, by_serial)
        for n in np.flatnonzero(at < 0).tolist():
            if not named[n] and readings[n].other_serials:
                at[n] = self._by_other_serial(readings[n].other_serials)
        for n in np.flatnonzero(at < 0).tolist():
            r = readings[n]
            what = f'line "{r.line_id}"' if r.line_id is not None else f'ONT serial "{r.ont_serial}"'
            refuse(n, RefusedError(Refusal.UNKNOWN_LINE, f"{what} is in no lines file"))
        kept = np.flatnonzero(at >= 0)
        if not len(kept):
            return None
        chosen = [readings[n] for n in kept.tolist()]
        said = frozenset[str]().union(*(r.values for r in chosen))
        columns: dict[str, pa.Array] = {
            name: pa.array([r.values.get(name) for r in chosen], field.arrow)
            for name, field in fields().items()
            if name in said
        }
        columns["ont_serial"] = serials.take(pa.array(kept))
        return Batch.of(
            source,
            TIER,
            [r.time for r in chosen],
            self._ids.take(pa.array(at[kept])),
            columns,
            [r.quality for r in chosen],
        )

    def _by_other_serial(self, names: Sequence[str]) -> int:
        """Position of the first line that has one of the names, -1 where none has."""
        found = self._by_serial.positions(normal_serials(pa.array(names, pa.string())))
        return next((n for n in found.tolist() if n >= 0), -1)
