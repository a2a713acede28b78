"""The measurement `place`: where in the plant tree each subject hangs, so that a variable can be narrowed by another.

Readings have `line_id` as their only tag (docs/stores.md). A point of `place` has its device, port, area, grid and
technology as tags beside it, one series a line; only the newest writing counts.
"""

from collections.abc import Iterator
from datetime import datetime

from plant.inventory import Inventory
from storage.influx.client import InfluxClient
from storage.influx.line_protocol import chunks, tag_of

PLACE = "place"
POINTS_AT_ONCE = 5_000
_OTHER = "fibre"  # technology of lines whose file does not tell it: all that is not coax is shown as fibre


def points(inventory: Inventory, at: datetime) -> Iterator[str]:
    """Line protocol in µs, one point a line that has a device and a port."""
    time = int(at.timestamp() * 1e6)
    picked = inventory.lines.select(["line_id", "device", "pon", "grid", "technology"])
    for row in picked.to_pylist():
        device = inventory.devices.get(row["device"])
        if device is None or not row["pon"]:
            continue
        tags = {
            "area": device.area, "device": device.id, "grid": row["grid"], "line_id": row["line_id"],
            "pon": row["pon"], "technology": row["technology"] or _OTHER,
        }  # fmt: skip
        said = ",".join(f"{name}={_escaped(value)}" for name, value in tags.items() if value)
        yield f"{PLACE},{said} here=true {time}"


async def write_places(client: InfluxClient, inventory: Inventory, at: datetime) -> int:
    """Put the lines' places into the database, and take away what was written before. StoreUnavailableError."""
    lines = list(points(inventory, at))
    await client.forget(PLACE, int(at.timestamp()) * 1_000_000_000)
    for chunk in chunks(lines, POINTS_AT_ONCE):
        await client.write(chunk)
    return len(lines)


def _escaped(value: str) -> str:
    escaped = tag_of(value)
    for letter in ",= ":
        escaped = escaped.replace(letter, f"\\{letter}")
    return escaped
