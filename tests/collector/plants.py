"""Small inventories for the collector's tests."""

from collections.abc import Sequence

import pyarrow as pa

from plant.inventory import LINE_SCHEMA, Broker, Calendar, Device, Inventory


def lines(*rows: tuple[str, str, str, str | None, int | None]) -> pa.Table:
    """A lines table from (line_id, device, pon, ont_serial, ont_index)."""
    columns = dict(zip(("line_id", "device", "pon", "ont_serial", "ont_index"), zip(*rows, strict=True), strict=True))
    return pa.table(
        {f.name: pa.array(columns.get(f.name, [None] * len(rows)), f.type) for f in LINE_SCHEMA}, schema=LINE_SCHEMA
    )


def inventory(
    table: pa.Table | None = None, devices: Sequence[Device] = (), brokers: Sequence[Broker] = ()
) -> Inventory:
    table = LINE_SCHEMA.empty_table() if table is None else table
    return Inventory({}, {d.id: d for d in devices}, tuple(brokers), table, {}, Calendar())


def device(id_: str, port: int = 161) -> Device:
    return Device(id_, "127.0.0.1", "olt", "tianhe", port=port)
