"""From closed tickets to better probabilities: labels out of a real ledger, the model in the data folder, drift."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import structlog
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from analyzer.learning.labels import Labels
from lightline.cli import app
from lightline.inventory import read_inventory
from lightline.learning import LearningFolder, in_its_light, labelled, tend, watch
from maintenance.by_hand import Request
from maintenance.labels import Teaching, taught
from maintenance.ledger import Judgement, Ledger
from plant.finding import Finding
from plant.inventory import Inventory
from plant.place import Place

LINES = 150
FIRST = datetime(2026, 3, 2, 2, tzinfo=UTC)
DEVICES = """
areas:
  - {id: east, name: 东区, department: 东区维护部, grids: [{id: g1, name: 一, engineer: 李雷}]}
  - {id: west, name: 西区, department: 西区维护部, grids: [{id: g2, name: 二, engineer: 韩梅}]}
devices:
  - {id: OLT1, host: 127.0.0.1, kind: olt, area: east, credentials: {community: "env:OLT_COMMUNITY"}}
  - {id: OLT2, host: 127.0.0.1, kind: olt, area: west, credentials: {community: "env:OLT_COMMUNITY"}}
lines: [lines.csv]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OLT_COMMUNITY", "public")
    (tmp_path / "devices.yaml").write_text(DEVICES, encoding="utf-8")
    rows = [f"L{i},OLT{1 + i % 2},0/1,{('HWTC', 'ZTEG')[i % 3 % 2]}{i:08X},g{1 + i % 2}" for i in range(LINES)]
    (tmp_path / "lines.csv").write_text("line_id,device,pon,ont_serial,grid\n" + "\n".join(rows) + "\n")
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return read_inventory(folder / "devices.yaml")


def ledger_in(folder: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}")


def finding(i: int, day: date) -> Finding:
    causes = {"connector": 0.75, "macrobend": 0.2, "unknown": 0.05}
    return Finding(Place("line", f"L{i}"), (f"L{i}",), "connector", 0.75, day, 0.6, causes=causes, worth=0.97)


def worked(folder: Path, inventory: Inventory, lines: range, barren_west: float) -> None:
    """A finding a line, a day apart; each is visited. In the west so many trips find nothing."""
    rng = np.random.default_rng(5)
    with ledger_in(folder) as ledger:
        for i in lines:
            now = FIRST + timedelta(days=i)
            (number,) = ledger.take([finding(i, now.date())], inventory, now).opened
            nothing = i % 2 == 1 and rng.random() < barren_west
            close(ledger, number, now, *(("no_fault_found", "none") if nothing else ("connector", "cleaned_connector")))


def close(ledger: Ledger, number: int, now: datetime, cause: str, action: str) -> None:
    """A visit after three hours; what was mended is confirmed by readings two days later."""
    at = now + timedelta(hours=3)
    for step, given in (("assign", {"engineer": "李雷"}), ("resolve", {"cause_code": cause, "action_code": action})):
        version = ledger.ticket(number).version
        ledger.act(number, step, actor="desk", role="dispatcher", now=at, version=version, note="done", **given)
    if cause != "no_fault_found":
        ledger.verify(number, Judgement("held", at, 40, 48.0, 48.0), at + timedelta(days=2))


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    structlog.reset_defaults()  # the runner's streams are closed
    return result


def test_without_a_label_nothing_changes(folder: Path, inventory: Inventory) -> None:
    ran = run("learn", "--json")
    assert ran.exit_code == 0, ran.output
    card = json.loads(ran.stdout[ran.stdout.index("{\n") :])
    assert (card["labels"], card["in_force"]) == (0, False)
    findings = [finding(1, FIRST.date())]
    assert in_its_light(findings, LearningFolder(folder / "data" / "learning"), inventory) == findings


