"""Lines × days from the daily table, filled file by file.

Strings are what costs: a million lines' ninety days have as many ids as numbers. So a column of ids is read as codes
and the few hundred ids of each row group, and only those are looked up. Two files are decoded while one is put in
place; of two rows for a line's day that of the later file stands, as it was computed last.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from plant.fields import fields
from plant.matrix import Matrix, Scope
from storage.embedded.files import DataFile
from storage.embedded.folding import needed, telling_of, unfolded
from storage.embedded.table import LogTable
from storage.errors import StoreCorruptedError, StoreUnavailableError
from storage.keyed import Ints, instants
from storage.windows import DAY, midnights

IDS_AT_ONCE = 50_000  # made Python's in one go
ROWS_AT_ONCE = 1_000_000  # decoded at a time, by each of two threads


@dataclass(frozen=True)
class _Cells:
    """Rows of a file: `cell` (of the matrix, counted row by row) and `value`; `told`, the lines with a reading."""

    cell: Ints
    value: npt.NDArray[np.float32]
    told: Ints


@dataclass(frozen=True)
class _Question:
    """What is asked of each file. Times in µs; `words` are those of a text field."""

    column: str
    start: int
    days: int
    words: pa.Array
    place: Mapping[str, int]
    lines: tuple[str, str]
    all_lines: bool
    stop: threading.Event


def daily_matrix(
    stop: threading.Event,
    daily: LogTable,
    scope: Scope,
    field: str,
    statistic: str,
    first: date,
    last: date,
    zone: ZoneInfo,
) -> Matrix:
    """See TelemetryStore.matrix. Holds the answer and a few million rows at a time; ends early when `stop` is set."""
    starts = midnights(first, last, zone)
    start, end = int(starts[0]), int(starts[-1])
    if scope.line_ids is None:
        files = daily.snapshot().holding(start, end)
        daily.verifier.columns(files)
        ids = _ids_in(daily, files, stop)
    else:
        ids = sorted(scope.line_ids)
        files = daily.snapshot().holding(start, end, (ids[0], ids[-1]) if ids else ("", ""))
        daily.verifier.columns(files)
    values = np.full((len(ids), len(starts) - 1), np.nan, np.float32)
    told = np.zeros(len(ids), np.bool_)
    question = _Question(
        f"{field}_{statistic}", start, len(starts) - 1, pa.array(fields()[field].words, pa.string()),
        {name: row for row, name in enumerate(ids)}, (ids[0], ids[-1]) if ids else ("", ""),
        scope.line_ids is None, stop,
    )  # fmt: skip
    for cells in _decoded(daily, files, question):
        values.reshape(-1)[cells.cell] = cells.value  # twice as fast as by row and column
        told[cells.told] = True
    names = np.array(ids, dtype=object)
    if scope.line_ids is None:
        names, values = names[told], values[told]
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return Matrix(field, statistic, names, dates, values)


def _decoded(daily: LogTable, files: Sequence[DataFile], question: _Question) -> Iterator[_Cells]:
    """Cells of the files from the oldest to the newest; two threads decode what comes next."""
    waiting: list[Future[list[_Cells]]] = []
    with ThreadPoolExecutor(2) as pool:
        try:
            for file in sorted(files, key=lambda f: (f.seq, f.name)):
                waiting.append(pool.submit(lambda file: list(_cells(daily, file, question)), file))
                if len(waiting) > 2:
                    yield from waiting.pop(0).result()
            for future in waiting:
                yield from future.result()
        finally:
            for future in waiting:
                future.cancel()


def _cells(daily: LogTable, file: DataFile, question: _Question) -> Iterator[_Cells]:
    with _opened(daily, file) as source:
        there = source.schema_arrow.names
        wanted = needed([question.column])
        if not any(n in there for n in wanted):
            wanted = []  # the rows still say that there is nothing
        columns = ["line_id", "time", *(n for n in wanted if n in there)]
        for groups in _row_groups(source, question.lines):
            _go_on(question.stop)
            table = source.read_row_groups(groups, columns=columns, use_threads=False)
            day = (instants(table["time"]) - question.start + DAY // 2) // DAY  # nearest: clocks may change
            line = _places(table["line_id"], question.place)
            inside = (line >= 0) & (day >= 0) & (day < question.days)
            value, told = _figures(daily, table, question)
            if not inside.all():
                line, day, value, told = line[inside], day[inside], value[inside], told[inside]
            reading = line[told] if question.all_lines else line[:0]  # of lines that are named all are given
            yield _Cells(line * question.days + day, value, reading)


def _figures(
    daily: LogTable, table: pa.Table, question: _Question
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The statistic in full (rows,), and where its field had a reading."""
    for name in needed([question.column]):
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, daily.schema.field(name).type))
    cells = unfolded(table, [question.column])[question.column]
    if pa.types.is_string(cells.type):
        cells = pc.index_in(cells, value_set=question.words)
    told = table[telling_of(question.column) or question.column].is_valid().to_numpy()
    return cells.cast(pa.float32(), safe=False).to_numpy(), told


def _places(column: pa.ChunkedArray, place: Mapping[str, int]) -> Ints:
    """The matrix's row of each id (rows,), -1 for ids that are not asked for."""
    parts = []
    for chunk in column.chunks:
        of_code = np.array([place.get(i, -1) for i in chunk.dictionary.to_pylist()] or [-1], np.int64)
        parts.append(of_code[chunk.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _ids_in(daily: LogTable, files: Sequence[DataFile], stop: threading.Event) -> list[str]:
    """Every line in these files, sorted; of each row group only the ids are made strings, not its rows.

    Sorted by Arrow: other threads go on meanwhile.
    """
    found: list[pa.Array] = []
    for file in files:
        _go_on(stop)
        with _opened(daily, file) as source:
            chunks = source.read(columns=["line_id"], use_threads=False)["line_id"].chunks
            found.append(pc.unique(pa.chunked_array([c.dictionary for c in chunks], pa.string())))
    ids = pc.unique(pa.chunked_array(found, pa.string()))
    lines = ids.filter(pc.invert(pc.starts_with(ids, "pon:")))
    ordered = lines.take(pc.sort_indices(lines))
    return [i for at in range(0, len(ordered), IDS_AT_ONCE) for i in ordered.slice(at, IDS_AT_ONCE).to_pylist()]


def _row_groups(source: pq.ParquetFile, lines: tuple[str, str]) -> Iterator[list[int]]:
    """Row groups that may hold lines from the first to the last, about ROWS_AT_ONCE rows together."""
    held: list[int] = []
    rows = 0
    for number in range(source.metadata.num_row_groups):
        group = source.metadata.row_group(number)
        known = group.column(0).statistics  # line_id is the first column of every file
        if known is not None and known.has_min_max and (known.max < lines[0] or known.min > lines[1]):
            continue
        held.append(number)
        rows += group.num_rows
        if rows >= ROWS_AT_ONCE:
            yield held
            held, rows = [], 0
    if held:
        yield held


def _opened(daily: LogTable, file: DataFile) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(daily.folder / file.name, read_dictionary=["line_id"])
    except (OSError, pa.ArrowException) as error:
        raise StoreCorruptedError(f"{daily.folder / file.name} cannot be read: {error}") from error


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise StoreUnavailableError("the question was given up, or the store has been closed")
