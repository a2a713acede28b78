"""Stores for the tests: real ones in SQLite, idempotent as a store must be, and able to be down."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from plant.batch import Batch, StoreUnavailableError


class SqliteSink:
    """Readings in a SQLite file, one row a (line, time, field); `refuses` names devices whose batches are no good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.available = True
        self.refuses: set[str] = set()
        self.calls = 0
        self._db = sqlite3.connect(path)
        self._db.execute(
            "create table if not exists reading"
            " (line_id text, time text, field text, value, primary key (line_id, time, field))"
        )

    async def append(self, batches: Sequence[Batch]) -> None:
        self.calls += 1
        if not self.available:
            raise StoreUnavailableError("the store is down for the test")
        if any(b.device in self.refuses for b in batches):
            raise ValueError("the store cannot make sense of a batch")
        with self._db:
            for b in batches:
                for row in b.table.to_pylist():
                    self._db.executemany(
                        "insert or replace into reading values (?, ?, ?, ?)",
                        [
                            (row["line_id"], row["time"].isoformat(), f, row[f])
                            for f in b.field_names
                            if row[f] is not None
                        ],
                    )

    def values(self, field: str) -> dict[str, float]:
        """The value of each line's reading; fails when a line has more than one."""
        rows = self._db.execute("select line_id, value from reading where field = ?", (field,)).fetchall()
        assert len({line for line, _ in rows}) == len(rows), "a reading is there twice"
        return dict(rows)

    def close(self) -> None:
        self._db.close()