def test_trips_for_nothing_in_one_area_are_learnt_used_and_forgotten_again(folder: Path, inventory: Inventory) -> None:
    worked(folder, inventory, range(LINES), barren_west=0.7)
    ran = run("learn")
    assert ran.exit_code == 0, ran.output
    assert "trip: switched on" in ran.output
    kept = LearningFolder(folder / "data" / "learning")
    page = (kept.path / "000001" / "card.md").read_text(encoding="utf-8")
    for words in ("150 labels", "| west | 75 |", "ZTEG", "switched on"):
        assert words in page
    west, east = replace(finding(1, FIRST.date()), score=0.7), finding(2, FIRST.date())
    told = in_its_light([west, east], kept, inventory)
    assert [f.lines for f in told] == [("L2",), ("L1",)]
    assert told[1].physics_worth == 0.97
    assert told[1].worth is not None
    assert told[1].worth < 0.6
    # what was learnt goes into the ledger with the finding, and is no label of itself
    with ledger_in(folder) as ledger:
        now = FIRST + timedelta(days=400)
        report = ledger.take(told, inventory, now)
        for number in [*report.opened, *report.grown]:
            close(ledger, number, now, "connector", "cleaned_connector")
        table = labelled(ledger, inventory).to_pylist()
    assert {round(row["worth"], 2) for row in table} == {0.97}
    assert {round(row["score"], 2) for row in table if row["lines"] == ["L1"]} <= {0.6, 0.7}
    # damaged: physics, and a word on it
    model = kept.path / "000001" / "model.json"
    whole = model.read_bytes()
    for damage in (whole[:-30], whole.replace(b'"slope"', b'"slap"', 1), b""):
        model.write_bytes(damage)
        with capture_logs() as logs:
            assert in_its_light([west, east], kept, inventory) == [west, east]
        assert "physics alone decides" in logs[0]["event"]
    model.write_bytes(whole)
    assert in_its_light([west, east], kept, inventory) == told
    assert run("learn", "--off").exit_code == 0
    assert in_its_light([west, east], kept, inventory) == [west, east]


def test_where_the_west_is_mended_drift_puts_physics_back(folder: Path, inventory: Inventory) -> None:
    worked(folder, inventory, range(100), barren_west=0.8)
    kept = LearningFolder(folder / "data" / "learning")
    with ledger_in(folder) as ledger:
        tend(kept, ledger, inventory, FIRST + timedelta(days=105))
        assert kept.in_force()[0] == 1
        assert not watch(kept, ledger, inventory, FIRST + timedelta(days=106)).found  # type: ignore[union-attr]
    worked(folder, inventory, range(100, LINES), barren_west=0.0)
    ran = run("learn", "--watch")
    assert "physics is better again for the trip" in ran.output
    assert kept.in_force() == (None, None)
    assert "physics is better again" in (kept.path / "000001" / "card.md").read_text(encoding="utf-8")


def test_codes_are_believed_as_far_as_they_can_be(folder: Path, inventory: Inventory) -> None:
    with ledger_in(folder) as ledger:
        numbers = ledger.take([finding(i, FIRST.date()) for i in range(7)], inventory, FIRST).opened
        closing = (
            ("connector", "cleaned_connector"), ("macrobend", "cleaned_connector"), ("third_party", "respliced"),
            ("unknown", "replaced_splitter"), ("no_fault_found", "none"), ("no_fault_found", "none"),
        )  # fmt: skip
        complained = Request("complaint", "line:L5", "还是慢", lines=["L5"])
        ledger.open_by_hand(complained, inventory, actor="desk", role="dispatcher", now=FIRST + timedelta(hours=1))
        for number, codes in zip(numbers, closing, strict=False):
            close(ledger, number, FIRST, *codes)
        rows = {row["lines"][0]: row for row in labelled(ledger, inventory).to_pylist()}
        left_out = replace(ledger.ticket(numbers[3]), cause_code=None)
    told = {line: (row["fault"], row["cause"]) for line, row in rows.items()}
    assert told == {
        "L0": (True, "connector"), "L1": (True, None), "L2": (True, None), "L3": (True, None), "L4": (False, None),
    }  # fmt: skip
    assert rows["L0"]["maker"] == "HWTC"
    assert taught(left_out, Teaching.load())[:2] == (True, "splitter")
    refuted = replace(left_out, cause_code="no_fault_found", reopened=1, state="reopened")
    assert taught(refuted, Teaching.load())[:2] == (True, None)


def test_labels_come_as_the_contract_says(folder: Path, inventory: Inventory) -> None:
    worked(folder, inventory, range(3), barren_west=0.0)
    with ledger_in(folder) as ledger:
        labels = Labels.of(labelled(ledger, inventory))
    assert len(labels) == 3
    assert labels.told.sum(axis=1) == pytest.approx(1)
    assert (labels.known_on >= labels.told_on).all()
