"""The ledger as lists: they open right in Excel, run nothing, and come back row by row."""

import csv
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from maintenance.by_hand import Request
from maintenance.errors import InputError
from maintenance.ledger import Ledger
from maintenance.lists import reading
from maintenance.lists.columns import COLUMNS, FORMULA
from maintenance.lists.exporting import write
from maintenance.lists.importing import ImportReport
from maintenance.lists.reading import read
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding

ZONE = "Asia/Shanghai"
EVIL = [f"{sign}cmd|' /C calc'!A0" for sign in FORMULA] + ["  =1+1", '=HYPERLINK("http://x","点我")']


def hand(ledger: Ledger, inventory: Inventory, engineer: str, place: str = "line:OLT1-1-3") -> None:
    request = Request("repair", place, "看见 a note", engineer=engineer)
    ledger.open_by_hand(request, inventory, actor="dora", role="admin", now=NOW)


def column(path: Path, name: str) -> list[object]:
    at = [c.name for c in COLUMNS].index(name)
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [row[at] for row in csv.reader(file)][1:]
    return [row[at].value for row in load_workbook(path).active.iter_rows()][1:]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_chinese_text_moments_and_numbers_come_back(
    ledger: Ledger, inventory: Inventory, tmp_path: Path, suffix: str
) -> None:
    ledger.take([finding()], inventory, NOW)
    hand(ledger, inventory, "陈建国", "line:OLT2-1-0")
    path = tmp_path / f"台账{suffix}"
    assert write(path, ledger.every(), ZONE) == 2
    assert column(path, "engineer") == ["Li Lei", "陈建国"]
    assert column(path, "title") == [t.title_zh for t in ledger.tickets()]
    ids, opened = column(path, "id"), column(path, "opened_at")
    local = datetime(2026, 11, 2, 10)  # noqa: DTZ001 - a spreadsheet's wall clock
    assert (ids, opened[0]) == (([1, 2], local) if suffix == ".xlsx" else (["1", "2"], "2026-11-02 10:00"))
    if suffix == ".csv":
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_no_text_becomes_a_formula(sqlite_ledger: Ledger, inventory: Inventory, tmp_path: Path, suffix: str) -> None:
    for evil in EVIL:
        hand(sqlite_ledger, inventory, evil)
    path = tmp_path / f"list{suffix}"
    write(path, sqlite_ledger.every(), ZONE)
    if suffix == ".csv":
        assert all(str(v).startswith(("'", "cmd")) for v in column(path, "engineer"))
        return
    cells = [cell for row in load_workbook(path).active.iter_rows() for cell in row]
    assert not [c for c in cells if c.data_type == "f"]
    assert "<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()


def test_a_list_is_written_whole_or_not(sqlite_ledger: Ledger, inventory: Inventory, tmp_path: Path) -> None:
    hand(sqlite_ledger, inventory, "a")
    with pytest.raises(InputError, match="neither in"):
        write(tmp_path / "list.ods", sqlite_ledger.every(), ZONE)

    def breaks() -> object:
        yield sqlite_ledger.ticket(1)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write(tmp_path / "list.csv", breaks(), ZONE)  # type: ignore[arg-type]
    assert not list(tmp_path.glob("*list*"))


def a_list(path: Path, rows: Sequence[Sequence[object]], encoding: str = "utf-8-sig") -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(rows)
        return path
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def load(ledger: Ledger, inventory: Inventory, path: Path) -> ImportReport:
    return ledger.import_list(read(path), inventory, actor="dora", role="dispatcher", now=NOW)


ROWS = [
    ["工单编号", "线路编号", "类型", "问题描述", "等级", "无关"],
    [1001, "OLT1-1-3", "投诉", "晚上网速慢", "P2", "x"],
    [1002, "OLT1-1-99", "维修", "不存在的线路", "P3", "x"],
    [1003, "OLT1-1-4", "维修", "", "P3", "x"],
    [1004, "OLT1-1-5", "聚会", "类型不对", "P3", "x"],
    [],
    [1005, "OLT2-1-0", "改造", "老旧线路", "", "x"],
    [1006, "OLT2-1-1", "维修", "等级不对", "P9", "x"],
]


