"""The coax part of a plant: levels with their laws, faults that show where they are, and files the service accepts."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from plant.finding import CAUSES
from plant.loading import load_inventory
from plant.place import Place
from plant.tree import PlantTree
from simulator.__main__ import main
from simulator.constants import hfc
from simulator.hfc.laws import LAWS, series_capacitor_db
from simulator.hfc.part import HfcPart
from simulator.hfc.quality import day_words
from simulator.hfc.telling import HfcTold
from simulator.inventory import read_world, write_plant
from simulator.laws import Fault
from simulator.people import complaints, repair_by, visits
from simulator.world import World

END = datetime(2026, 8, 20, 4, tzinfo=UTC)
HOUR = 3600


@pytest.fixture(scope="module")
def world() -> World:
    """1,800 modems on some fifteen nodes, every kind of coax fault, 60 days that end in the rainy season."""
    return World(seed=3, olts=1, onts=40, faults=0, end=END, days=60, coax=1800, coax_faults=len(hfc()["order"]))


def part_of(world: World) -> HfcPart:
    assert world.hfc is not None
    return world.hfc


def told_with(world: World, faults: tuple[Fault, ...], times: np.ndarray) -> HfcTold:
    """The first CMTS with these faults in place of its own."""
    part = part_of(world)
    kept = part.faults
    try:
        part._take(faults)
        return part.told(part.layout.cmts[0], times)
    finally:
        part._take(kept)


def evenings(day: int) -> np.ndarray:
    """A week of evenings at eight from so many days before the end."""
    first = int((END - timedelta(days=day)).replace(hour=12).timestamp())
    return first + np.arange(7) * 24 * HOUR


def fault_of(world: World, kind: str) -> Fault:
    return next(f for f in part_of(world).faults if f.kind == kind)


def whole(fault: Fault) -> Fault:
    """The same fault, whole since the beginning."""
    return replace(fault, onset=0, shape="step")


def test_the_same_seed_gives_the_same_numbers_whenever_asked(world: World) -> None:
    again = World.again(world.settings())
    at = END - timedelta(days=3)
    one, other = (next(b for b in w.readings(at) if "CMTS" in b.device) for w in (world, again))
    assert one.table.equals(other.table)
    kept = world.history(days=4, step_s=HOUR)
    when = int(at.timestamp()) * 1_000_000
    batch = next(b for b in kept if "CMTS" in b.device and "ds_power_dbmv" in b.table.column_names)
    rows = batch.table.filter(np.asarray(batch.table["time"].cast("int64")) == when)
    assert rows["ds_power_dbmv"].to_pylist() == one.table["ds_power_dbmv"].to_pylist()


def test_every_kind_of_fault_has_its_law_and_its_place(world: World) -> None:
    assert {f.kind for f in part_of(world).faults} == set(hfc()["faults"]) == set(LAWS)
    ids = set(part_of(world).layout.modems.id)
    for entry in world.truth():
        assert entry["cause"] in CAUSES
        assert set(entry["lines"]) <= ids
        assert Place.parse(entry["place"])


def test_places_of_the_truth_hold_exactly_its_lines(world: World, tmp_path: Path) -> None:
    inventory = load_inventory(write_plant(world, tmp_path, agent_ports=dict.fromkeys(world.devices, 1)).devices)
    tree = PlantTree(inventory)
    for entry in world.truth():
        assert set(tree.lines_of(Place.parse(entry["place"]))) == set(entry["lines"])
    assert {d.kind for d in inventory.devices.values()} == {"olt", "cmts"}
    again = read_world(tmp_path / "simulator.json")
    assert again.truth() == world.truth()


def test_cables_lose_more_when_it_is_warm(world: World) -> None:
    """A fifth of a percent a degree, of the decibels between the last control and the modem."""
    part = part_of(world)
    times = int((END - timedelta(days=50)).timestamp()) + np.arange(40 * 24) * HOUR
    told = told_with(world, (), times)
    air = world.weather.sky(times).air_c
    power = np.nanmean(told.line["ds_power_dbmv"], axis=0)
    slope = np.polyfit(air, power, 1)[0]
    cable = float(part.layout.modems.cable_db[part.layout.cmts[0].lines].mean())
    assert -0.006 * cable < slope < -0.0005 * cable


def test_a_gap_stops_low_frequencies_and_water_takes_high_ones(world: World) -> None:
    quiet = told_with(world, (), evenings(10))

    def worse(kind: str) -> dict[str, float]:
        fault = fault_of(world, kind)
        told = told_with(world, (whole(fault) if kind != "drop_water" else fault,), evenings(10))
        row = fault.rows[0]
        assert row < len(told.up)
        return {n: float(np.nanmedian(told.line[n][row] - quiet.line[n][row])) for n in told.line}

    gap, crushed = worse("drop_connector"), worse("drop_damage")
    assert gap["us_power_dbmv"] > 3 * -gap["ds_power_dbmv"] > 0
    assert -crushed["ds_power_dbmv"] > 2.5 * crushed["us_power_dbmv"] > 0
    assert gap["reflection_dbc"] > 6
    wet = worse("drop_water")
    assert -wet["ds_power_dbmv"] > 2 * wet["us_power_dbmv"]
    assert series_capacitor_db(6.0) < 0.1


def test_one_noisy_home_takes_the_snr_of_its_whole_node_and_no_level(world: World) -> None:
    fault = fault_of(world, "ingress")
    quiet, noisy = (told_with(world, faults, evenings(5)) for faults in ((), (whole(fault),)))
    rise = np.nanmedian(quiet.line["us_snr_db"] - noisy.line["us_snr_db"], axis=1)
    on_node = np.zeros(len(rise), bool)
    on_node[fault.rows] = True
    assert np.all(rise[on_node] > 2)
    assert np.all(np.abs(rise[~on_node]) < 0.2)
    assert np.nanmax(np.abs(quiet.line["ds_power_dbmv"] - noisy.line["ds_power_dbmv"])) == 0


def test_less_light_at_a_node_costs_two_decibels_of_level_for_each(world: World) -> None:
    fault = whole(fault_of(world, "node_receiver"))
    quiet, dim = (told_with(world, faults, evenings(5)) for faults in ((), (fault,)))
    fall = np.nanmedian((quiet.line["ds_power_dbmv"] - dim.line["ds_power_dbmv"])[fault.rows])
    assert fall == pytest.approx(2 * fault.figures["optical_db"], abs=0.3)


def test_a_failing_supply_takes_the_whole_node_away(world: World) -> None:
    fault = fault_of(world, "node_supply")
    times = int(END.timestamp()) - np.arange(14 * 24 * 4)[::-1] * (HOUR // 4)
    up = told_with(world, (whole(fault),), times).up[fault.rows]
    assert 2 < np.count_nonzero(np.diff(up.mean(axis=0) < 0.2)) / 2 < 30


def test_quality_falls_off_a_cliff_where_the_code_gives_up() -> None:
    fine, bad = day_words("down", [40, 27])[1]
    assert fine < 1e-3
    assert bad > 1e5
    assert day_words("up", 21)[1] > 1e5 > 1 > day_words("up", 26)[1]
    assert np.all(np.diff(day_words("down", np.arange(20, 45))[1]) <= 0)


def test_counters_begin_again_with_the_modem(world: World) -> None:
    times = int((END - timedelta(days=12)).timestamp()) + np.arange(10 * 24) * HOUR
    told = told_with(world, (), times)
    fell = np.diff(told.counters["cw_corrected"], axis=1) < 0
    assert fell.any()
    # of what fell, all was down in between or came back within the hour
    assert fell.sum() < 0.02 * fell.size


def test_figures_lie_on_the_meters_steps_and_empty_where_a_modem_is_silent(world: World) -> None:
    told = told_with(world, (), evenings(20))
    for name in ("ds_power_dbmv", "ds_snr_db", "us_power_dbmv", "us_snr_db"):
        values = told.line[name]
        read = np.isfinite(values)
        assert np.allclose(values[read] * 10, np.round(values[read] * 10), atol=1e-3)
        assert not read[~told.up].any()


def test_a_repair_and_the_crews_reach_the_coax_part(tmp_path: Path) -> None:
    world = World(seed=4, olts=1, onts=40, faults=0, end=END, days=60, coax=200, coax_faults=4)
    place = part_of(world).faults[-1].place
    world.repair(place, END - timedelta(days=1))
    assert any("repaired" in entry for entry in world.truth() if entry["place"] == place)
    assert World.again(world.settings()).truth() == world.truth()
    told = visits(world)
    assert {v["place"] for v in told} <= {f.place for f in part_of(world).faults}
    assert told
    repair_by(world, told)
    assert any(call["line_id"].startswith("H") for call in complaints(world))


def test_a_healthy_plant_has_no_coax_fault_unless_asked() -> None:
    assert World(seed=1, olts=1, onts=40, faults=0, end=END, days=2, coax=120).truth() == []
    assert len(World(seed=1, olts=1, onts=400, faults=1, end=END, days=30, coax=120).truth()) == 3


def test_the_command_writes_a_history_with_modems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--olts", "1", "--onts", "40", "--faults", "0", "--coax", "60", "--days", "2"]
    assert main(["--history", "csv", "--folder", str(tmp_path), "--end", "2026-06-20T00:00:00+00:00", *sizes]) == 0
    with (tmp_path / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    modems = [r for r in rows if r["line_id"].startswith("H")]
    assert len(modems) > 60 * 2 * 23
    assert all(r["rx_dbm"] == "" for r in modems)
    assert json.loads((tmp_path / "truth.json").read_text()) == []
    assert main(["--coax", "3", "--olts", "1", "--onts", "40", "--folder", str(tmp_path)]) == 2
    assert "at least 8 modems" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with np.errstate(divide="raise"):
        yield
