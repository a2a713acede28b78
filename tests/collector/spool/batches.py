"""Small batches for the spool's tests: each known by its number."""

from datetime import UTC, datetime

from plant.batch import Batch

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(number: int, rows: int = 1) -> Batch:
    return Batch.of(
        f"OLT-{number}", "optics", T0, [f"L{number}-{n}" for n in range(rows)], {"rx_dbm": [-20.0 - number % 9] * rows}
    )


def number_of(b: Batch) -> int:
    return int(b.device.removeprefix("OLT-"))
