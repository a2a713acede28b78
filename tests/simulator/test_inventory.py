"""A simulated plant as files: an inventory the service accepts, and the ground truth beside it."""

import csv
import json
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import yaml

from plant.inventory import LINE_SCHEMA
from plant.loading import load_inventory
from simulator.__main__ import main
from simulator.inventory import read_world, write_plant
from simulator.world import World
from tests.conftest import ROOT


def test_files_describe_every_line_of_the_plant(plant: World, tmp_path: Path) -> None:
    files = write_plant(plant, tmp_path, agent_ports={o.id: 16100 + o.index for o in plant.olts}, broker_port=1884)
    said = yaml.safe_load(files.devices.read_text())
    assert said["simulated"] is True
    assert [d["port"] for d in said["devices"]] == [16100, 16101]
    assert said["mqtt"][0]["port"] == 1884
    with files.lines.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert set(rows[0]) == set(LINE_SCHEMA.names)
    fibre = [r for r in rows if r["technology"] == "gpon"]
    assert [r["line_id"] for r in fibre] == plant.layout.lines.id.tolist()
    assert len({r["ont_serial"] for r in fibre}) == len(fibre)
    grids = {g["id"] for a in said["areas"] for g in a["grids"]}
    assert {r["grid"] for r in rows} <= grids
    assert any(r["retrofitted"] for r in fibre)
    assert any(r["technology"] == "coax" for r in rows)


def test_the_service_accepts_the_inventory(demo: World, tmp_path: Path) -> None:
    ports = {o.id: 16100 + o.index for o in demo.olts}
    inventory = load_inventory(write_plant(demo, tmp_path, agent_ports=ports, broker_port=1884).devices)
    assert inventory.simulated
    assert {d.id: d.port for d in inventory.devices.values()} == ports
    assert inventory.lines.num_rows == len(demo.layout.lines.id) + len(demo.layout.coax.id)
    assert inventory.brokers[0].port == 1884
    year = inventory.targets[demo.end.year]
    assert year.covered_hosts
    assert sum(year.covered.values()) > 0


def test_places_of_the_truth_are_those_of_the_lines_file(demo: World, tmp_path: Path) -> None:
    files = write_plant(demo, tmp_path, agent_ports={o.id: 16100 for o in demo.olts})
    with files.lines.open(encoding="utf-8") as opened:
        rows = {r["line_id"]: r for r in csv.DictReader(opened)}
    for fault in json.loads(files.truth.read_text()):
        kind, _, ident = fault["place"].partition(":")
        for line in fault["lines"]:
            row = rows[line]
            path = "/".join(p for p in (row["device"], row["pon"], row["splitter1"], row["splitter2"]) if p)
            if kind == "line":
                assert line == ident
            else:
                assert f"{path}/".startswith(f"{ident}/")


def test_the_community_is_in_no_file_but_its_own(plant: World, tmp_path: Path) -> None:
    files = write_plant(plant, tmp_path, agent_ports={o.id: 1 for o in plant.olts}, community="s3cret-word")
    assert "s3cret-word" not in files.devices.read_text()
    assert files.community.read_text().strip() == "s3cret-word"
    assert stat.S_IMODE(files.community.stat().st_mode) == 0o600


def test_the_same_plant_comes_back_from_its_settings(plant: World, tmp_path: Path) -> None:
    files = write_plant(plant, tmp_path, agent_ports={o.id: 1 for o in plant.olts})
    assert read_world(files.settings).truth() == plant.truth()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_history_can_be_written_for_anyone(form: str, tmp_path: Path) -> None:
    sizes = ["--onts", "40", "--faults", "1", "--days", "5", "--end", "2026-06-20T00:00:00+00:00"]
    assert main(["--history", form, "--folder", str(tmp_path), *sizes]) == 0
    path = tmp_path / f"history.{form}"
    table = pq.read_table(path) if form == "parquet" else pacsv.read_csv(path)
    assert table.column_names[:2] == ["line_id", "time"]
    assert {"rx_dbm", "pon_tx_dbm", "state", "ont_serial"} <= set(table.column_names)
    assert table.num_rows > 40 * 5 * 23


def test_impossible_sizes_are_told_in_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "simulator", "--olts", "9", "--onts", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.strip() == "a plant needs at least one OLT and one ONT each; asked for 9 OLTs and 2 ONTs"
