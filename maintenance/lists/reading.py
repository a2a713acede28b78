"""Rows of a CSV or XLSX list that somebody else made: any of the usual encodings, within limits, nothing executed."""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from maintenance.errors import InputError
from maintenance.lists.columns import ALIASES, FORMULA

LONGEST = 64 << 20  # bytes of a file
UNPACKED = 512 << 20  # bytes of what an XLSX unpacks to
MOST_ROWS = 200_000


@dataclass(frozen=True)
class Row:
    """One row: its number as the spreadsheet shows it, and its texts by our names; empty ones are left out."""

    number: int
    cells: dict[str, str]


def read(path: Path) -> Iterator[Row]:
    """The rows of a list. InputError for a file that is none, or whose titles name neither a place nor a line."""
    size = path.stat().st_size
    if size > LONGEST:
        raise InputError(f"{path.name} has {size:,} bytes; at most {LONGEST:,} are read: split it")
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise InputError(f"{path.name} ends neither in .xlsx nor in .csv; save it as one of them")
    raw = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    titles: list[str | None] | None = None
    for number, values in enumerate(raw, 1):
        texts = [_text(value) for value in values]
        if not any(texts):
            continue
        if titles is None:
            titles = [_name(text) for text in texts]
            if not {"place", "line"} & set(titles):
                known = ", ".join((*ALIASES["place"], *ALIASES["line"]))
                raise InputError(f"{path.name}: row {number} should hold the titles, one of them among: {known}")
            continue
        if number > MOST_ROWS:
            raise InputError(f"{path.name} has more than {MOST_ROWS:,} rows; split it")
        yield Row(number, {name: text for name, text in zip(titles, texts, strict=False) if name and text})


def _csv(path: Path) -> Iterator[Sequence[Any]]:
    data = path.read_bytes()
    for encoding in ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise InputError(f"{path.name} is neither UTF-8 nor GB18030; save it as CSV UTF-8")
    first = text.split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise InputError(f"{path.name} is not readable as CSV: {error}") from None


def _xlsx(path: Path) -> Iterator[Sequence[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
        if unpacked > UNPACKED:
            raise InputError(f"{path.name} unpacks to {unpacked:,} bytes; at most {UNPACKED:,} are read: split it")
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            yield from book.worksheets[0].iter_rows(values_only=True)
        finally:
            book.close()
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, ParseError,
            DefusedXmlException) as error:  # fmt: skip
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path.name} is not readable as XLSX; save it anew in Excel ({type(error).__name__})"
        ) from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # Excel keeps every number as a float: 4 is not "4.0"
    text = str(value).strip()
    return text[1:] if text.startswith("'") and text[1:].lstrip(" ").startswith(FORMULA) else text


def _name(title: str) -> str | None:
    """Our name for a title; of "位置 place" either half will do."""
    words = (title.strip().lower(), *title.strip().lower().split())
    return next((name for name, known in ALIASES.items() if any(word in known for word in words)), None)
