"""What a splitter is called everywhere: its name in the lines files where unique, else its place in the tree."""

import pyarrow as pa
import pyarrow.compute as pc


def splitter_ids(lines: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The first- and second-stage splitter's id of each line (plant.inventory.LINE_SCHEMA), null where not known.

    Where splitters stand under more than one PON port and no name under two of them (nor one second-stage name under
    two first-stage ones), the operator numbers them plant-wide: the names are the ids. Else they are `DEVICE/PON/S1`
    and `DEVICE/PON/S1/S2`.
    """
    device, pon, first, second = (_column(lines, n) for n in ("device", "pon", "splitter1", "splitter2"))
    port = pc.binary_join_element_wise(device, pon, "/")
    if _plant_wide(port, first, second):
        return first, second
    within = pc.binary_join_element_wise(port, first, "/")
    return within, pc.binary_join_element_wise(pc.coalesce(within, port), second, "/")


def is_plant_wide(lines: pa.Table) -> bool:
    """Whether the names in these lines are ids by themselves."""
    device, pon, first, second = (_column(lines, n) for n in ("device", "pon", "splitter1", "splitter2"))
    return _plant_wide(pc.binary_join_element_wise(device, pon, "/"), first, second)


def _plant_wide(port: pa.Array, first: pa.Array, second: pa.Array) -> bool:
    """Whether every name belongs to one place only, and there is more than one place."""
    stage = pc.binary_join_element_wise(port, pc.coalesce(first, ""), "/")
    ones, twos = _pairs(first, port), _pairs(second, stage)
    ports = pc.unique(port.filter(pc.or_(pc.is_valid(first), pc.is_valid(second))).drop_null())
    names = (pc.unique(ones["name"]), pc.unique(twos["name"]))
    return (
        len(ports) > 1
        and all(pairs.num_rows == len(n) for pairs, n in zip((ones, twos), names, strict=True))
        and not pc.any(pc.is_in(names[1], names[0])).as_py()
    )


def _pairs(name: pa.Array, under: pa.Array) -> pa.Table:
    """Each name with each place it stands under, once."""
    return pa.table({"name": name, "under": under}).drop_null().group_by(["name", "under"]).aggregate([])


def _column(lines: pa.Table, name: str) -> pa.Array:
    if name not in lines.column_names:
        return pa.nulls(lines.num_rows, pa.string())
    column = lines[name].cast(pa.string()).combine_chunks()
    whole = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    return pc.if_else(pc.equal(whole, ""), pa.scalar(None, pa.string()), whole)
