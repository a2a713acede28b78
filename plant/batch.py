"""Batch: one table of readings on its way from a device to the store. Arrow in memory, never a row object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa

from plant.fields import fields

TIME = pa.timestamp("us", tz="UTC")


class Reason(StrEnum):
    """Why a column has no reading where one was asked for."""

    SENTINEL = "sentinel"  # the device's own word for "no value"
    OUT_OF_RANGE = "out_of_range"  # not a thing optics (or coax) can do
    NOT_UP = "not_up"  # the ONT is down: what the OLT answers is stale
    UNREADABLE = "unreadable"  # text or type that is no number
    NO_ANSWER = "no_answer"  # the device left it out
    STALE = "stale"  # a cache the device itself says is old
    COUNTER_RESET = "counter_reset"  # the counter started again


@dataclass(frozen=True)
class Batch:
    """Readings of one device and cadence tier.

    `table` has `line_id` (string; a PON port is `pon:DEVICE/PON`), `time` (timestamp[us, UTC]: when the device was
    asked), `quality` (string or null: `field:reason` pairs joined by commas, as in `rx_dbm:sentinel,tx_dbm:not_up`)
    and one column per field that was asked for, null where there was no reading.
    """

    device: str
    tier: str
    table: pa.Table

    def __post_init__(self) -> None:
        check_schema(self.table.schema)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def field_names(self) -> list[str]:
        return [n for n in self.table.column_names if n not in ("line_id", "time", "quality")]

    @classmethod
    def of(
        cls,
        device: str,
        tier: str,
        time: datetime | Sequence[datetime] | pa.Array,
        line_ids: Sequence[str] | pa.Array,
        columns: Mapping[str, Any],
        quality: Sequence[str | None] | pa.Array | None = None,
    ) -> "Batch":
        """Build a batch; `columns` maps field names to arrays or lists of the same length as `line_ids`.

        NaN in a float column means "no reading" and becomes null. Raises ValueError on unknown fields or lengths.
        """
        known = fields()
        ids = pa.array(line_ids, pa.string())
        times = pa.repeat(pa.scalar(time, TIME), len(ids)) if isinstance(time, datetime) else pa.array(time).cast(TIME)
        arrays: dict[str, pa.Array] = {"line_id": ids, "time": times}
        for name, values in columns.items():
            if name not in known:
                raise ValueError(f'batch of {device}: "{name}" is not a field; see plant/fields.yaml')
            arrays[name] = pa.array(values, from_pandas=True).cast(known[name].arrow)
        arrays["quality"] = pa.nulls(len(ids), pa.string()) if quality is None else pa.array(quality, pa.string())
        return cls(device, tier, pa.table(arrays))


class BatchSink(Protocol):
    """Where batches go at the end of the spool: a store."""

    async def append(self, batches: Sequence[Batch]) -> None:
        """Make the batches durable; idempotent on (line_id, time, field).

        Raises StoreUnavailableError to be asked again.
        """


class StoreUnavailableError(RuntimeError):
    """The store cannot take or give data now; the same call may succeed later."""


def check_schema(schema: pa.Schema) -> None:
    """Raise ValueError unless `schema` is that of a batch table."""
    known = fields()
    for name, expected in (("line_id", pa.string()), ("time", TIME), ("quality", pa.string())):
        if name not in schema.names:
            raise ValueError(f'batch table lacks the column "{name}"')
        if schema.field(name).type != expected:
            raise ValueError(f'batch column "{name}" is {schema.field(name).type}, expected {expected}')
    for field in schema:
        if field.name in ("line_id", "time", "quality"):
            continue
        if field.name not in known:
            raise ValueError(f'batch column "{field.name}" is not a field; see plant/fields.yaml')
        if field.type != known[field.name].arrow:
            raise ValueError(f'batch column "{field.name}" is {field.type}, expected {known[field.name].arrow}')