@pytest.mark.parametrize(("suffix", "encoding"), [(".xlsx", ""), (".csv", "utf-8-sig"), (".csv", "gb18030")])
def test_an_existing_list_is_imported_with_each_rejected_row_told(
    ledger: Ledger, inventory: Inventory, tmp_path: Path, suffix: str, encoding: str
) -> None:
    path = a_list(tmp_path / f"list{suffix}", ROWS, encoding)
    report = load(ledger, inventory, path)
    assert (report.rows, report.opened, report.known) == (6, [1, 2], 0)
    assert [(r.row, r.why.partition(";")[0]) for r in report.rejected] == [
        (3, "line:OLT1-1-99 is not in the inventory"), (4, "note is empty"),
        (5, 'kind "聚会" is not among: inspection, repair, installation, complaint, retrofit'),
        (8, 'grade "P9" is not among: P1, P2, P3, P4'),
    ]  # fmt: skip
    assert [(t.kind, t.grade, t.place) for t in ledger.tickets()] == [
        ("complaint", "P2", "line:OLT1-1-3"), ("retrofit", "P4", "line:OLT2-1-0"),
    ]  # fmt: skip
    again = load(ledger, inventory, path)
    assert (again.opened, again.known, len(again.rejected)) == ([], 2, 4)


def test_our_own_export_is_understood(sqlite_ledger: Ledger, inventory: Inventory, tmp_path: Path) -> None:
    hand(sqlite_ledger, inventory, "=evil")
    write(tmp_path / "list.csv", sqlite_ledger.every(), ZONE)
    with Ledger.open(f"sqlite:///{tmp_path / 'other.sqlite'}") as other:
        assert load(other, inventory, tmp_path / "list.csv").opened == [1]
        assert other.ticket(1).engineer == "=evil"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.xlsx", b"PK nonsense", "not readable as XLSX"), ("a.xlsx", b"", "not readable as XLSX"),
        ("a.csv", b"a,b\n1,2\n", "should hold the titles"), ("a.csv", b'place,note\n"open', "not readable as CSV"),
        ("a.csv", b"place\n\xff\xff\xff", "neither UTF-8 nor"), ("a.ods", b"x", "ends neither"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        list(read(tmp_path / name))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "UNPACKED", 5 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(6):
            archive.writestr(f"xl/{n}", b"\0" * (1 << 20))
    with pytest.raises(InputError, match="unpacks to"):
        list(read(tmp_path / "bomb.xlsx"))


def test_search_finds_every_word_and_takes_no_pattern(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(), finding("line:OLT2-1-0")], inventory, NOW)
    hand(ledger, inventory, "陈100%_", "line:OLT1-2-1")
    cases = {"陈": [3], "100%_": [3], "0_0": [], "%": [3], "west": [2], "WEST olt2": [2], "OLT1-1-3": [1], "2": [2, 3],
             "'; DROP TABLE tickets; --": [], "": [1, 2, 3], "\x00": [1, 2, 3]}  # fmt: skip
    for text, ids in cases.items():
        found = [t.id for t in ledger.tickets(text=text)]
        assert set(ids) <= set(found) if text == "2" else found == ids, text


def test_of_a_bulk_action_each_ticket_is_done_or_told_why_not(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(), finding("line:OLT2-1-0"), finding("line:OLT1-2-1")], inventory, NOW)
    ledger.act(2, "cancel", actor="d", role="admin", now=NOW, version=1, note="x")
    done, refused = ledger.act_on_many(
        {1: 1, 2: 2, 3: 7, 99: 1}, "assign", actor="d", role="dispatcher", now=NOW + timedelta(hours=1), engineer="Wei"
    )
    assert [(t.id, t.engineer) for t in done] == [(1, "Wei")]
    assert sorted(refused) == [2, 3, 99]
    for number, says in ((2, "possible"), (3, "at version 1, not 7"), (99, "not in the ledger")):
        assert says in refused[number]


def test_the_same_key_opens_one_ticket(ledger: Ledger, inventory: Inventory) -> None:
    request = Request("repair", "line:OLT1-1-3", "x")
    opened = [ledger.open_by_hand(request, inventory, actor="d", role="admin", now=NOW, key="k").id for _ in range(3)]
    assert opened == [1, 1, 1]
