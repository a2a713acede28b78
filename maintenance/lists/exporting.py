"""Tickets to CSV and XLSX. Text that a spreadsheet would run as a formula stays text."""

import csv
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from maintenance.errors import InputError
from maintenance.lists.columns import COLUMNS, FORMULA, Cell, clean
from maintenance.ticket import Ticket

MOST_ROWS = 1_048_575  # Excel's rows, less the titles
_MOMENT = "yyyy-mm-dd hh:mm"


def write(path: Path, tickets: Iterable[Ticket], zone: str) -> int:
    """Write a list, by the file's name CSV or XLSX, all of it or nothing; how many. InputError, OSError."""
    writers = {".csv": _csv, ".xlsx": _xlsx}
    if path.suffix.lower() not in writers:
        raise InputError(f'"{path.name}" ends neither in .xlsx nor in .csv; name one that does')
    partial = path.with_name(f".{path.name}.new")
    try:
        rows = writers[path.suffix.lower()](partial, tickets, ZoneInfo(zone))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _csv(path: Path, tickets: Iterable[Ticket], zone: ZoneInfo) -> int:
    """UTF-8 with a byte order mark, by which Excel knows it from the system's own encoding."""
    rows = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
        writer.writerow([column.title for column in COLUMNS])
        for rows, ticket in enumerate(tickets, 1):  # noqa: B007 - the count is what is told
            writer.writerow([_csv_cell(column.fill(ticket, zone)) for column in COLUMNS])
    return rows


def _csv_cell(value: Cell) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return neutral(value) if isinstance(value, str) else value


def neutral(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would take for a formula."""
    risky = text.lstrip(" ").startswith(FORMULA)
    text = clean(text)
    return f"'{text}" if risky else text


def _xlsx(path: Path, tickets: Iterable[Ticket], zone: ZoneInfo) -> int:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("台账")
    sheet.freeze_panes = "A2"
    for number, column in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = column.width
    sheet.append([_xlsx_cell(sheet, column.title, bold=True) for column in COLUMNS])
    rows = 0
    for rows, ticket in enumerate(tickets, 1):
        if rows > MOST_ROWS:
            raise InputError(f"more than {MOST_ROWS:,} tickets do not fit into a sheet; export fewer, or as CSV")
        sheet.append([_xlsx_cell(sheet, column.fill(ticket, zone)) for column in COLUMNS])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{rows + 1}"
    book.save(path)
    return rows


def _xlsx_cell(sheet: Any, value: Cell, *, bold: bool = False) -> Any:
    cell = WriteOnlyCell(sheet, clean(value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"  # a text stays a text, whatever it begins with
        cell.quotePrefix = value.lstrip(" ").startswith(FORMULA)
    elif isinstance(value, datetime):
        cell.number_format = _MOMENT
    if bold:
        cell.font = Font(bold=True)
    return cell
