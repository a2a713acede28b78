"""Customers who matter more raise the grade of what hits them, and the ticket says so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from maintenance.by_hand import Request
from maintenance.ledger import Ledger
from maintenance.rules import Rules
from plant.inventory import Inventory
from plant.lines import read_lines
from plant.problems import Report
from tests.conftest import ROOT
from tests.maintenance.conftest import NOW, finding, lines_of


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    """OLT1-1-3 is a hospital."""
    lines = inventory.lines
    important = pa.array([line == "OLT1-1-3" or None for line in lines["line_id"].to_pylist()], pa.bool_())
    at = lines.column_names.index("important")
    return replace(inventory, lines=lines.set_column(at, "important", important))


def test_a_finding_at_an_important_customer_is_more_urgent(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(), finding("line:OLT1-1-4")], inventory, NOW)
    hospital, flat = ledger.tickets()
    assert (hospital.grade, flat.grade) == ("P3", "P4")
    assert hospital.deadline < flat.deadline
    assert hospital.evidence["important_customers"] == {"value": 1, "unit": ""}
    assert "important_customers" not in flat.evidence
    again = ledger.take([finding(), finding("line:OLT1-1-4")], inventory, NOW)
    assert (again.opened, again.grown, again.unchanged) == ([], [], 2)


def test_a_wider_trouble_that_reaches_one_grows_more_urgent(ledger: Ledger, inventory: Inventory) -> None:
    narrow = finding("splitter:SP-OLT1-1-1", lines_of("OLT1", 1, 16)[8:], "feeder", days=10)
    ledger.take([narrow], inventory, NOW)
    assert ledger.ticket(1).grade == "P2"
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder", days=10)], inventory, NOW)
    grown = ledger.ticket(1)
    assert (grown.grade, grown.evidence["important_customers"]["value"]) == ("P1", 1)


@pytest.mark.parametrize(("given", "grade"), [({}, "P2"), ({"grade": "P4"}, "P4")])
def test_a_complaint_of_one_too_unless_a_person_named_the_grade(
    ledger: Ledger, inventory: Inventory, given: dict[str, Any], grade: str
) -> None:
    request = Request("complaint", "line:OLT1-1-3", "no light in the ward", **given)
    assert ledger.open_by_hand(request, inventory, actor="d", role="admin", now=NOW).grade == grade


@pytest.mark.parametrize(("rule", "grade"), [("{lines: 2, steps: 1}", "P4"), ("{lines: 1, steps: 3}", "P1")])
def test_how_much_is_a_matter_of_the_rules(inventory: Inventory, tmp_path: Path, rule: str, grade: str) -> None:
    text = (ROOT / "maintenance" / "grading.yaml").read_text(encoding="utf-8")
    assert "important: {lines: 1, steps: 1}" in text
    (tmp_path / "grading.yaml").write_text(text.replace("important: {lines: 1, steps: 1}", f"important: {rule}"))
    with Ledger.open(f"sqlite:///{tmp_path / 'l.sqlite'}", Rules.load(tmp_path)) as ledger:
        ledger.take([finding()], inventory, NOW)
        assert ledger.ticket(1).grade == grade


def test_the_lines_file_says_who_is_important(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(
        "line_id,device,pon,ont_serial,important\nA,O,0/1,S1,true\nB,O,0/1,S2,\nC,O,0/1,S3,0\nD,O,1,S4,yes\n"
    )
    report = Report()
    table, _ = read_lines([(path, 1)], "devices.yaml", ["O"], [], report)
    assert table["important"].to_pylist() == [True, None, False, None]
    assert [(p.line, p.message) for p in report.problems()] == [(5, '"important" does not fit "yes"')]
