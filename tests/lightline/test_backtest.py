"""`lightline backtest`: history replayed beside rules of thumb, as figures and as a page."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from simulator.__main__ import write_history
from simulator.inventory import write_plant
from simulator.world import World
from tests.lightline.commands import lightline


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 80 days of a small plant with eight faults."""
    folder = tmp_path_factory.mktemp("past")
    world = World(9, 2, 300, faults=8, days=80)
    write_plant(world, folder, agent_ports={olt.id: 1 for olt in world.olts})
    write_history(world, folder / "history.parquet", step_s=14_400)
    ran = lightline(folder, "import", "history.parquet")
    assert ran.returncode == 0, ran.stderr
    return folder


def test_the_replay_is_told_in_figures_beside_rules_of_thumb(filled: Path) -> None:
    ran = lightline(filled, "backtest", "--truth", "truth.json", "--capacity", "5", "--html", "page.html", "--json")
    assert ran.returncode == 0, ran.stderr
    told = {f["rule"]: f for f in json.loads(ran.stdout)}
    assert set(told) == {"lightline", "z_score", "below_-27", "below_-25", "ruptures"}
    ours = told["lightline"]
    assert ours["faults"] == 8
    assert ours["found"] >= 6
    assert ours["precision"] >= 0.7
    assert ours["found"] > max(told[r]["found"] for r in ("below_-27", "below_-25"))
    beside = told["below_-27"]["beside"]
    assert (beside["ours"], beside["found"]) == (ours["found"], told["below_-27"]["found"])
    assert beside["ours_at_its_visits"] <= beside["most_at_its_visits"] <= beside["visits"]
    page = (filled / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "Simulated data" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("text", "named"),
    [("{}", "place"), ("[1]", "place"), ('[{"place": "line:L1"}]', "lines"), ("nonsense", "list of faults")],
)
def test_a_truth_that_is_none_is_refused(filled: Path, text: str, named: str) -> None:
    (filled / "wrong.json").write_text(text if text != "{}" else '[{"lines": []}]')
    ran = lightline(filled, "backtest", "--truth", "wrong.json")
    assert ran.returncode == 2
    assert named in ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_empty_store_is_said_plainly(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_text("line_id,time,temp_c\nL1,2026-09-01T00:00:00Z,30\n")
    assert lightline(tmp_path, "import", "h.csv").returncode == 0
    ran = lightline(tmp_path, "backtest", "--truth", filled / "truth.json")
    assert ran.returncode == 2
    assert "neither optical nor coax readings" in ran.stderr


def test_planned_works_in_the_inventory_are_left_out(filled: Path) -> None:
    ran = lightline(filled, "analyze", "--json")
    found = json.loads(ran.stdout)
    assert found, ran.stderr
    devices = filled / "devices.yaml"
    text = devices.read_text(encoding="utf-8")
    place = found[0]["place"]
    try:
        devices.write_text(
            f'{text}works:\n  - {{place: "{place}", from: 2000-01-01, to: 2100-01-01}}\n', encoding="utf-8"
        )
        left = json.loads(lightline(filled, "analyze", "--json").stdout)
    finally:
        devices.write_text(text, encoding="utf-8")
    assert place not in {f["place"] for f in left}
    assert len(left) == len(found) - 1


def test_the_week_s_trips_keep_to_the_capacity_of_crews_and_grids(filled: Path) -> None:
    found = json.loads(lightline(filled, "analyze", "--json").stdout)
    trips = json.loads(lightline(filled, "analyze", "--capacity", "3", "--grid-capacity", "1", "--json").stdout)
    assert len(found) > len(trips) > 0
    assert len(trips) <= 3
    assert {f["place"] for f in trips} <= {f["place"] for f in found}
    refused = lightline(filled, "analyze", "--once", "--capacity", "3")
    assert refused.returncode == 2
    assert "--once writes tickets" in refused.stderr


def test_the_tree_the_lines_tell_is_offered_where_the_files_know_none(filled: Path, tmp_path: Path) -> None:
    """Twenty lines of a port, five of which move together; the lines file has lost its splitters."""
    with (filled / "lines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:20]
    with (tmp_path / "lines.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "pon": rows[0]["pon"], "ont_index": n, "splitter1": "", "splitter2": ""}
                         for n, row in enumerate(rows))  # fmt: skip
    shutil.copy(filled / "devices.yaml", tmp_path)
    rng = np.random.default_rng(3)
    shared = 0.5 * rng.standard_normal(60)
    with (tmp_path / "history.csv").open("w", encoding="utf-8") as out:
        out.write("line_id,time,rx_dbm\n")
        for n, row in enumerate(rows):
            rx = -21 + 0.1 * rng.standard_normal(60) - (shared if n < 5 else 0)
            out.writelines(f"{row['line_id']},2026-{9 + d // 30:02}-{1 + d % 30:02}T04:00:00Z,{v:.2f}\n"
                           for d, v in enumerate(rx))  # fmt: skip
    assert lightline(tmp_path, "import", "history.csv").returncode == 0
    ran = lightline(tmp_path, "tree", "--json")
    assert ran.returncode == 0, ran.stderr
    (leg,) = json.loads(ran.stdout)
    assert sorted(leg["lines"]) == sorted(row["line_id"] for row in rows[:5])
    assert leg["named"] == [None]
    assert rows[0]["line_id"] in lightline(tmp_path, "tree").stdout
    assert lightline(tmp_path, "tree", "--as-of", "soon").returncode == 2
