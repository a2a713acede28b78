"""The inventory in use follows its files, and a mistake in them changes nothing that runs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from lightline.commands.check import check
from lightline.inventory import InventoryFile, inventory_if_any, read_inventory
from lightline.problem import UserError
from plant.changes import PlantEvent, written

TEXT = """
areas: [{id: east, name: 东, department: 东部, grids: [{id: g1, name: 网格}]}]
devices: [{id: OLT, host: 192.0.2.1, kind: olt, area: AREA, credentials: {community: "env:C"}}]
lines: [lines.csv]
"""
LINES = "line_id,device,pon,ont_serial\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C", "public")
    (tmp_path / "lines.csv").write_text(LINES + "L1,OLT,0/1,HWTC00000001\n")
    path = tmp_path / "devices.yaml"
    path.write_text(TEXT.replace("AREA", "east"))
    return path


def test_nothing_changed_is_the_same_object(path: Path) -> None:
    file = InventoryFile(path, path.parent / "plant-log.jsonl")
    assert file.current() is file.current()


def test_a_changed_lines_file_is_taken_up(path: Path) -> None:
    file = InventoryFile(path, path.parent / "plant-log.jsonl")
    with (path.parent / "lines.csv").open("a") as lines:
        lines.write("L2,OLT,0/1,HWTC00000002\n")
    assert file.current().lines["line_id"].to_pylist() == ["L1", "L2"]


def test_a_mistake_keeps_the_last_good_inventory_until_it_is_mended(path: Path) -> None:
    file = InventoryFile(path, path.parent / "plant-log.jsonl")
    before = file.current()
    path.write_text(TEXT.replace("AREA", "west"))
    assert file.current() is before
    path.write_text(TEXT.replace("AREA", "east") + "simulated: true\n")
    assert file.current().simulated


def test_lines_files_named_later_are_followed_too(path: Path) -> None:
    file = InventoryFile(path, path.parent / "plant-log.jsonl")
    other = path.parent / "more.csv"
    other.write_text(LINES)
    path.write_text(TEXT.replace("AREA", "east").replace("[lines.csv]", "[lines.csv, more.csv]"))
    assert file.current().lines.num_rows == 1
    other.write_text(LINES + "L9,OLT,0/2,HWTC00000009\n")
    assert file.current().lines.num_rows == 2


def test_what_devices_showed_since_is_applied_and_followed(path: Path) -> None:
    log = path.parent / "plant-log.jsonl"
    swap = PlantEvent("swap", "OLT", "L1", "HWTC00000001", "HWTC000000FF", datetime(2026, 3, 1, tzinfo=UTC))
    collectors, others = InventoryFile(path, log, follow_log_s=None), InventoryFile(path, log, follow_log_s=0.0)
    log.write_bytes(written([swap]))
    assert others.current().lines["ont_serial"].to_pylist() == ["HWTC000000FF"]
    assert others.current() is others.current()
    assert collectors.current().lines["ont_serial"].to_pylist() == ["HWTC00000001"]
    assert read_inventory(path, log).lines["ont_serial"].to_pylist() == ["HWTC000000FF"]


def test_an_inventory_with_errors_is_refused_with_all_of_them(path: Path) -> None:
    path.write_text(TEXT.replace("AREA", "west") + "lnies: []\n")
    with pytest.raises(UserError) as caught:
        read_inventory(path)
    assert "devices.yaml:3" in str(caught.value)
    assert "lnies" in str(caught.value)


def test_a_store_can_be_looked_into_without_an_inventory(tmp_path: Path) -> None:
    assert inventory_if_any(tmp_path / "none.yaml").lines.num_rows == 0


def test_check_names_mistakes_in_the_rules_of_traps_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(TEXT.replace("AREA", "east") + "traps: [{id: t, host: 0.0.0.0, rules: [own.yaml]}]\n")
    rules = path.parent / "own.yaml"
    rules.write_text("profile: huawei\ntraps:\n  losi: {oid: 1.3.6.1.4.1.99999.1, fields: {state: dark}}\n")
    with pytest.raises(typer.Exit) as ended:
        check(path)
    assert ended.value.exit_code == 2
    assert f'{rules}:3: traps.losi.fields.state: "dark" is no word' in capsys.readouterr().out


def test_check_looks_at_the_folder_of_rules_too(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(TEXT.replace("AREA", "east"))
    rules = path.parent / "rules"
    rules.mkdir()
    (rules / "taking.yaml").write_text("record_only: []\nrepeat_days: -1\n")
    monkeypatch.setenv("LIGHTLINE_RULES", str(rules))
    with pytest.raises(typer.Exit) as ended:
        check(path)
    assert ended.value.exit_code == 2
    assert f"{rules / 'taking.yaml'}:2: repeat_days: Input should be greater" in capsys.readouterr().out
