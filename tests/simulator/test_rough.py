"""A rough plant: nothing is wrong, and readings jump, freeze, coarsen and go missing all the same."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pytest

from simulator.inventory import read_world, write_plant
from simulator.noise import Keys
from simulator.rough import Rough
from simulator.telling import Told
from simulator.world import World

END = datetime(2026, 11, 1, tzinfo=UTC)
WHAT = {"olts": 16, "onts": 1200, "faults": 0, "end": END, "days": 90}


@pytest.fixture(scope="module")
def smooth() -> World:
    return World(23, **WHAT)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> World:
    return World(23, **WHAT, rough=True)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def rough(world: World) -> Rough:
    assert world.rough is not None
    return world.rough


def hit(at: Keys) -> int:
    """The first that is hit at all."""
    return int(np.argmin(at))


def around(world: World, olt: int, at: int, days: int = 3) -> Told:
    times = (at + np.arange(-days, days + 1) * 86400).astype(np.int64)
    return world.told(world.olts[olt], times)


def rise(values: np.ndarray, days: int = 3) -> np.ndarray:
    """Of each row, mean after less mean before the middle."""
    read = values[np.isfinite(values[:, :days]).any(axis=1) & np.isfinite(values[:, days + 1 :]).any(axis=1)]
    return np.asarray(np.nanmean(read[:, days + 1 :], axis=1) - np.nanmean(read[:, :days], axis=1))


def test_makers_that_do_not_tell(world: World, rough: Rough) -> None:
    at = np.array([int(END.timestamp()) - 86400 * 30], np.int64)
    for name, olts in rough.hidden.items():
        told = [bool(np.isfinite(world.told(olt, at).line[name]).any()) for olt in world.olts]
        assert told == (~olts).tolist()
        assert any(olts)


def test_a_firmware_that_tells_half_decibels(world: World, rough: Rough) -> None:
    olt = hit(rough.coarse_at)
    rx = around(world, olt, int(rough.coarse_at[olt])).line["rx_dbm"]
    after, before = rx[:, 4:][np.isfinite(rx[:, 4:])], rx[:, :3][np.isfinite(rx[:, :3])]
    assert np.allclose(after * 2, np.round(after * 2))
    assert not np.allclose(before * 2, np.round(before * 2))


def test_a_new_line_card_moves_one_direction_of_all_its_lines(world: World, smooth: World, rough: Rough) -> None:
    told = [i for i in np.argsort(rough.card_at) if not rough.hidden["olt_rx_dbm"][i]]
    olt = int(told[0])
    at = int(rough.card_at[olt])
    moved = [np.nanmedian(rise(around(w, olt, at).line["olt_rx_dbm"])) for w in (world, smooth)]
    assert moved[0] - moved[1] == pytest.approx(rough.card_db[olt], abs=0.3)


def test_some_units_keep_their_figures_for_weeks(world: World, rough: Rough) -> None:
    olt = hit(rough.stale_at)
    rx = around(world, olt, int(rough.stale_at[olt])).line["rx_dbm"][:, 4:]
    still = rough.stale_line[world.olts[olt].lines]
    read = np.isfinite(rx).all(axis=1)
    assert (np.ptp(rx[still & read], axis=1) == 0).all()
    assert (np.ptp(rx[~still & read], axis=1) > 0).mean() > 0.9


def test_a_port_that_was_cleaned_gets_better_both_ways(world: World, smooth: World, rough: Rough) -> None:
    pon = hit(rough.cleaned_at)
    olt = int(world.layout.pons.olt[pon])
    rows = world.layout.lines.pon[world.olts[olt].lines] == pon
    before_and_after = [around(w, olt, int(rough.cleaned_at[pon])).line for w in (world, smooth)]
    gained = [np.nanmedian(rise(line["rx_dbm"][rows])) for line in before_and_after]
    assert gained[0] - gained[1] == pytest.approx(rough.cleaned_db[pon], abs=0.35)


def test_a_line_that_moved_has_another_distance(world: World, rough: Rough) -> None:
    row = hit(rough.moved_at)
    olt = int(world.layout.lines.olt[row])
    far = around(world, olt, int(rough.moved_at[row])).line["distance_m"][row - world.olts[olt].lines.start]
    assert np.nanmax(far[4:]) - np.nanmax(far[:3]) == pytest.approx(rough.moved_m[row], abs=5)


def test_optics_once_a_day_serials_nobody_tells_and_splitters_in_no_file(
    world: World, rough: Rough, tmp_path: Path
) -> None:
    times = int(END.timestamp()) - 86400 * 20 + np.arange(0, 172800, 21600).astype(np.int64)
    for olt in (world.olts[int(np.argmax(rough.daily))], world.olts[int(np.argmin(rough.daily))]):
        read = np.isfinite(world.told(olt, times).line["rx_dbm"]).any(axis=0)
        assert read.sum() == (2 if rough.daily[olt.index] else len(times))
    tells = {
        b.device: pc.any(b.table["ont_serial"].is_valid()).as_py() for b in world.readings(END) if b.tier == "optics"
    }
    assert [not tells[olt.id] for olt in world.olts] == rough.no_serials.tolist()
    files = write_plant(world, tmp_path, agent_ports={olt.id: 1 for olt in world.olts})
    lines = pacsv.read_csv(files.lines)
    bare = set(lines.filter(pc.equal(lines["splitter1"], ""))["device"].to_pylist()) - {""}
    assert bare == {olt.id for olt in world.olts if rough.unlisted[olt.index]}
    assert read_world(files.settings).rough is not None
