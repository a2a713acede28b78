"""`lightline check` reports every error with file:line and a remedy."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.checking import check_inventory
from plant.loading import InventoryError, load_inventory
from tests.plant.conftest import DEVICES, LINES

Write = Callable[..., Path]


def test_an_inventory_that_is_right_has_no_problems(write: Write) -> None:
    assert check_inventory(write(), profiles=["huawei-gpon"]) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "remedy"),
    [
        ("    host: 192.0.2.1\n", "    hots: 192.0.2.1\n", 14, 'unknown key "hots"', 'did you mean "host"?'),
        ("area: tianhe\n", "area: tianhe2\n", 16, 'names area "tianhe2"', "not among: tianhe, panyu"),
        ("id: GZ-OLT-02", "id: GZ-OLT-01", 19, 'device "GZ-OLT-01" is also in line 13', "its own id"),
        ("  - id: panyu", "  - id: tianhe", 9, 'area "tianhe" is also in line 2', "its own id"),
        ("{id: liede,", "{id: shipai,", 8, 'grid "shipai" is also in line 7', "its own id"),
        ("env:TEST_COMMUNITY", "s3cr3t-w0rd", 17, "written in clear", "env:NAME or file:PATH"),
        ("port: 1161", "port: 116100", 21, '"port" is 116100', "allowed: 1 to 65535"),
        ("port: 1161", "port: many", 21, '"port" should be a whole number', "1 to 65535"),
        ("kind: olt", "kind: otl", 15, '"kind" is "otl"', "not among: olt, cmts, node, ont"),
        ("profile: huawei-gpon", "profile: huawai", 23, 'names profile "huawai"', "known: auto, huawei-gpon"),
        ("optics: 3600", "optics: 60", 18, 'cadence of "optics" is 60 s', "900 s"),
        ("optics: 3600", "optcis: 3600", 18, 'no tier "optcis"', "tiers:"),
        ("Asia/Shanghai", "Asia/Shangai", 33, 'no time zone "Asia/Shangai"', "Asia/Shanghai"),
        ("2026-10-09", "9 October", 33, '"holidays" holds "9 October"', "2026-10-01"),
        ("2026-01: 9000", "2025-01: 9000", 32, "covered", "2026-01"),
        ("lines: [lines.csv]", "lines: [liens.csv]", 28, "liens.csv does not exist", "relative to this file"),
        ("    department: 天河维护部\n", "", 2, 'lacks the key "department"', 'add "department:"'),
        ("calendar:", "lines: []\ncalendar:", 33, 'key "lines" stands here and in line 28', "keep one"),
        ("id: GZ-OLT-02", "id: GZ/02", 19, 'holds "/"', "dashes"),
    ],
)
def test_each_error_is_named_with_its_line_and_its_remedy(
    write: Write, old: str, new: str, line: int, message: str, remedy: str
) -> None:
    problems = check_inventory(write(old, new), profiles=["huawei-gpon"])
    found = [p for p in problems if message in p.message]
    assert found, [str(p) for p in problems]
    assert found[0].line == line
    assert remedy in found[0].remedy
    assert found[0].severity == "error"
    assert not any("s3cr3t" in str(p) for p in problems)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("L2,GZ-OLT-01", "L2,GZ-OLT-09", 3, 'names device "GZ-OLT-09"'),
        ("shipai,gpon\nL2", "shipei,gpon\nL2", 2, 'names grid "shipei"'),
        ("\nL2,", "\nL1,", 3, "line_id L1 is also in line 2"),
        ("HWTC00000002,2", "HWTC00000001,2", 3, "HWTC00000001 is also in line 2"),
        ("HWTC00000002,2", "HWTC00000002,1", 3, "GZ-OLT-01/0/1/1 is also in line 2"),
        ("HWTC00000002,2", "HWTC00000002,two", 3, '"ont_index" does not fit "two"'),
        (",gpon\nL5", ",fibre\nL5", 5, 'unknown technology "fibre"'),
        ("line_id,device,pon,ont_serial", "line_id,device,pon,serial", 1, 'lacks the column "ont_serial"'),
        ("L4,GZ-OLT-01", "L4,", 5, '"device" is empty'),
    ],
)
def test_each_wrong_line_is_named_with_its_row(write: Write, old: str, new: str, line: int, message: str) -> None:
    problems = check_inventory(write(lines=(old, new)))
    found = [p for p in problems if message in p.message]
    assert found, [str(p) for p in problems]
    assert (Path(found[0].file).name, found[0].line) == ("lines.csv", line)


def test_all_errors_come_in_one_run(write: Write) -> None:
    path = write("kind: olt", "kind: otl")
    text = path.read_text().replace("port: 1161", "port: 0").replace("Asia/Shanghai", "nowhere")
    path.write_text(text)
    (path.parent / "lines.csv").write_text(LINES.replace("L2,GZ-OLT-01", "L2,XX"))
    assert len([p for p in check_inventory(path) if p.severity == "error"]) == 4


def test_a_secret_that_is_not_there_yet_is_a_warning(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write()
    monkeypatch.delenv("TEST_COMMUNITY")
    problems = check_inventory(path)
    assert {p.severity for p in problems} == {"warning"}
    assert "TEST_COMMUNITY" in problems[0].message


def test_a_flood_of_one_error_is_folded_into_a_count(write: Write) -> None:
    path = write()
    rows = "".join(f"X{i},NOWHERE,0/1,S{i},\n" for i in range(3000))
    (path.parent / "lines.csv").write_text("line_id,device,pon,ont_serial,ont_index\n" + rows)
    problems = check_inventory(path)
    assert len(problems) < 60
    assert any("2,950 more like it" in p.message for p in problems)


def test_a_file_in_another_encoding_is_recognised(write: Write) -> None:
    path = write()
    path.write_bytes(DEVICES.encode("gb18030"))
    (problem,) = check_inventory(path)
    assert "GBK" in problem.message
    assert "UTF-8" in problem.remedy
    assert problem.line == 3


@pytest.mark.parametrize(
    "hostile",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "devices: !!python/object/apply:os.system ['true']\n",
        "[" * 5000,
        "devices: {a: [}\n",
        "- just\n- a list\n",
        "a: 2026-99-99\n",
        "\x00",
    ],
)
def test_a_hostile_document_is_refused_clearly_and_at_once(tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text(hostile)
    before = time.process_time()
    problems = check_inventory(path)
    assert problems
    assert problems[0].severity == "error"
    assert time.process_time() - before < 20


def test_loading_says_everything_that_is_wrong(write: Write) -> None:
    path = write("kind: olt", "kind: otl")
    with pytest.raises(InventoryError, match=r"devices.yaml:15: .*otl"):
        load_inventory(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(DEVICES) - 1), put=st.text(max_size=12), cut=st.integers(0, 12))
def test_no_edit_of_the_file_crashes_the_check(tmp_path: Path, at: int, put: str, cut: int) -> None:
    path = tmp_path / "devices.yaml"
    path.write_text(DEVICES[:at] + put + DEVICES[at + cut :], encoding="utf-8", errors="surrogatepass")
    (tmp_path / "lines.csv").write_text(LINES, encoding="utf-8")
    for problem in check_inventory(path):
        assert problem.line >= 1
        assert problem.remedy


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_no_lines_file_crashes_the_check(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "devices.yaml").write_text("lines: [lines.csv]\n")
    (tmp_path / "lines.csv").write_bytes(data)
    for problem in check_inventory(tmp_path / "devices.yaml"):
        assert str(problem)


def test_the_example_inventory_is_right_but_for_secrets_not_set_here() -> None:
    problems = check_inventory(Path(__file__).resolve().parents[2] / "devices.yaml")
    assert {p.severity for p in problems} <= {"warning"}


WORKS = """
works:
  - {place: "pon:GZ-OLT-01/0/1", from: 2026-11-20, to: 2026-11-21, why: a new cabinet}
  - {place: "splitter:GZ-OLT-01/0/1/S1/A", from: 2026-12-01}
