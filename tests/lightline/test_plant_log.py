"""A swap and a move that a device shows are in the plant the API tells of; they are told once."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

from plant.changes import read_events
from simulator.inventory import write_plant
from simulator.snmp.serve import serve_agents
from simulator.world import World
from tests.lightline.commands import lightline
from tests.lightline.test_commands import serving


def outdated(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Have the lines file say what was so before a swap and before a move; the two lines as they are now."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    first, *_, last = (row for row in rows if row["pon"])  # the others are coax
    now = dict(first), dict(last)
    first["ont_serial"] = "OLDE00000001"
    last |= {"pon": "0/9/9", "ont_index": "77", "splitter1": "somewhere"}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return now


def told_by_api(folder: Path, *line_ids: str) -> list[dict[str, Any]]:
    with serving(folder) as client:
        return [client.get(f"/api/v1/lines/{line_id}").raise_for_status().json()["line"] for line_id in line_ids]


async def test_the_plant_is_what_the_devices_show(tmp_path: Path) -> None:
    world = World(6, 1, 40, faults=0, days=14)
    served = await serve_agents(world)
    try:
        files = write_plant(world, tmp_path, agent_ports=served.ports)
        swapped, moved = outdated(files.lines)
        for _ in range(2):
            ran = await asyncio.to_thread(lightline, tmp_path, "collect", "--once", "--json")
            assert ran.returncode == 0, ran.stderr
    finally:
        served.close()
    changes = [(c.kind, c.line_id, c.was, c.now) for c in read_events(tmp_path / "data" / "plant-log.jsonl")]
    assert changes == [
        ("swap", swapped["line_id"], "OLDE00000001", swapped["ont_serial"]),
        ("move", moved["line_id"], "0/9/9", moved["pon"]),
    ], "each once, whatever is asked again"
    first, second = await asyncio.to_thread(told_by_api, tmp_path, swapped["line_id"], moved["line_id"])
    assert first["ont_serial"] == swapped["ont_serial"]
    assert second["pon"] == moved["pon"]
    assert second["ont_index"] == int(moved["ont_index"])
    assert "somewhere" not in json.dumps(second)
