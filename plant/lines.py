"""Lines files: CSV or Parquet tables of the access lines, read and checked by columns, a million rows in seconds."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from plant.document import encoding_guess
from plant.inventory import LINE_SCHEMA, LinesFile
from plant.problems import FLOOD, Problem, Report

REQUIRED = ("line_id", "device", "pon", "ont_serial")
TECHNOLOGIES = ("gpon", "xgspon", "epon", "10gepon", "coax")
# What a value must lie in, both ends included, where it is a number.
RANGES = {
    "lat": (-90, 90),
    "lon": (-180, 180),
    "distance_m": (0, 100_000),
    "sold_mbps": (1, 400_000),
    "ont_index": (0, 65_535),
}
EXAMPLES = {
    "installed": "2021-03-14",
    "retrofitted": "2025-06-30",
    "ont_index": "17",
    "sold_mbps": "1000",
    "important": "true",
}


def read_lines(
    files: Sequence[tuple[Path, int]], named_in: str, devices: Collection[str], grids: Collection[str], report: Report
) -> tuple[pa.Table, dict[str, LinesFile]]:
    """All lines files as one table of LINE_SCHEMA, and by device the file that most of its lines stand in.

    What is wrong goes to the report with file and row.

    `files` holds each path and the line of `named_in` where it stands. A coax line may have no device.
    """
    tables: list[pa.Table] = []
    origins: list[tuple[str, int]] = []  # file and first data row of each table
    most: dict[str, tuple[int, LinesFile]] = {}
    for path, line in files:
        table = _read(path, named_in, line, report)
        if table is not None:
            typed = _typed(table, str(path), report)
            _check_references(typed, str(path), devices, grids, report)
            tables.append(typed)
            origins.append((str(path), len(typed)))
            file = LinesFile(str(path), tuple(str(name) for name in table.column_names))
            for counted in pc.value_counts(typed["device"].drop_null()):
                device, count = counted["values"].as_py(), counted["counts"].as_py()
                if count > most.get(device, (0, file))[0]:
                    most[device] = count, file
    of_device = {device: file for device, (_, file) in most.items()}
    if not tables:
        return LINE_SCHEMA.empty_table(), of_device
    whole = pa.concat_tables(tables).combine_chunks()
    _check_unique(whole, origins, report)
    return whole, of_device


def _read(path: Path, named_in: str, line: int, report: Report) -> pa.Table | None:
    """The file as a table of texts (CSV) or as it is (Parquet)."""
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        with path.open("rb") as file:
            names = file.readline(1 << 20).decode("utf-8-sig").strip().split(",")
        types = {name.strip().strip('"'): pa.string() for name in names}
        table = pacsv.read_csv(
            path,
            convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""]),
        )
    except FileNotFoundError:
        report.add(Problem(named_in, line, f"{path} does not exist", "paths are relative to this file"))
    except UnicodeDecodeError:
        report.add(_not_utf8(path))
    except (OSError, pa.ArrowException) as error:
        if "UTF8" in str(error):
            report.add(_not_utf8(path))
        else:
            report.add(Problem(str(path), 1, f"cannot be read: {error}", "expected CSV with a header line, or Parquet"))
    else:
        return table
    return None


def _not_utf8(path: Path) -> Problem:
    data = path.read_bytes()
    try:
        data.decode("utf-8-sig")
        start = 0
    except UnicodeDecodeError as error:
        start = error.start
    return Problem(str(path), data[:start].count(b"\n") + 1, f"is not UTF-8{encoding_guess(data)}", "save it as UTF-8")


def _typed(table: pa.Table, file: str, report: Report) -> pa.Table:
    """The table as LINE_SCHEMA: columns that are missing become null, values that do not fit are problems."""
    names = [str(n) for n in table.column_names]
    for name in names:
        if name not in LINE_SCHEMA.names:
            near = difflib.get_close_matches(name, LINE_SCHEMA.names, 1)
            remedy = f'did you mean "{near[0]}"?' if near else "it is not read"
            report.add(Problem(file, 1, f'unknown column "{name}"', remedy, "warning"))
    for name in sorted({n for n in names if names.count(n) > 1}):
        report.add(Problem(file, 1, f'column "{name}" stands twice', "keep one"))
    columns = []
    for field in LINE_SCHEMA:
        if names.count(field.name) == 1:
            columns.append(_column(table.column(field.name), field, file, report))
        else:
            columns.append(pa.nulls(len(table), field.type))
            if field.name in REQUIRED and field.name not in names:
                report.add(Problem(file, 1, f'lacks the column "{field.name}"', f"required: {', '.join(REQUIRED)}"))
    return pa.table(columns, schema=LINE_SCHEMA)


def _column(values: pa.ChunkedArray, field: pa.Field, file: str, report: Report) -> pa.Array:
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.nulls(0, values.type)
    if pa.types.is_string(values.type):
        trimmed = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    try:
        typed = values.cast(field.type)
    except pa.ArrowException:
        typed = _cast_what_fits(values, field, file, report)
    if field.name in RANGES:
        low, high = RANGES[field.name]
        outside = pc.fill_null(pc.or_(pc.less(typed, low), pc.greater(typed, high)), False)
        _rows(
            outside, file, f'"{field.name}" is outside {low} to {high}', "correct it or leave it empty", report, typed
        )
    if field.name in REQUIRED and field.name in ("line_id",):
        _rows(pc.is_null(typed), file, f'"{field.name}" is empty', "every line needs one", report)
    return typed


def _cast_what_fits(values: pa.Array, field: pa.Field, file: str, report: Report) -> pa.Array:
    """Value by value, only for a column that did not cast as a whole."""
    out, bad = [], []
    for value in values:
        try:
            out.append(value.cast(field.type).as_py())
            bad.append(False)
        except pa.ArrowException:
            out.append(None)
            bad.append(True)
    like = EXAMPLES.get(field.name, str(field.type))
    _rows(pa.array(bad), file, f'"{field.name}" does not fit', f"write it like {like}", report, values)
    return pa.array(out, field.type)


def _check_references(
    table: pa.Table, file: str, devices: Collection[str], grids: Collection[str], report: Report
) -> None:
    technology = table["technology"].combine_chunks()
    coax = pc.fill_null(pc.equal(technology, "coax"), False)
    device = table["device"].combine_chunks()
    needs = pc.invert(coax)
    _rows(pc.and_(pc.is_null(device), needs), file, '"device" is empty', "only coax lines may have none", report)
    for name, known, kind in (("device", devices, "device"), ("grid", grids, "grid")):
        values = table[name].combine_chunks()
        stray = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(list(known), pa.string()))))
        remedy = f"which is not in the inventory: add the {kind} or correct the line"
        _rows(stray, file, f"the line names {kind}", remedy, report, values)
    odd = pc.and_(pc.is_valid(technology), pc.invert(pc.is_in(technology, pa.array(TECHNOLOGIES))))
    _rows(odd, file, "unknown technology", f"known: {', '.join(TECHNOLOGIES)}", report, technology)


def _check_unique(table: pa.Table, origins: Sequence[tuple[str, int]], report: Report) -> None:
    files = np.repeat(np.arange(len(origins)), [n for _, n in origins])
    rows = np.concatenate([np.arange(n) + 2 for _, n in origins])

    def place(at: int) -> tuple[str, int]:
        return origins[int(files[at])][0], int(rows[at])

    for names in (("line_id",), ("device", "ont_serial"), ("device", "pon", "ont_index")):
        again, first = _repeats(table.select(list(names)))
        for at, before in zip(again[:FLOOD], first[:FLOOD], strict=True):
            file, row = place(int(at))
            other, other_row = place(int(before))
            value = "/".join(str(table[n][int(at)].as_py()) for n in names)
            where = f"line {other_row}" if other == file else f"{other}:{other_row}"
            more = max(0, len(again) - FLOOD) if at == again[0] else 0
            what = f"{', '.join(names)} {value} is also in {where}"
            report.add(Problem(file, row, what, "each line stands once", sort=f"again {names}"), more)


def _repeats(table: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows whose values already stand in an earlier row, and that earlier row; rows with a null are left out."""
    valid = np.ones(len(table), bool)
    code = np.zeros(len(table), np.int64)
    for column in table.itercolumns():
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        valid &= pc.is_valid(column).to_numpy(zero_copy_only=False)
        own = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        code = np.unique(code * (int(own.max(initial=0)) + 1) + own, return_inverse=True)[1]
    kept = np.flatnonzero(valid)
    order = kept[np.argsort(code[kept], kind="stable")]
    same = code[order[1:]] == code[order[:-1]]
    again = order[1:][same]
    first_of = np.zeros(len(table), np.int64)
    firsts = order[np.r_[True, ~same]] if len(order) else order
    first_of_code = np.zeros(int(code.max(initial=0)) + 1, np.int64)
    first_of_code[code[firsts]] = firsts
    first_of = first_of_code[code[again]]
    by_row = np.argsort(again)
    return again[by_row], first_of[by_row]


def _rows(
    bad: pa.Array, file: str, message: str, remedy: str, report: Report, values: Iterable[pa.Scalar] | None = None
) -> None:
    """A problem for each row that is bad, up to a flood."""
    at = np.flatnonzero(pc.fill_null(bad, False).to_numpy(zero_copy_only=False))
    for n, index in enumerate(at[:FLOOD]):
        shown = f' "{values[int(index)].as_py()}"' if isinstance(values, pa.Array) else ""
        more = max(0, len(at) - FLOOD) if n == 0 else 0
        report.add(Problem(file, int(index) + 2, f"{message}{shown}", remedy, sort=message), more)
