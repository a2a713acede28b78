"""One plant from one seed: the same numbers whenever asked, and figures a device could tell."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from plant.fields import fields
from plant.finding import CAUSES
from plant.place import Place
from simulator.faults import FaultsDoNotFitError
from simulator.world import World
from tests.simulator.conftest import END


def history_table(world: World, device: str, tier: str) -> pa.Table:
    return pa.concat_tables(b.table for b in world.history() if b.device == device and b.tier == tier)


def test_same_seed_same_numbers_and_another_seed_others(plant: World) -> None:
    again = World(seed=5, onts=240, faults=4, end=END, days=30)
    other = World(seed=6, onts=240, faults=4, end=END, days=30)
    moment = END - timedelta(hours=7)
    first, second, third = (w.readings(moment)[0].table for w in (plant, again, other))
    assert first.equals(second)
    assert plant.truth() == again.truth()
    assert not first.column("rx_dbm").equals(third.column("rx_dbm"))


def test_settings_make_the_same_plant_again(plant: World) -> None:
    again = World.again(plant.settings())
    assert again.truth() == plant.truth()
    assert again.readings(END)[2].table.equals(plant.readings(END)[2].table)


@pytest.mark.parametrize("hours", [1, 100, 500])
def test_live_readings_are_the_history_of_that_moment(plant: World, hours: int) -> None:
    moment = END - timedelta(hours=hours)
    live = {(b.device, b.tier): b.table for b in plant.readings(moment)}
    for olt in plant.olts:
        for tier in ("optics", "pon"):
            past = history_table(plant, olt.id, tier)
            past = past.filter(pc.equal(past.column("time"), pa.scalar(moment, past.schema.field("time").type)))
            assert past.combine_chunks().equals(live[olt.id, tier].combine_chunks())


def test_history_does_not_depend_on_the_order_in_which_it_is_asked(plant: World) -> None:
    fresh = World.again(plant.settings())
    late = fresh.readings(END)[2].table
    early = fresh.readings(END - timedelta(days=20))[2].table
    assert early.equals(plant.readings(END - timedelta(days=20))[2].table)
    assert late.equals(plant.readings(END)[2].table)


def test_every_reading_is_inside_what_optics_can_do(demo: World) -> None:
    rows = 0
    for batch in demo.history(days=14):
        rows += len(batch)
        for name in batch.field_names:
            field = fields()[name]
            if field.low is not None and field.high is not None:
                bounds = pc.min_max(batch.table.column(name)).as_py()
                assert field.low <= bounds["min"] <= bounds["max"] <= field.high, name
    assert rows > 14 * 24 * 990


def test_a_line_that_is_down_has_no_light_and_a_reason(plant: World) -> None:
    table = pa.concat_tables(b.table for b in plant.history() if b.tier == "optics" and b.device == plant.olts[0].id)
    down = table.filter(pc.equal(table.column("state"), "down"))
    assert len(down) > 0
    assert down.column("rx_dbm").null_count == len(down)
    assert down.column("olt_rx_dbm").null_count == len(down)
    assert pc.all(pc.match_substring(down.column("quality"), "rx_dbm:not_up")).as_py()
    assert down.column("down_cause").null_count == 0


def test_counters_only_start_again_when_the_line_has_been_away(plant: World) -> None:
    olt = plant.olts[1]
    times = np.arange(int(plant.start.timestamp()), int(plant.end.timestamp()), 3600)
    told = plant.told(olt, times)
    counter = told.counters["bip_errors"]
    fell = np.diff(counter, axis=1) < 0
    came_back = np.diff(told.since, axis=1) > 0
    assert fell.any()
    assert not (fell & ~came_back).any()
    assert (counter >= 0).all()


def test_demo_has_ten_faults_of_varied_cause_at_places_that_exist(demo: World) -> None:
    truth = demo.truth()
    assert len(truth) == 10
    assert len({t["cause"] for t in truth}) >= 8
    ids = set(demo.layout.lines.id)
    for entry in truth:
        Place.parse(entry["place"])
        assert entry["cause"] in CAUSES
        assert entry["lines"]
        assert set(entry["lines"]) <= ids
    hit = [line for t in truth for line in t["lines"]]
    assert len(hit) == len(set(hit)), "no line has two faults"


@pytest.mark.parametrize("seed", [3, 4, 11])
def test_any_number_of_faults_fits_a_plant_large_enough(seed: int) -> None:
    world = World(seed=seed, olts=4, onts=4000, faults=60, end=END, days=120)
    assert len(world.truth()) == 60


def test_faults_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FaultsDoNotFitError, match="fewer faults"):
        World(seed=1, onts=20, faults=200, end=END)


def test_impossible_plants_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one OLT"):
        World(olts=3, onts=2, end=END)
    with pytest.raises(ValueError, match="at least one day"):
        World(days=0, end=END)


def test_before_the_plant_there_is_nothing(plant: World) -> None:
    with pytest.raises(ValueError, match="history begins"):
        plant.readings(plant.start - timedelta(days=3))


def test_no_healthy_line_is_weak(healthy_plant: World) -> None:
    assert healthy_plant.truth() == []
    for olt in healthy_plant.olts:
        times = np.arange(int(healthy_plant.start.timestamp()), int(healthy_plant.end.timestamp()), 6 * 3600)
        rx = healthy_plant.told(olt, times).line["rx_dbm"]
        assert np.nanmin(np.nanmedian(rx, axis=1)) > -27


def test_a_swapped_ont_changes_serial_and_the_meter_not_the_plant(demo: World) -> None:
    lines = demo.layout.lines
    begin, end = int(demo.start.timestamp()), int(demo.end.timestamp())
    swapped = np.flatnonzero((lines.swapped_at > begin) & (lines.swapped_at < end))
    assert len(swapped) > 3
    row = int(swapped[0])
    olt = demo.olts[int(lines.olt[row])]
    table = history_table(demo, olt.id, "optics")
    own = table.filter(pc.equal(table.column("line_id"), lines.id[row]))
    assert len(own.column("ont_serial").unique()) == 2


def test_lines_retrofitted_this_year_have_no_readings_before(demo: World) -> None:
    lines = demo.layout.lines
    young = np.flatnonzero(lines.born_at > demo.start.timestamp() + 86400)
    assert len(young) > 0
    row = int(young[0])
    table = history_table(demo, demo.olts[int(lines.olt[row])].id, "optics")
    own = table.filter(pc.equal(table.column("line_id"), lines.id[row]))
    assert pc.min(own.column("time")).as_py().timestamp() >= lines.born_at[row]
