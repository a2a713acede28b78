"""How a table becomes the bytes of a data file: Parquet, in one of two forms.

A fresh file is written while somebody waits and lives until the next compaction, so it is what a core can write
fastest: bytes of floats apart and a light compression. A file that lasts is as small as it can be without being slow
to read. Of readings all columns of one line are asked for, so their row groups are small, and most need not be read; of
what is derived from them, one column of all lines.
"""

from enum import Enum

import pyarrow as pa
import pyarrow.parquet as pq

from storage.embedded.levels import ABOVE, LEAST

KEY = ("line_id", "time", "seq")


class Form(Enum):
    """What a file holds, and how long it will live."""

    FRESH = "readings until they are compacted"
    READINGS = "readings"
    DERIVED = "rollups and the latest"


ROWS_PER_GROUP = {Form.FRESH: 32_768, Form.READINGS: 4_096, Form.DERIVED: 32_768}


def encoded(table: pa.Table, form: Form) -> memoryview:
    """The bytes of a file of `table`, without its columns that are null throughout."""
    table = table.select([n for n in table.column_names if n in KEY or table[n].null_count < table.num_rows])
    fresh = form is Form.FRESH
    encodings = {field.name: _encoding(field, fresh=fresh) for field in table.schema}
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, row_group_size=ROWS_PER_GROUP[form],
        compression="lz4" if fresh else "zstd", compression_level=None if fresh else 3,
        use_dictionary=[n for n, encoding in encodings.items() if encoding is None],
        column_encoding={n: encoding for n, encoding in encodings.items() if encoding is not None},
        write_statistics=[n for n in table.column_names if n in KEY],
    )  # fmt: skip
    return memoryview(sink.getvalue())


def _encoding(field: pa.Field, *, fresh: bool) -> str | None:
    """The encoding of a column; None for a dictionary."""
    if field.name.endswith((LEAST, ABOVE)):
        return "BYTE_STREAM_SPLIT"
    if field.name in ("time", "seq") or field.type == pa.int64():
        return "DELTA_BINARY_PACKED"
    if fresh and pa.types.is_floating(field.type):
        return "BYTE_STREAM_SPLIT"
    if fresh and field.name == "line_id":
        return "PLAIN"
    return None
