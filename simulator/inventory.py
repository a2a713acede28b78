"""The plant as files: devices.yaml, a lines file, the community, and the ground truth in a file of its own."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from plant.inventory import LINE_SCHEMA
from plant.pon_classes import pon_classes
from simulator.layout import FAR
from simulator.world import World

NAMES = ("devices.yaml", "lines.csv", "truth.json", "outages.json", "community", "simulator.json")
_ENGINEERS = ("陈建国", "李志强", "黄伟明", "梁晓峰", "何俊杰", "吴家豪", "罗永辉", "郑嘉欣")


@dataclass(frozen=True)
class PlantFiles:
    """Where the plant was written. `truth` lists the faults, `outages` what many lines saw and is no finding."""

    devices: Path
    lines: Path
    truth: Path
    outages: Path
    community: Path
    settings: Path


def write_plant(
    world: World,
    folder: Path,
    *,
    agent_ports: Mapping[str, int],
    broker_port: int | None = None,
    host: str = "127.0.0.1",
    community: str = "public",
) -> PlantFiles:
    """Write the inventory of a simulated plant whose agents listen on `agent_ports` (OLT id → UDP port).

    The file of the community is readable by its owner only. KeyError when an OLT has no port.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = PlantFiles(*(folder / n for n in NAMES))
    files.community.touch(mode=0o600)
    files.community.write_text(community + "\n", encoding="utf-8")
    said = _devices(world, files, agent_ports, broker_port, host)
    files.devices.write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8")
    with files.lines.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=LINE_SCHEMA.names)
        writer.writeheader()
        writer.writerows(_fibre_rows(world))
        writer.writerows(_modem_rows(world))
        writer.writerows(_coax_rows(world))
    files.truth.write_text(json.dumps(world.truth(), indent=1) + "\n", encoding="utf-8")
    files.outages.write_text(json.dumps(world.outages(), indent=1) + "\n", encoding="utf-8")
    files.settings.write_text(json.dumps(world.settings(), indent=1) + "\n", encoding="utf-8")
    return files


def read_world(settings: Path) -> World:
    """The same plant again, from the settings `write_plant` left."""
    return World.again(json.loads(settings.read_text(encoding="utf-8")))


def _devices(
    world: World, files: PlantFiles, ports: Mapping[str, int], broker_port: int | None, host: str
) -> dict[str, Any]:
    layout = world.layout
    areas = [
        {
            "id": area["id"],
            "name": area["name"],
            "department": f"{area['name']}维护部",
            "crews": [f"{area['id']}-emergency", f"{area['id']}-1"],
            "grids": [
                {"id": grid, "name": f"{name}网格", "engineer": _ENGINEERS[(4 * i + k) % len(_ENGINEERS)]}
                for k, (grid, name) in enumerate(area["grids"].items())
            ],
        }
        for i, area in enumerate(layout.areas)
    ]
    devices: list[dict[str, Any]] = [
        {
            "id": olt.id,
            "host": host,
            "port": ports[olt.id],
            "kind": "olt",
            "area": layout.areas[olt.area]["id"],
            "pon_class": olt.pon_class,
            "credentials": {"community": f"file:{files.community.resolve()}"},
        }
        for olt in layout.olts
    ]
    credentials = {"community": f"file:{files.community.resolve()}"}
    devices += [
        {"id": c.id, "host": host, "port": ports[c.id], "kind": "cmts", "area": layout.areas[c.area]["id"],
         "credentials": dict(credentials)}
        for c in (world.hfc.layout.cmts if world.hfc else ())
    ]  # fmt: skip
    said: dict[str, Any] = {"simulated": True, "areas": areas, "devices": devices}
    if broker_port is not None:
        said["mqtt"] = [{"id": "home", "host": host, "port": broker_port, "topic": "lightline/ont/+/reading"}]
    return said | {"lines": [files.lines.name], "targets": _targets(world), "calendar": {"zone": "Asia/Shanghai"}}