"""


def test_planned_works_are_read(write: Write) -> None:
    inventory = load_inventory(write("calendar:", f"{WORKS.strip()}\ncalendar:"))
    first, second = inventory.works
    assert (str(first.place), first.first, first.last, first.why) == (
        "pon:GZ-OLT-01/0/1", date(2026, 11, 20), date(2026, 11, 21), "a new cabinet",
    )  # fmt: skip
    assert (str(second.place), second.first, second.last) == (
        "splitter:GZ-OLT-01/0/1/S1/A", date(2026, 12, 1), date(2026, 12, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("works", "line", "message", "remedy"),
    [
        ('{place: "pon:GZ-OLT-09/0/1", from: 2026-11-20}', 34, "which is not in the inventory", "pon:DEVICE/PON"),
        ('{place: "line:L11", from: 2026-11-20}', 34, "which is not in the inventory", 'did you mean "line:L1"?'),
        ('{place: "olt:GZ-OLT-1", from: 2026-11-20}', 34, "which is not in the inventory", 'mean "olt:GZ-OLT-01"?'),
        ('{place: "area:mars", from: 2026-11-20}', 34, "which is not in the inventory", "name a area"),
        ("{place: GZ-OLT-01, from: 2026-11-20}", 34, 'planned works at "GZ-OLT-01"', "a colon, an id"),
        ('{place: "node:N1", from: 2026-11-20}', 34, 'planned works at "node:N1"', "line, splitter, pon, olt, area"),
        ('{place: "line:L1", from: next week}', 34, '"from" is "next week"', "2026-11-20"),
        ('{place: "line:L1", from: 2026-11-20, to: 2026-11-19}', 34, "before 2026-11-20", "swap the days"),
        ('{place: "line:L1"}', 34, 'lacks the key "from"', 'add "from:"'),
        ('{place: "line:L1", from: 2026-11-20, until: 2026-11-21}', 34, 'unknown key "until"', "known keys"),
    ],
)
def test_planned_works_that_cannot_be_are_named(write: Write, works: str, line: int, message: str, remedy: str) -> None:
    problems = check_inventory(write("calendar:", f"works:\n  - {works}\ncalendar:"))
    (found,) = (p for p in problems if message in p.message)
    assert (found.line, found.severity) == (line, "error")
    assert remedy in found.remedy
