"""What traps tell of lines, as batches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from plant.batch import Batch

TIER = "trap"


@dataclass(frozen=True)
class TrapReading:
    """Fields of one line at one moment (seconds since 1970: when the trap first came, for it has no clock of ours)."""

    device: str
    line_id: str
    at: float
    values: Mapping[str, float | str]
    quality: str | None = None


def batches(readings: Iterable[TrapReading]) -> list[Batch]:
    """One batch for each device and set of fields: a field that a trap does not speak of is none without a reading."""
    groups: dict[tuple[str, tuple[str, ...]], dict[tuple[str, float], TrapReading]] = {}
    for reading in readings:
        names = tuple(sorted({*reading.values, *_without(reading.quality)}))
        groups.setdefault((reading.device, names), {})[reading.line_id, reading.at] = reading
    return [_batch(device, names, list(group.values())) for (device, names), group in groups.items()]


def _without(quality: str | None) -> list[str]:
    return [] if quality is None else [pair.partition(":")[0] for pair in quality.split(",")]


def _batch(device: str, names: Iterable[str], readings: list[TrapReading]) -> Batch:
    return Batch.of(
        device,
        TIER,
        [datetime.fromtimestamp(r.at, UTC) for r in readings],
        [r.line_id for r in readings],
        {name: [r.values.get(name) for r in readings] for name in names},
        [r.quality for r in readings],
    )
