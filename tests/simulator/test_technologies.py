"""XGS-PON, EPON and 10G-EPON plants: their own powers, wavelengths and limits, the same causes."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pytest

from plant.pon_classes import pon_classes
from simulator.__main__ import main
from simulator.inventory import read_world, write_plant
from simulator.world import World

CLASSES = ("xgspon_n1", "epon_px20", "10gepon_pr30", "gpon_c+")
END = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return World(5, 4, 800, faults=10, end=END, days=60, classes=CLASSES)


@pytest.mark.parametrize(("index", "name"), list(enumerate(CLASSES)))
def test_powers_lie_within_the_limits_of_their_class(world: World, index: int, name: str) -> None:
    limits = pon_classes()[name]
    olt = world.olts[index]
    assert olt.pon_class == name
    at = np.array([int(world.start.timestamp()) + 3600], np.int64)  # before the faults begin
    told = world.told(olt, at)
    tx, rx = told.line["tx_dbm"], told.line["rx_dbm"]
    assert limits.ont_tx[0] - 0.5 < np.nanmin(tx)
    assert np.nanmax(tx) < limits.ont_tx[1] + 0.5
    assert np.nanquantile(rx, 0.05) > limits.weak_dbm
    assert np.nanmin(told.line["olt_rx_dbm"]) > limits.olt_rx[0] - 2.5  # with the receiver's own error


def test_the_lines_file_names_the_technology(world: World, tmp_path: Path) -> None:
    files = write_plant(world, tmp_path, agent_ports={olt.id: 1 for olt in world.olts})
    told = set(pacsv.read_csv(files.lines)["technology"].to_pylist())
    assert told == {"xgspon", "epon", "10gepon", "gpon", "coax"}
    again = read_world(files.settings)
    assert [o.pon_class for o in again.olts] == [o.pon_class for o in world.olts]


def test_a_bend_hurts_the_longer_wavelength_of_xgs_pon_more() -> None:
    plain, ten = (World(5, 2, 600, faults=2, end=END, days=60, classes=(name,)) for name in ("gpon_c+", "xgspon_n1"))
    bends = [next(f for f in w.faults if f.cause == "macrobend").figures["ratio"] for w in (plain, ten)]
    assert bends[1] == pytest.approx(1.4 * bends[0])


def test_a_class_nobody_knows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--classes", "gpon_z", "--folder", str(tmp_path)]) == 2
    assert "gpon_z" in capsys.readouterr().err
