"""Rules are data, checked when they are loaded; the documentation shows the table the code runs on."""

from pathlib import Path

import pytest

from maintenance import grading
from maintenance.errors import RulesError
from maintenance.rules import Rules
from maintenance.transitions import markdown, mermaid
from plant.finding import Figure
from tests.conftest import ROOT
from tests.maintenance.conftest import finding

RULES = Rules.load()


@pytest.mark.parametrize(
    ("rx_dbm", "days", "customers", "grade", "kind"),
    [
        (-24, 40, 1, "P4", "inspection"),
        (-24, 40, 8, "P3", "inspection"),
        (-24, 10, 1, "P3", "inspection"),
        (-24, 10, 8, "P2", "inspection"),
        (-28, None, 1, "P3", "repair"),
        (-28, None, 8, "P2", "repair"),
        (-28, None, 32, "P1", "repair"),
        (-24, 0, 1, "P3", "repair"),
    ],
)
def test_grades_follow_service_and_customers(
    rx_dbm: float, days: float | None, customers: int, grade: str, kind: str
) -> None:
    found = finding(rx_dbm=rx_dbm, days=days)
    assert grading.grade(found, customers, RULES.grading) == grade
    assert grading.kind(found, RULES.grading) == kind


@pytest.mark.parametrize(("customers", "grade"), [(1, "P2"), (8, "P1")])
def test_lost_service_is_graded_by_customers(customers: int, grade: str) -> None:
    dark = finding()
    dark = type(dark)(**{**dark.__dict__, "evidence": {"days_without_light": Figure(2.0, "days")}})
    assert grading.grade(dark, customers, RULES.grading) == grade


def test_a_failed_repair_rises_one_grade_and_no_further() -> None:
    assert [grading.higher(g) for g in ("P4", "P3", "P2", "P1")] == ["P3", "P2", "P1", "P1"]


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("responsibility", "unknown: ", "unknwon: ", "these causes are missing: unknown"),
        ("responsibility", "{else: plant, line: drop, olt: headend}", "{line: drop}", 'has no "else"'),
        ("grading", "{hours: 4}", "{hours: 4, working_days: 2}", "one of hours, working_hours, working_days"),
        ("grading", "  - {service: later}\n", "", "last service row must have no conditions"),
        ("verification", "any: [light, swing]", "any: [lihgt]", "names the marks lihgt"),
        ("verification", "[eth_speed_mbps]", "[eth_speed]", "eth_speed, which is no field"),
        ("verification", "{hold_hours: 24, must: [], any: [speed]}", "{hold_hours: 24}", "nothing could confirm"),
        ("taking", "repeat_days: 30", "repeat_dyas: 30", "repeat_d"),
        ("codes", "cause_codes:", "cause_codes: [", "not readable as YAML"),
    ],
)
def test_a_wrong_rules_file_is_named_with_what_is_wrong(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    text = (ROOT / "maintenance" / f"{file}.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / f"{file}.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RulesError, match=rf"{file}\.yaml") as e:
        Rules.load(tmp_path)
    assert says in str(e.value)


def test_a_local_rules_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    text = (ROOT / "maintenance" / "taking.yaml").read_text(encoding="utf-8")
    (tmp_path / "taking.yaml").write_text(text.replace("repeat_days: 30", "repeat_days: 45"), encoding="utf-8")
    assert Rules.load(tmp_path).taking.repeat_days == 45


def test_the_documentation_shows_the_table_the_ledger_runs_on() -> None:
    text = (ROOT / "docs" / "maintenance.md").read_text(encoding="utf-8")
    assert mermaid() in text, "print maintenance.transitions.mermaid() into docs/maintenance.md"
    assert markdown() in text, "print maintenance.transitions.markdown() into docs/maintenance.md"
