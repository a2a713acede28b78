"""The rows of one line, out of the few row groups that can hold them.

DuckDB looks at the bounds of every column of every row group, which takes longer than to read what is wanted. Here the
bounds of the lines are remembered, and only the groups with the line are decoded.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from plant.batch import TIME
from storage.embedded.files import DataFile
from storage.embedded.levels import together, with_their_parts
from storage.embedded.table import LogTable
from storage.errors import StoreCorruptedError, StoreUnavailableError

FOOTERS = 24  # of 3 MB each where a file has a million rows; one is read in 3 ms


@dataclass(frozen=True)
class _Footer:
    """`bounds`: the first and the last line of each row group, None where the file does not tell."""

    metadata: pq.FileMetaData
    names: list[str]
    bounds: list[tuple[str, str] | None]

    @classmethod
    def of(cls, path: Path) -> "_Footer":
        metadata = pq.read_metadata(path)
        told = [metadata.row_group(n).column(0).statistics for n in range(metadata.num_row_groups)]
        bounds = [(s.min, s.max) if s is not None and s.has_min_max else None for s in told]
        return cls(metadata, metadata.schema.names, bounds)

    def groups(self, line: str) -> list[int]:
        return [n for n, bound in enumerate(self.bounds) if bound is None or bound[0] <= line <= bound[1]]


class LineReader:
    """Reads single lines of a table; remembers the footers of the files it used last. Thread-safe."""

    def __init__(self, log: LogTable) -> None:
        self._log = log
        self._footers: OrderedDict[str, _Footer] = OrderedDict()
        self._guard = threading.Lock()

    def read(
        self, stop: threading.Event, files: Sequence[DataFile], line: str, columns: Sequence[str], start: int, end: int
    ) -> pa.Table:
        """`columns` of the line's rows in [start, end) (µs), in the order of the files; null where a file has none.

        Ends early, with an error, when `stop` is set.
        """
        self._log.verifier.columns(files)
        schema = pa.schema([self._log.schema.field(n) for n in columns])
        since, until = (pa.scalar(at, pa.int64()).cast(TIME) for at in (start, end))
        parts = [schema.empty_table()]
        for file in files:
            if stop.is_set():
                raise StoreUnavailableError("the question was given up, or the store has been closed")
            rows = self._groups(file, line, columns)
            inside = pc.and_(pc.greater_equal(rows["time"], since), pc.less(rows["time"], until))
            rows = together(rows.filter(pc.and_(pc.equal(rows["line_id"], line), inside)))
            there = [n for n in columns if n in rows.column_names]
            parts.append(rows.select(there).cast(pa.schema([schema.field(n) for n in there])))
        return pa.concat_tables(parts, promote_options="default").combine_chunks()

    def _groups(self, file: DataFile, line: str, columns: Sequence[str]) -> pa.Table:
        """The row groups that may hold the line, levels in parts as they are."""
        path = self._log.folder / file.name
        try:
            footer = self._footer(path)
            with pq.ParquetFile(path, metadata=footer.metadata) as source:
                wanted = with_their_parts(columns, footer.names)
                return source.read_row_groups(footer.groups(line), columns=wanted, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise StoreCorruptedError(f"{path} cannot be read: {error}") from error

    def _footer(self, path: Path) -> _Footer:
        with self._guard:
            footer = self._footers.pop(path.name, None)
        if footer is None:
            footer = _Footer.of(path)
        with self._guard:
            self._footers[path.name] = footer
            while len(self._footers) > FOOTERS:
                self._footers.popitem(last=False)
        return footer
