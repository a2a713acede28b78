"""An operator's own rules: checked before they count, written whole, and taken back."""

from pathlib import Path

import pytest

from maintenance.rules import FILES, Rules
from maintenance.rules_checking import examine_rules, shipped
from maintenance.rules_folder import RulesChangedError, RulesFolder, RulesWrongError


def test_the_shipped_rules_have_nothing_wrong() -> None:
    assert examine_rules(None) == []


@pytest.mark.parametrize(
    ("name", "was", "becomes", "said"),
    [
        ("hooks", "timeout_s: 10", "timeout_s: 900", "timeout_s: Input should be less than or equal to 60"),
        ("taking", "repeat_days:", "repeat_dayz:", "repeat_dayz: Extra inputs are not permitted"),
        ("grading", "grade: P1", "grade: P9", "grades.0.grade: Input should be"),
        ("notices", "digests:", "digests: [", "is not YAML"),
    ],
)
def test_an_error_names_file_line_and_remedy(tmp_path: Path, name: str, was: str, becomes: str, said: str) -> None:
    text = shipped(name)
    assert was in text
    at = text[: text.index(was)].count("\n") + 1
    (tmp_path / f"{name}.yaml").write_text(text.replace(was, becomes, 1), encoding="utf-8")
    problems = examine_rules(tmp_path)
    (told,) = (p for p in problems if said in p.message)
    assert told.line == at or "YAML" in said
    assert {p.file for p in problems} == {str(tmp_path / f"{name}.yaml")}
    assert all(p.remedy for p in problems)


def test_all_errors_are_told_at_once_and_a_mistyped_name_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "hooks.yaml").write_text(shipped("hooks").replace("timeout_s: ", "timeout_s: 9"), encoding="utf-8")
    (tmp_path / "taking.yaml").write_text("record_only: []\n", encoding="utf-8")
    (tmp_path / "gradings.yaml").write_text("{}", encoding="utf-8")
    problems = examine_rules(tmp_path)
    assert {Path(p.file).name for p in problems} == {"hooks.yaml", "taking.yaml", "gradings.yaml"}
    assert [p.severity for p in problems if "gradings" in p.file] == ["warning"]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"x" * (65 << 10)])
def test_what_is_no_text_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "hooks.yaml").write_bytes(data)
    assert [p.line for p in examine_rules(tmp_path)] == [1]


def test_a_written_file_counts_and_is_taken_back_step_by_step(tmp_path: Path) -> None:
    rules = RulesFolder(tmp_path / "rules")
    first = rules.file("taking")
    assert (first.own, first.previous, first.text) == (False, False, shipped("taking"))
    days = first.text.replace("repeat_days: 30", "repeat_days: 45")
    second = rules.write("taking", days, first.version)
    assert (second.own, second.previous) == (True, True)
    assert Rules.load(rules.folder).taking.repeat_days == 45
    back = rules.undo("taking", second.version)
    assert (back.own, back.text) == (False, shipped("taking"))
    again = rules.undo("taking", back.version)
    assert again.text == days
    assert [f.name for f in rules.all()] == list(FILES)


def test_what_is_wrong_or_was_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    rules = RulesFolder(tmp_path)
    version = rules.file("hooks").version
    with pytest.raises(RulesWrongError) as caught:
        rules.write("hooks", "allow: 5\n", version)
    assert len(caught.value.problems) > 3
    assert not (tmp_path / "hooks.yaml").exists()
    rules.write("hooks", shipped("hooks") + "\n", version)
    with pytest.raises(RulesChangedError):
        rules.write("hooks", shipped("hooks"), version)
    with pytest.raises(KeyError):
        rules.undo("grading", rules.file("grading").version)
    with pytest.raises(KeyError):
        rules.file("../../etc/passwd")
