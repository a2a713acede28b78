"""ONTs that no lines file has."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from api.exporting import Format
from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Name, Query, Standing, example
from api.schemas.lines import Good, State


class UnknownFilters(Query):
    area: Name | None = Field(default=None, description="An area's id.")
    device: Name | None = Field(default=None, description="A device's id.")
    pon: Name | None = Field(default=None, description="A PON port, written DEVICE/PON.")
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Part of its name, device or PON."
    )


class UnknownQuery(UnknownFilters):
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="`next` of the page before."
    )


class UnknownExport(UnknownFilters):
    format: Format = "csv"


_ROW = {
    "line_id": "GZ-OLT-01/0/1/3/99", "area": "tianhe", "device": "GZ-OLT-01", "pon": "0/1/3", "ont_index": 99,
    "ont_serial": "HWTC0000A1B2", "state": "up", "rx_dbm": -21.35, "olt_rx_dbm": -23.1, "margin_db": 5.65,
    "good": "good", "since": "2026-10-30", "last_reading": "2026-11-02T02:00:00Z", "same_serial": None,
    "file": "lines/tianhe.csv", "columns": "line_id,device,pon,ont_serial,ont_index",
    "row": "GZ-OLT-01/0/1/3/99,GZ-OLT-01,0/1/3,HWTC0000A1B2,99",
}  # fmt: skip


class SameSerial(Answer):
    """A line of the files with this serial: the ONT was moved, and the line is to be corrected, not added."""

    model_config = example(line_id="GZ-000017", device="GZ-OLT-02", pon="0/1/1")

    line_id: str
    device: str | None
    pon: str | None


class UnknownOnt(Answer):
    model_config = example(**_ROW)

    line_id: str = Field(description="The name it goes by: its history is kept under it.")
    area: str | None
    device: str | None
    pon: str | None
    ont_index: int | None
    ont_serial: str | None
    state: State | None
    rx_dbm: float | None
    olt_rx_dbm: float | None
    margin_db: float | None
    good: Good
    since: date | None = Field(description="First day it was seen within the last ninety; null: no day is complete.")
    last_reading: AwareDatetime | None
    same_serial: SameSerial | None
    file: str | None = Field(description="The lines file that most lines of its device stand in.")
    columns: str = Field(description="Columns of that file, in their order.")
    row: str = Field(description="What to add there.")


class UnknownPage(Standing):
    model_config = example(as_of="2026-11-02T02:00:05Z", store_down_since=None, total=1, next=None, onts=[_ROW])

    total: int
    next: str | None = Field(description="Cursor of the next page; null on the last.")
    onts: list[UnknownOnt]
