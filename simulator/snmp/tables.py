"""Tables of a device (data in the YAML files beside this module) over a snapshot: the agent's objects."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, cast

import numpy as np
import yaml

from simulator.snmp import ber
from simulator.snmp.mib import Column, Mib, Rows, Values
from simulator.snmp.snapshot import Snapshot

_TYPES = {"integer": ber.INTEGER, "counter32": ber.COUNTER32, "counter64": ber.COUNTER64, "gauge32": ber.GAUGE32}
_GPON = 250  # IANAifType


@cache
def said_tables(name: str) -> dict[str, Any]:
    text = (files("simulator") / "snmp" / f"{name}.yaml").read_text(encoding="utf-8")
    return cast(dict[str, Any], yaml.safe_load(text))


def oid(text: str) -> ber.Oid:
    return tuple(int(p) for p in text.split("."))


def build_mib(snapshot: Snapshot) -> Mib:
    """Everything one agent serves: system group, interfaces, and the device's tables."""
    tables = said_tables(snapshot.tables)
    rows = snapshot.rows()
    columns = [*_system(snapshot, tables), *_interfaces(snapshot, tables, rows["interface"])]
    columns += [
        Column(oid(spec["oid"]), rows[spec["rows"]], _values(snapshot, spec, rows[spec["rows"]]))
        for spec in tables["columns"]
    ]
    return Mib(columns)


def _values(snapshot: Snapshot, spec: Mapping[str, Any], rows: Rows) -> Values:
    """A function that encodes the column's figures as they are now."""
    tag = _TYPES.get(spec.get("type", "integer"), ber.INTEGER)
    as_text = spec.get("type") == "octets"
    scale, add = spec.get("scale", 1), spec.get("add", 0)
    none = ber.integer(spec["none"]) if "none" in spec else None
    words = {k: _word(v, tag) for k, v in spec.get("map", {}).items()}
    name, stale = spec["value"], bool(spec.get("stale"))
    nothing: list[bytes | None] = [none] * len(rows.ids)

    def encode() -> Sequence[bytes | None]:
        if name == "nothing":
            return nothing
        figures = snapshot.figure(name, stale)
        if words:
            return [none if f != f else words[int(f)] for f in figures.tolist()]  # noqa: PLR0124 — NaN
        if as_text:
            return [ber.octets(f) for f in figures.tolist()]
        if figures.dtype.kind in "iu":
            return [ber.integer(f, tag) for f in figures.tolist()]
        missing = np.isnan(figures)
        raw = np.rint(np.where(missing, 0, figures).astype(np.float64) * scale).astype(np.int64) + add
        whole: list[bytes | None] = [ber.integer(f, tag) for f in raw.tolist()]
        for i in np.flatnonzero(missing).tolist():
            whole[i] = none
        return whole

    return encode


def _word(value: int | str, tag: int) -> bytes:
    return ber.octets(value.encode()) if isinstance(value, str) else ber.integer(value, tag)


def _system(snapshot: Snapshot, tables: Mapping[str, Any]) -> list[Column]:
    scalar = Rows([(0,)])
    said = tables["system"]
    started = snapshot.world.start.timestamp()

    def column(number: int, value: bytes) -> Column:
        return Column(oid(f"1.3.6.1.2.1.1.{number}"), scalar, lambda: [value])

    def uptime() -> Sequence[bytes | None]:
        ticks = int((snapshot.now - max(started, snapshot.restarted)) * 100) % 2**32
        return [ber.integer(ticks, ber.TICKS)]

    return [
        column(1, ber.octets(said["descr"].encode())),
        column(2, ber.oid(oid(said["object_id"]))),
        Column(oid("1.3.6.1.2.1.1.3"), scalar, uptime, live=True),
        column(4, ber.octets(b"simulated plant")),
        column(5, ber.octets(snapshot.device.encode())),
        column(6, ber.octets(snapshot.area.encode())),
        column(7, ber.integer(6)),
    ]


def _interfaces(snapshot: Snapshot, tables: Mapping[str, Any], rows: Rows) -> list[Column]:
    said = tables["interface"]
    names = snapshot.port_names
    n = len(names)

    def fixed(base: str, values: list[bytes]) -> Column:
        return Column(oid(base), rows, lambda: values)

    return [
        Column(oid("1.3.6.1.2.1.2.1"), Rows([(0,)]), lambda: [ber.integer(n)]),
        fixed("1.3.6.1.2.1.2.2.1.1", [ber.integer(i[0]) for i in rows.ids]),
        fixed("1.3.6.1.2.1.2.2.1.2", [ber.octets(said["descr"].format(pon=p).encode()) for p in names]),
        fixed("1.3.6.1.2.1.2.2.1.3", [ber.integer(said.get("type", _GPON))] * n),
        fixed("1.3.6.1.2.1.2.2.1.7", [ber.integer(1)] * n),
        fixed("1.3.6.1.2.1.2.2.1.8", [ber.integer(1)] * n),
        fixed("1.3.6.1.2.1.31.1.1.1.1", [ber.octets(said["name"].format(pon=p).encode()) for p in names]),
    ]