def _targets(world: World) -> dict[int, dict[str, Any]]:
    """This year's plan: covered hosts by month so far, and the old lines to be replaced."""
    layout = world.layout
    year = world.end.year
    done = int((~np.isnat(layout.lines.retrofitted)).sum())
    homes = len(layout.lines.id) * 2  # homes the fibre reaches, customers or not
    months = [f"{year}-{m:02d}" for m in range(1, world.end.month + 1)]
    rng = np.random.default_rng([world.seed, 5, year])
    share = rng.dirichlet(np.full(len(months), 8.0))
    reached = homes // 5 * world.end.month // 11
    return {
        year: {
            "covered_hosts": homes // 5,
            "retrofit_lines": done + len(layout.coax.id) // 2,
            "covered": {m: round(float(s) * reached) for m, s in zip(months, share, strict=True)},
        }
    }


def _fibre_rows(world: World) -> Iterator[dict[str, Any]]:
    layout = world.layout
    lines = layout.lines
    unit = (lines.swapped_at != FAR) & (lines.swapped_at <= world.end.timestamp())
    grids = [list(a["grids"]) for a in layout.areas]
    for olt in layout.olts:
        unlisted = world.rough is not None and bool(world.rough.unlisted[olt.index])
        for i in range(olt.lines.start, olt.lines.stop):
            pon = int(lines.pon[i])
            splitter1, splitter2 = ("", "") if unlisted else layout.splitter(i)
            yield {
                "line_id": lines.id[i],
                "device": olt.id,
                "pon": layout.pons.name[pon],
                "ont_serial": layout.units.serial[int(unit[i]), i],
                "ont_index": int(lines.ont[i]),
                "splitter1": splitter1,
                "splitter2": splitter2 or "",
                "grid": grids[olt.area][int(layout.pons.grid[pon])],
                "technology": pon_classes()[olt.pon_class].technology,
                "sold_mbps": int(lines.sold_mbps[i]),
                "installed": str(lines.installed[i]),
                "retrofitted": "" if np.isnat(lines.retrofitted[i]) else str(lines.retrofitted[i]),
                "distance_m": int(lines.distance_m[i]),
                "lat": round(float(lines.lat[i]), 6),
                "lon": round(float(lines.lon[i]), 6),
                "customer_ref": f"C{i + 1:08d}",
            }


def _modem_rows(world: World) -> Iterator[dict[str, Any]]:
    """Coax lines that are read: the device is their CMTS, the port their node's upstream channel."""
    if world.hfc is None:
        return
    layout = world.hfc.layout
    modems = layout.modems
    unit = (modems.swapped_at != FAR) & (modems.swapped_at <= world.end.timestamp())
    for cmts in layout.cmts:
        grids = list(world.layout.areas[cmts.area]["grids"])
        for i in range(cmts.lines.start, cmts.lines.stop):
            amplifier, tap = layout.branch(i)
            yield {
                "line_id": modems.id[i],
                "device": cmts.id,
                "pon": layout.nodes.name[modems.node[i]],
                "ont_serial": modems.mac[int(unit[i]), i],
                "ont_index": int(modems.index[i]),
                "splitter1": amplifier,
                "splitter2": tap,
                "grid": grids[int(layout.nodes.grid[modems.node[i]])],
                "technology": "coax",
                "sold_mbps": int(modems.sold_mbps[i]),
                "installed": str(modems.installed[i]),
                "lat": round(float(modems.lat[i]), 6),
                "lon": round(float(modems.lon[i]), 6),
                "customer_ref": f"H{i + 1:08d}",
            }


def _coax_rows(world: World) -> Iterator[dict[str, Any]]:
    """Old lines: no device tells of them, so device, pon and serial stay empty."""
    coax = world.layout.coax
    for i in range(len(coax.id)):
        area = world.layout.areas[int(coax.area[i])]
        yield {
            "line_id": coax.id[i],
            "device": "",
            "pon": "",
            "ont_serial": "",
            "grid": list(area["grids"])[int(coax.grid[i])],
            "technology": "coax",
            "sold_mbps": 100,
            "installed": str(coax.installed[i]),
            "lat": round(float(coax.lat[i]), 6),
            "lon": round(float(coax.lon[i]), 6),
            "customer_ref": f"K{i + 1:08d}",
        }
