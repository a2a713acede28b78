"""ONTs that no lines file has: where, since when, and what to write into which file."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

from plant.batch import Batch
from plant.inventory import LinesFile
from tests.api.conftest import NOW, World, make_inventory

STRANGER = "OLT1/0/1/77"


def with_files(world: World, **changed: object) -> World:
    """The plant as read from a file with columns of its own."""
    inventory = replace(
        make_inventory(),
        files={"OLT1": LinesFile("lines/east.csv", ("line_id", "grid", "ont_serial", "device", "pon", "note"))},
        **changed,  # type: ignore[arg-type]
    )
    object.__setattr__(world.parts, "inventory", lambda: inventory)
    return world


async def test_an_unknown_ont_comes_with_its_light_and_the_row_to_add(world: World) -> None:
    told = await with_files(world).json("/unknown-onts")
    (ont,) = told["onts"]
    assert (told["total"], told["next"]) == (1, None)
    assert (ont["line_id"], ont["device"], ont["pon"], ont["ont_index"]) == (STRANGER, "OLT1", "0/1", 77)
    assert (ont["ont_serial"], ont["rx_dbm"], ont["good"]) == ("STRANGER", -20.5, "good")
    assert ont["since"] == "2026-11-02"
    assert (ont["file"], ont["columns"]) == ("lines/east.csv", "line_id,grid,ont_serial,device,pon,note")
    assert ont["row"] == f"{STRANGER},,STRANGER,OLT1,0/1,"
    assert ont["same_serial"] is None


async def test_the_first_day_is_that_of_the_rollups(world: World) -> None:
    earlier = Batch.of("OLT1", "optics", NOW - timedelta(days=9), [STRANGER], {"rx_dbm": [-20.0], "state": ["up"]})
    await world.parts.store.append([earlier])
    await world.parts.store.rollup()
    assert (await world.json("/unknown-onts"))["onts"][0]["since"] == "2026-10-24"


async def test_an_ont_whose_serial_is_a_lines_elsewhere_was_moved(world: World) -> None:
    lines = make_inventory().lines
    at = lines["line_id"].to_pylist().index("OLT2-1-3")
    serials = lines["ont_serial"].to_pylist()
    serials[at] = "stra-nger"
    moved = lines.set_column(lines.schema.get_field_index("ont_serial"), "ont_serial", [serials])
    (ont,) = (await with_files(world, lines=moved).json("/unknown-onts"))["onts"]
    assert ont["same_serial"] == {"line_id": "OLT2-1-3", "device": "OLT2", "pon": "0/1"}


async def test_unknown_onts_are_filtered_paged_and_of_ones_areas(world: World) -> None:
    more = Batch.of(
        "OLT1", "optics", NOW - timedelta(minutes=5), [f"OLT1/0/2/{n}" for n in range(90, 95)],
        {"rx_dbm": [-20.0] * 5, "state": ["up"] * 5},
    )  # fmt: skip
    await world.parts.store.append([more])
    assert (await world.json("/unknown-onts", pon="OLT1/0/2"))["total"] == 5
    assert (await world.json("/unknown-onts", q="0/2/93"))["onts"][0]["ont_index"] == 93
    assert (await world.json("/unknown-onts", areas=("west",)))["onts"] == []
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        told = await world.json("/unknown-onts", limit=2, **cursor)
        seen += [ont["line_id"] for ont in told["onts"]]
        if told["next"] is None:
            break
        cursor = {"cursor": told["next"]}
    assert seen == [STRANGER, *(f"OLT1/0/2/{n}" for n in range(90, 95))]


async def test_unknown_onts_are_a_file_too(world: World) -> None:
    response = await with_files(world).get("/exports/unknown-onts", "planner")
    assert response.headers["content-disposition"] == 'attachment; filename="lightline-unknown-onts.csv"'
    (row,) = csv.DictReader(io.StringIO(response.text))
    assert (row["line_id"], row["since"], row["row"]) == (STRANGER, "2026-11-02", f"{STRANGER},,STRANGER,OLT1,0/1,")
