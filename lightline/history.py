"""History files: CSV or Parquet of `line_id,time,<field>…`, read a block at a time into batches, and written.

A row that cannot be used is reported with its number and left out; the rest is taken. A value outside what its field
can be at all is no reading, and says so in `quality`, as one from a device would.
"""

import difflib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from lightline.problem import UserError
from plant.batch import TIME, Batch, Reason
from plant.fields import Field, fields
from storage.schema import column_type, statistics

BLOCK_BYTES = 32 << 20
BLOCK_ROWS = 500_000
TOLD = 50  # bad rows of a file that are spelled out
EMPTY = ("", "null", "NULL", "NaN", "nan", "NA", "N/A", "None", "--")
EARLIEST, LATEST = pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")
KEYS = ("line_id", "time")
Mask = npt.NDArray[np.bool_]


@dataclass
class FileReport:
    """What was in a file. `bad`: why the first rows were left out, by number; `out_of_range` counts cells by field."""

    path: Path
    rows: int = 0
    bad_rows: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    out_of_range: dict[str, int] = field(default_factory=dict)

    def refuse(self, row: int, why: str) -> None:
        self.bad_rows += 1
        if len(self.bad) < TOLD:
            self.bad.append((row, why))


def read_history(path: Path, report: FileReport) -> Iterator[Batch]:
    """The file's usable rows as batches of at most BLOCK_ROWS or so; what is not usable goes into the report.

    Row numbers are lines of a CSV file (its header is line 1) and rows of a Parquet file from 1.
    UserError where the file as a whole cannot be used.
    """
    try:
        blocks = _parquet(path) if path.suffix == ".parquet" else _csv(path, report)
        for first, block in blocks:
            batch = _batch(block, first, report)
            if batch is not None:
                report.rows += len(batch)
                yield batch
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        told = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read: {told}; it must be UTF-8 CSV or Parquet") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


class HistoryWriter:
    """Writes readings of one line after the other; the file is there when all of it is, and never half of it."""

    def __init__(self, path: Path, names: Sequence[str], resolution: str) -> None:
        """`path` ends in .csv or .parquet, or is "-" for CSV on standard output."""
        self.path, self.rows = path, 0
        known = fields()
        columns = (
            [(n, known[n].arrow) for n in names]
            if resolution == "raw"
            else [(f"{n}_{s}", column_type(known[n], s)) for n in names for s in statistics(known[n])]
        )
        self._schema = pa.schema([("line_id", pa.string()), ("time", TIME), *columns])
        self._partial = None if str(path) == "-" else path.with_name(f".{path.name}.partial")
        target = sys.stdout.buffer if self._partial is None else self._partial
        self._writer = (
            pq.ParquetWriter(target, self._schema, compression="zstd")
            if path.suffix == ".parquet"
            else pacsv.CSVWriter(target, self._schema)
        )

    def write(self, line_id: str, series: pa.Table) -> None:
        """Add a line's rows: `time` and any of the columns."""
        arrays = [
            pa.repeat(line_id, series.num_rows)
            if f.name == "line_id"
            else series[f.name].cast(f.type)
            if f.name in series.column_names
            else pa.nulls(series.num_rows, f.type)
            for f in self._schema
        ]
        self._writer.write_table(pa.table(arrays, schema=self._schema))
        self.rows += series.num_rows

    def __enter__(self) -> "HistoryWriter":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._writer.close()
        if self._partial is not None:
            if kind is None:
                self._partial.replace(self.path)
            else:
                self._partial.unlink(missing_ok=True)


