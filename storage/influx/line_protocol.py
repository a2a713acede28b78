"""Arrow tables as InfluxDB line protocol, column by column."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc


def encode(measurement: str, table: pa.Table) -> list[str]:
    """One line a row: tag `line_id`, every non-null column as a field, the time in µs.

    Rows without any field are left out. Floats are written shortest, integers with `i`, texts quoted.
    """
    parts = [
        _field(name, table[name].combine_chunks()) for name in table.column_names if name not in ("line_id", "time")
    ]
    if not parts:
        return []
    fields = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), 1)  # without the first comma
    head = pc.binary_join_element_wise(measurement + ",line_id=", _tag(table["line_id"].combine_chunks()), "")
    time = table["time"].combine_chunks().cast(pa.int64()).cast(pa.string())
    whole = pc.binary_join_element_wise(head, fields, time, " ")
    return list(whole.filter(pc.not_equal(fields, "")).to_pylist())


def _field(name: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """`,name=value`, nothing where there is no value."""
    values = pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_string(values.type):
        text = pc.replace_substring(pc.replace_substring(values, "\\", "\\\\"), '"', '\\"')
        return pc.fill_null(pc.binary_join_element_wise(f',{name}="', text, '"', ""), "")
    text = values.cast(pa.string())
    kind = "i" if pa.types.is_integer(values.type) else ""
    return pc.fill_null(pc.binary_join_element_wise(f",{name}=", text, kind, ""), "")


def _tag(values: pa.Array) -> pa.Array:
    """A tag value: commas, equal signs and spaces escaped."""
    return pc.replace_substring_regex(tags_of(values), r"([,= ])", r"\\\1")


def tags_of(line_ids: pa.Array) -> pa.Array:
    """Line ids as the tag holds them. Line protocol has no way to write a backslash before an escape: it is `%5C`."""
    return pc.replace_substring(pc.replace_substring(line_ids, "%", "%25"), "\\", "%5C")


def tag_of(line_id: str) -> str:
    """One line id as the tag holds it."""
    return line_id.replace("%", "%25").replace("\\", "%5C")


def line_of(tag: str) -> str:
    """The line id that a tag holds."""
    return tag.replace("%5C", "\\").replace("%25", "%")


def chunks(lines: Sequence[str], most: int) -> list[Sequence[str]]:
    """Lines in groups of at most `most`."""
    return [lines[i : i + most] for i in range(0, len(lines), most)]
