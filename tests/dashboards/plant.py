"""A small plant, its readings of three days in a store, and Grafana's part: variables and macros filled as it does."""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from dashboards.grafana.places import write_places
from lightline.inventory import read_inventory
from plant.batch import Batch
from plant.inventory import Inventory
from storage.influx.client import InfluxClient
from storage.opening import open_store

OLTS = {"GZ-OLT-01": ("tianhe", "gpon_c+", "0/1"), "PY-OLT.02": ("panyu", "gpon_b+", "2")}
CMTS = "GZ-CMTS-01"
ZONE = "Asia/Shanghai"
FIBRE = {
    "rx_dbm": -21, "olt_rx_dbm": -23, "tx_dbm": 2.2, "bias_ma": 14, "voltage_v": 3.3, "temp_c": 44, "distance_m": 2100,
    "eth_speed_mbps": 1000,
}  # fmt: skip
COUNTERS = ("bip_errors", "fec_corrected", "fec_uncorrected")
COAX = {"ds_power_dbmv": 3, "ds_snr_db": 38, "us_power_dbmv": 42, "us_snr_db": 33, "reflection_dbc": -32}
COAX_COUNTERS = ("cw_corrected", "cw_uncorrected")
PORT = {"pon_tx_dbm": 4.1, "pon_bias_ma": 20, "pon_temp_c": 41, "pon_voltage_v": 3.3}


def write_inventory(folder: Path, *, simulated: bool = True) -> Inventory:
    """Two OLTs of two classes in two areas, with two ports of three lines each, and a CMTS with two lines."""
    areas = [
        {"id": a, "name": a, "department": f"{a}维护部", "grids": [{"id": f"{a}-1", "name": a}]}
        for a in ("tianhe", "panyu")
    ]
    devices: list[dict[str, Any]] = [
        {
            "id": olt,
            "host": "192.0.2.1",
            "kind": "olt",
            "area": area,
            "pon_class": pon_class,
            "credentials": {"community": "env:C"},
        }
        for olt, (area, pon_class, _) in OLTS.items()
    ]
    devices.append(
        {"id": CMTS, "host": "192.0.2.9", "kind": "cmts", "area": "tianhe", "credentials": {"community": "env:C"}}
    )
    rows = ["line_id,device,pon,ont_serial,grid,technology"]
    for line, device, pon, technology in _lines():
        serial = "" if technology == "coax" else f"HWTC{len(rows):08d}"
        rows.append(f"{line},{device},{pon},{serial},{_area(device)}-1,{technology}")
    (folder / "lines.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    told = {
        "simulated": simulated,
        "areas": areas,
        "devices": devices,
        "lines": ["lines.csv"],
        "calendar": {"zone": ZONE},
    }
    (folder / "devices.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return read_inventory(folder / "devices.yaml")


def _area(device: str) -> str:
    return OLTS[device][0] if device in OLTS else "tianhe"


def _lines() -> list[tuple[str, str, str, str]]:
    found = [
        (f"{olt} line,{pon}-{n}", olt, f"{prefix}/{pon}", "gpon")
        for olt, (_, _, prefix) in OLTS.items() for pon in (0, 1) for n in range(3)
    ]  # fmt: skip
    return [(line.replace(",", "="), *more) for line, *more in found] + [
        (f"K{n}", CMTS, "node-1", "coax") for n in (1, 2)
    ]


async def fill(url: str, inventory: Inventory, now: datetime) -> None:
    """Readings every hour up to `now`, by our own store, with their rollups, and the places of the lines."""
    chance = random.Random(3)
    store = await open_store(url, zone=ZONE)
    times = [now - timedelta(minutes=1) - timedelta(hours=n) for n in range(72)][::-1]
    batches = []
    for line, device, pon, technology in _lines():

        def near(level: float, times: Sequence[datetime] = times) -> list[float]:
            return [round(chance.gauss(level, 0.2), 2) for _ in times]

        columns: dict[str, Any] = {"state": ["up" if chance.random() < 0.95 else "los" for _ in times]}
        levels, counters = (COAX, COAX_COUNTERS) if technology == "coax" else (FIBRE, COUNTERS)
        columns |= {name: near(level) for name, level in levels.items()}
        columns |= {name: _growing(chance, times) for name in counters}
        batches.append(Batch.of(device, "all", times, [line] * len(times), columns))
        if technology != "coax":
            ports = {name: near(level) for name, level in PORT.items()}
            ports |= {"onts_up": [3.0] * len(times), "onts_total": [4.0] * len(times)}
            batches.append(Batch.of(device, "ports", times, [f"pon:{device}/{pon}"] * len(times), ports))
    await store.append(batches)
    await store.rollup()
    await store.close()
    host, _, database = url.removeprefix("influx1://").partition("/")
    client = InfluxClient(f"http://{host}", database, None, None)
    try:
        await write_places(client, inventory, now - timedelta(days=1))
        assert await write_places(client, inventory, now) == len(_lines())
    finally:
        await client.close()


def _growing(chance: random.Random, times: Sequence[datetime]) -> list[int]:
    total, found = 0, []
    for _ in times:
        total += chance.randrange(5)
        found.append(total)
    return found


_UNITS = {"m": "minute", "h": "hour", "d": "day"}


def influxql_filled(
    text: str, values: Mapping[str, Sequence[str]], start: datetime, end: datetime, interval: str
) -> str:
    """As Grafana's InfluxQL data source does: several values are a group, escaped for a regular expression."""
    told = text.replace("$timeFilter", f"time >= {_ns(start)} and time <= {_ns(end)}").replace("$__interval", interval)
    for name, chosen in values.items():
        escaped = [re.sub(r"[\\^$*+?.()|[\]{}/]", r"\\\g<0>", v) for v in chosen]
        told = re.sub(rf"\${name}\b", lambda _, e=escaped: e[0] if len(e) == 1 else f"({'|'.join(e)})", told)
    assert "$" not in re.sub(r"\$/", "", told), f"not filled: {told}"
    return told


def sql_filled(text: str, values: Mapping[str, Sequence[str]], start: datetime, end: datetime, interval: str) -> str:
    """As Grafana's SQL data source does, with DuckDB's names for what it calls otherwise."""
    count, unit = re.fullmatch(r"(\d+)([mhd])", interval).groups()  # type: ignore[union-attr]
    said = f"interval '{count} {_UNITS[unit]}'"
    told = text.replace("last_value(", "last(").replace(
        "$__dateBin(time)", f"date_bin({said}, time, timestamp '1970-01-01T00:00:00Z')"
    )
    told = told.replace(
        "$__timeFilter(time)", f"time >= '{start:%Y-%m-%dT%H:%M:%SZ}' AND time <= '{end:%Y-%m-%dT%H:%M:%SZ}'"
    )
    for name, chosen in values.items():
        quoted = ",".join("'" + v.replace("'", "''") + "'" for v in chosen)
        told = told.replace(f"${{{name}:singlequote}}", quoted)
        told = told.replace(f"${{{name}:regex}}", "(" + "|".join(re.escape(v) for v in chosen) + ")")
    assert "${" not in told, f"not filled: {told}"
    assert "$__" not in told, f"not filled: {told}"
    return told


def _ns(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000_000