def _csv(path: Path, report: FileReport) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
    """Blocks of texts with the line number of each row; rows of another width are reported and left out."""
    with path.open("rb") as file:
        header = file.readline(1 << 16).decode("utf-8-sig").strip().replace('"', "")
    names = [n.strip() for n in header.split(",")]
    _check_columns(path, names)
    skipped: list[int] = []

    def wrong_width(row: pacsv.InvalidRow) -> str:
        skipped.append(row.number)
        report.refuse(row.number, f"has {row.actual_columns} columns, the header {row.expected_columns}")
        return "skip"

    reader = pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(
            use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=1
        ),
        parse_options=pacsv.ParseOptions(invalid_row_handler=wrong_width),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=list(EMPTY), strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )  # fmt: skip
    at = 2
    for block in reader:
        rows = np.arange(at, at + block.num_rows)
        while skipped and skipped[0] <= rows[-1]:  # the reader may be ahead: later rows are for later blocks
            rows[rows >= skipped.pop(0)] += 1
        at = int(rows[-1]) + 1 if len(rows) else at
        yield rows, pa.Table.from_batches([block])


def _parquet(path: Path) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
    with pq.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names)
        at = 1
        for block in file.iter_batches(BLOCK_ROWS):
            yield np.arange(at, at + block.num_rows), pa.Table.from_batches([block])
            at += block.num_rows


