"""History streamed from the store in blocks is the same history as the whole, cut by devices."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from analyzer.blocks import blocks
from analyzer.history import History
from lightline.analysis import load_blocks, load_history, operators_day
from lightline.inventory import read_inventory
from simulator.inventory import write_plant
from simulator.world import World
from storage.opening import open_store

END = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
DAYS = 20


async def both(folder: Path, size: int, *, unlisted: bool) -> tuple[History, list[History]]:
    """The whole history of a plant of four OLTs and its blocks; `unlisted`: an OLT's lines are in no file."""
    world = World(5, 4, 320, faults=4, end=END, days=DAYS)
    files = write_plant(world, folder / "plant", agent_ports={olt.id: 1 for olt in world.olts})
    if unlisted:
        lines = files.devices.parent / "lines.csv"
        head, *rows = lines.read_text(encoding="utf-8").splitlines()
        gone = [row for row in rows if f",{world.olts[1].id}," not in row]
        assert len(gone) < len(rows)
        lines.write_text("\n".join([head, *gone]) + "\n", encoding="utf-8")
    inventory = read_inventory(files.devices)
    store = await open_store(f"delta:{folder / 'telemetry'}", zone=inventory.calendar.zone)
    try:
        for batch in world.history(step_s=21_600):
            await store.append([batch])
        await store.rollup()
        as_of = operators_day(inventory, END)
        whole = await load_history(store, inventory, as_of, DAYS)
        return whole, [part async for part in load_blocks(store, inventory, as_of, DAYS, size)]
    finally:
        await store.close()


def same(part: History, whole: History) -> None:
    """Every figure of a block's lines and ports is the whole's."""
    rows = np.searchsorted(whole.line_ids, part.line_ids)
    ports = np.searchsorted(whole.pon_ids, part.pon_ids)
    assert (whole.line_ids[rows] == part.line_ids).all()
    assert (whole.pon_ids[ports] == part.pon_ids).all()
    days = np.searchsorted(whole.dates, part.dates)
    for key, values in part.values.items():
        np.testing.assert_array_equal(values, whole.values[key][np.ix_(rows, days)], err_msg=str(key))
    for key, values in part.pon_values.items():
        np.testing.assert_array_equal(values, whole.pon_values[key][np.ix_(ports, days)], err_msg=str(key))
    for codes, names in (("pon", None), ("device", "devices"), ("splitter2", "splitters2"), ("grid", "grids")):
        own, theirs = getattr(part.tree, codes), getattr(whole.tree, codes)[rows]
        if names is None:
            own_names, their_names = part.pon_ids, whole.pon_ids
        else:
            own_names, their_names = getattr(part.tree, names), getattr(whole.tree, names)
        assert ((own >= 0) == (theirs >= 0)).all()
        at = own >= 0
        assert (own_names[own[at]] == their_names[theirs[at]]).all()
    np.testing.assert_array_equal(part.weak_dbm, whole.weak_dbm[rows])
    np.testing.assert_array_equal(part.distance_m, whole.distance_m[rows])


@pytest.mark.parametrize("unlisted", [False, True])
async def test_blocks_are_the_whole_cut_by_devices(tmp_path: Path, unlisted: bool) -> None:
    whole, parts = await both(tmp_path, 100, unlisted=unlisted)
    assert len(parts) >= 3
    told = [line for part in parts for line in part.line_ids]
    assert sorted(told) == whole.line_ids.tolist()
    assert len(set(told)) == len(told)
    for part in parts:
        same(part, whole)
    if not unlisted:
        cut = list(blocks(whole, 100))
        assert [p.line_ids.tolist() for p in cut] == [p.line_ids.tolist() for p in parts]


async def test_a_plant_that_fits_is_one_block(tmp_path: Path) -> None:
    whole, parts = await both(tmp_path, 10_000, unlisted=False)
    assert len(parts) == 1
    same(parts[0], whole)
    assert parts[0].dates.tolist() == whole.dates.tolist()
