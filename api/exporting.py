"""Tables as streams of Arrow, Parquet or CSV: batch by batch, so that a million rows take the memory of one batch."""

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

Format = Literal["arrow", "parquet", "csv"]
MEDIA: dict[Format, str] = {
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}
ENDINGS: dict[Format, str] = {"arrow": "arrows", "parquet": "parquet", "csv": "csv"}
# what a spreadsheet takes for a formula where a text begins with it (OWASP: CSV injection)
FORMULA = r"^[=+\-@\t\r\x00]"


@dataclass
class _Sink(io.RawIOBase):
    """What was written since it was last taken."""

    def __post_init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        out, self._parts = b"".join(self._parts), []
        return out


async def streamed(form: Format, schema: pa.Schema, batches: AsyncIterator[pa.Table]) -> AsyncIterator[bytes]:
    """The tables, all of `schema`, as one file of the form. A text that a spreadsheet would run is made text in CSV."""
    sink = _Sink()
    write, close = _writer(form, schema, sink)
    yield sink.taken()
    async for table in batches:
        write(table)
        if data := sink.taken():
            yield data
    close()
    yield sink.taken()


def _writer(form: Format, schema: pa.Schema, sink: _Sink) -> tuple[Callable[[pa.Table], None], Callable[[], None]]:
    if form == "parquet":
        parquet = pq.ParquetWriter(sink, schema, compression="zstd")
        return parquet.write_table, parquet.close
    if form == "arrow":
        arrow = pa.ipc.new_stream(sink, schema)
        return arrow.write_table, arrow.close
    names = pa.table([pa.array([], f.type) for f in schema], schema=schema)
    pacsv.write_csv(names, sink, pacsv.WriteOptions(include_header=True))

    def write(table: pa.Table) -> None:
        pacsv.write_csv(_harmless(table), sink, pacsv.WriteOptions(include_header=False))

    return write, lambda: None


def _harmless(table: pa.Table) -> pa.Table:
    for at, told in enumerate(table.schema):
        if pa.types.is_string(told.type):
            column = table.column(at)
            marked = pc.binary_join_element_wise(pa.scalar("'"), column, pa.scalar(""))
            column = pc.if_else(pc.match_substring_regex(column, FORMULA), marked, column)
            table = table.set_column(at, told, column)
    return table