def _check_columns(path: Path, names: list[str]) -> None:
    known = fields()
    for key in KEYS:
        if key not in names:
            raise UserError(f"{path}:1: lacks the column {key}; the first line must be line_id,time,<field>…")
    if len(set(names)) != len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise UserError(f'{path}:1: the column "{twice}" stands twice')
    for name in names:
        if name not in known and name not in (*KEYS, "quality"):
            near = difflib.get_close_matches(name, known, 1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise UserError(f'{path}:1: "{name}" is not a field{hint} Fields: {", ".join(known)}')
    if not any(n in known for n in names):
        raise UserError(f"{path}:1: holds no field; the first line must be line_id,time,<field>…")


def _batch(block: pa.Table, rows: npt.NDArray[np.int64], report: FileReport) -> Batch | None:
    """A block's usable rows; None where there is none."""
    known = fields()
    bad: Mask = np.zeros(block.num_rows, bool)

    def refuse(where: Mask, why: str, shown: pa.ChunkedArray | None = None) -> None:
        news = where & ~bad
        at = np.flatnonzero(news)
        for i in at[:TOLD].tolist():
            value = "" if shown is None else f' "{str(shown[i].as_py())[:40]}"'
            report.refuse(int(rows[i]), why.replace("{}", value))
        report.bad_rows += max(0, len(at) - TOLD)
        bad[at] = True

    ids = _texts(block["line_id"])
    refuse(_mask(pc.or_kleene(pc.is_null(ids), pc.equal(pc.utf8_trim_whitespace(ids), ""))), "has no line_id")
    refuse(_mask(pc.greater(pc.utf8_length(ids), 200)), "has a line_id of more than 200 characters")
    times = _times(block["time"])
    refuse(np.asarray(pd.isna(times)), "time{} is no moment; write 2026-11-01T08:00:00+08:00", block["time"])
    refuse(np.asarray((times < EARLIEST) | (times >= LATEST)), "time{} is not between 2000 and 2100", block["time"])
    columns: dict[str, pa.Array] = {}
    quality: list[tuple[str, Mask]] = []
    for name in block.column_names:
        if name not in known:
            continue
        values, wrong, outside = _values(block[name], known[name])
        refuse(wrong, f"{name}{{}} {_expected(known[name])}", block[name])
        if outside.any():
            report.out_of_range[name] = report.out_of_range.get(name, 0) + int((outside & ~bad).sum())
            quality.append((f"{name}:{Reason.OUT_OF_RANGE}", outside))
        columns[name] = values
    keep = ~bad
    if not keep.any():
        return None
    kept = pa.array(keep)
    moments = pa.array(times[keep].tz_convert("UTC").tz_localize(None).to_numpy("datetime64[us]")).cast(
        pa.timestamp("us")
    )
    return Batch.of(
        "import", "history", moments.cast(pa.int64()).cast(TIME), ids.filter(kept),
        {name: values.filter(kept) for name, values in columns.items()}, _reasons(quality, block.num_rows).filter(kept),
    )  # fmt: skip


def _times(column: pa.ChunkedArray) -> pd.DatetimeIndex:
    """Moments, NaT where a text is none. Seconds since 1970 are taken as such; a time without zone is UTC."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return pd.DatetimeIndex(pd.to_datetime(column.to_pandas(), utc=True))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pd.DatetimeIndex(pd.to_datetime(column.to_pandas(), unit="s", utc=True, errors="coerce"))
    texts = _texts(column).to_pandas()
    times = pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce")
    numeric = texts.str.fullmatch(r"\d{9,10}(\.\d+)?").fillna(False).to_numpy(bool)
    if numeric.any():
        seconds = pd.to_numeric(texts.where(numeric), errors="coerce")
        times = times.where(~numeric, pd.to_datetime(seconds, unit="s", utc=True, errors="coerce"))
    return pd.DatetimeIndex(times)


def _values(column: pa.ChunkedArray, known: Field) -> tuple[pa.Array, Mask, Mask]:
    """A field's values, where they are none (and were something), and where they lie outside what it can be."""
    nothing: Mask = np.zeros(len(column), bool)
    if known.kind in ("state", "text"):
        texts = _texts(column)
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        if not known.words:
            return texts, nothing, nothing
        strange = pc.and_kleene(pc.is_valid(texts), pc.invert(pc.is_in(texts, pa.array(known.words))))
        return texts, _mask(strange), nothing
    numbers, wrong = _numbers(column)
    if known.kind == "counter":
        with np.errstate(invalid="ignore"):
            wrong |= (numbers < 0) | (numbers >= 2.0**63) | (numbers != np.floor(numbers)) & np.isfinite(numbers)
        usable = np.isfinite(numbers) & ~wrong
        exact = _exact(column) if usable.any() else None
        whole = exact if exact is not None else np.where(usable, numbers, 0).astype(np.int64)
        return pa.array(whole, pa.int64(), mask=~usable), wrong, nothing
    with np.errstate(invalid="ignore"):
        low = -np.inf if known.low is None else known.low
        high = np.inf if known.high is None else known.high
        outside = (numbers < low) | (numbers > high)
    usable = np.isfinite(numbers) & ~outside
    return pa.array(np.where(usable, numbers, 0).astype(np.float32), mask=~usable), wrong, np.asarray(outside)


def _numbers(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], Mask]:
    """Numbers (NaN where there is none), and where something stands that is no number."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        try:
            numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        except pa.ArrowNotImplementedError:
            return np.full(len(column), np.nan), _mask(pc.is_valid(column))
        return np.asarray(numbers, np.float64), np.zeros(len(column), bool)
    try:
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        wrong = np.zeros(len(column), bool)
    except pa.ArrowInvalid:
        texts = column.to_pandas()
        parsed = pd.to_numeric(texts, errors="coerce")
        wrong = (parsed.isna() & texts.notna()).to_numpy(bool)
        numbers = parsed.to_numpy(np.float64)
    return np.asarray(np.where(np.isinf(numbers), np.nan, numbers), np.float64), wrong | np.isinf(numbers)


def _exact(column: pa.ChunkedArray) -> npt.NDArray[np.int64] | None:
    """Counters beyond 2^53 keep every digit where the column holds whole numbers only."""
    try:
        return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), np.int64)
    except pa.ArrowInvalid:
        return None


def _reasons(quality: list[tuple[str, Mask]], rows: int) -> pa.Array:
    """`field:reason` pairs joined by commas, null where all is well (rows,)."""
    reasons = pa.nulls(rows, pa.string())
    for text, where in quality:
        more = pc.coalesce(pc.binary_join_element_wise(reasons, text, ","), text)
        reasons = pc.if_else(pa.array(where), more, reasons)
    return reasons


def _expected(known: Field) -> str:
    if known.kind in ("state", "text"):
        return f"is not among: {', '.join(known.words)}"
    return "is no whole number from 0" if known.kind == "counter" else f"is no number ({known.unit})"


def _texts(column: pa.ChunkedArray) -> pa.Array:
    whole = column.cast(pa.string()).combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), bool)
