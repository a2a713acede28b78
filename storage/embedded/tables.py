"""Delta tables on disk and DuckDB over their files: append, snapshot, replace a month."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from plant.batch import StoreUnavailableError

MONTH = "month"


class Log:
    """An append-only table by month. Rows with equal keys are told apart by `seq`: the later wins."""

    def __init__(self, folder: Path, schema: pa.Schema, *, create: bool) -> None:
        self.folder, self.schema = folder, schema
        partitioned = schema.append(pa.field(MONTH, pa.string()))
        if create and not DeltaTable.is_deltatable(str(folder)):
            DeltaTable.create(str(folder), partitioned, partition_by=[MONTH])
        self._table: DeltaTable | None = None

    @property
    def table(self) -> DeltaTable:
        """The newest committed state. Raises StoreUnavailableError where there is none."""
        try:
            if self._table is None:
                self._table = DeltaTable(str(self.folder))
            else:
                self._table.update_incremental()
        except (DeltaError, OSError) as error:
            self._table = None
            raise StoreUnavailableError(f"{self.folder} cannot be read: {error}") from None
        return self._table

    def append(self, rows: pa.Table) -> None:
        """One commit; durable on return."""
        self._write(rows.append_column(MONTH, months(rows["time"])), mode="append")

    def replace(self, month: str, rows: pa.Table) -> None:
        """Put `rows` in the place of all of a month. Readers keep the files they began with."""
        with_month = rows.append_column(MONTH, pa.repeat(pa.scalar(month), len(rows)))
        self._write(with_month, mode="overwrite", predicate=f"{MONTH} = '{month}'")

    def _write(self, rows: pa.Table, **how: Any) -> None:
        try:
            write_deltalake(str(self.folder), rows, **how)
        except (DeltaError, OSError) as error:
            raise StoreUnavailableError(f"{self.folder} cannot be written: {error}") from None

    def files(self, first: datetime | None = None, last: datetime | None = None) -> list[str]:
        """The data files that may hold rows of [first, last]."""
        low, high = (f"{m:%Y-%m}" if m is not None else None for m in (first, last))
        return [uri for uri in self.table.file_uris() if (low or "") <= _month(uri) <= (high or "9999-99")]

    def months(self) -> dict[str, int]:
        """Month → number of its files."""
        out: dict[str, int] = {}
        for uri in self.table.file_uris():
            out[_month(uri)] = out.get(_month(uri), 0) + 1
        return out

    def vacuum(self, keep_hours: int) -> None:
        """Delete files that no state of the last `keep_hours` refers to."""
        self.table.vacuum(retention_hours=keep_hours, dry_run=False, enforce_retention_duration=False)


def _month(uri: str) -> str:
    return uri.rsplit(f"{MONTH}=", 1)[1].split("/", 1)[0]


def months(time: pa.ChunkedArray) -> pa.ChunkedArray:
    """`YYYY-MM` of UTC times."""
    return pc.strftime(time, format="%Y-%m")


def query(sql: str, files: Iterable[str], schema: pa.Schema, **registered: Any) -> pa.Table:
    """Run SQL over `rows`, the union of the files, and whatever else is registered by name; the answer as Arrow.

    Parameters of the query are passed as `parameters`. Raises StoreUnavailableError where a file cannot be read.
    """
    parameters: Mapping[str, Any] = registered.pop("parameters", {})
    files = list(files)
    connection = duckdb.connect(config={"threads": 2})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        if files:
            listed = ", ".join("'" + f.replace("'", "''") + "'" for f in files)
            source = f"read_parquet([{listed}], hive_partitioning = false)"
            connection.execute(f"CREATE TEMP VIEW rows AS SELECT * FROM {source}")
        else:
            connection.register("rows", schema.empty_table())
        for name, value in registered.items():
            connection.register(name, value)
        return connection.sql(sql, params=parameters or None).to_arrow_table()
    except duckdb.Error as error:
        raise StoreUnavailableError(f"a file of the store cannot be read: {error}") from None
    finally:
        connection.close()
