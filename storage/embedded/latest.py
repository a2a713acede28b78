"""The newest value of every field of every line, kept in memory and brought up to date from new files only."""

import threading
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from plant.fields import fields
from storage.embedded.tables import Log, query

# One number orders readings by time, then by arrival: µs since 1970 above, the sequence number below.
_KEY = "(epoch_us(time)::HUGEINT * 9223372036854775808 + seq)"
_KEY_TYPE = pa.decimal128(38, 0)


def _memory_schema() -> pa.Schema:
    columns = [("line_id", pa.string())]
    for name, field in fields().items():
        columns += [(name, field.arrow), (f"{name}_key", _KEY_TYPE), (f"{name}_time", TIME)]
    return pa.schema(columns)


class Latest:
    """A table of `line_id` and, for each field, its newest value and `field_time`; sorted by line. Thread-safe."""

    def __init__(self, raw: Log) -> None:
        self._raw = raw
        self._seen: set[str] = set()
        self._table = _memory_schema().empty_table()
        self._guard = threading.Lock()

    def table(self) -> pa.Table:
        """Up to date with everything committed."""
        with self._guard:
            files = self._raw.files()
            new = [f for f in files if f not in self._seen]
            if new:
                self._table = self._merged(new)
                self._seen = set(files)
            return self._table

    def newest(self) -> datetime | None:
        """The time of the newest reading of all."""
        table = self.table()
        times = [pc.max(table[f"{name}_time"]).as_py() for name in fields()]
        known = [t for t in times if t is not None]
        return max(known).astimezone(UTC) if known else None

    def _merged(self, new: list[str]) -> pa.Table:
        fresh, merged = [], []
        for name in fields():
            there = f'FILTER ("{name}" IS NOT NULL)'
            fresh.append(f'arg_max("{name}", {_KEY}) {there} AS "{name}"')
            fresh.append(f'max({_KEY}) {there} AS "{name}_key"')
            fresh.append(f'max(time) {there} AS "{name}_time"')
            merged.append(f'arg_max("{name}", "{name}_key") {there} AS "{name}"')
            merged.append(f'max("{name}_key") AS "{name}_key"')
            merged.append(f'max("{name}_time") AS "{name}_time"')
        names = ", ".join(f'"{n}"' for n in _memory_schema().names)
        return query(
            f"WITH fresh AS (SELECT line_id, {', '.join(fresh)} FROM rows GROUP BY line_id) "
            f"SELECT line_id, {', '.join(merged)} FROM "
            f"(SELECT {names} FROM fresh UNION ALL SELECT {names} FROM known) GROUP BY line_id ORDER BY line_id",
            new,
            self._raw.schema,
            known=self._table,
        ).cast(_memory_schema())
