"""Lines: the list, one line's page, its series."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from api.absence import Absence
from api.listing import Sort
from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Moment, Name, Query, SparseQuery, Standing, example
from api.schemas.tickets import TicketRow
from api.snapshot import LINE_FIELDS
from plant.fields import fields

State = Literal["up", "down", "los", "dying_gasp", "auth_failed", "disabled", "initializing", "unknown"]
Good = Literal["good", "not_good", "no_reading"]
FieldName = Annotated[str, Field(json_schema_extra={"enum": list(fields())})]


class LineFilters(Query):
    """Which lines."""

    area: Name | None = Field(default=None, description="An area's id.")
    grid: Name | None = Field(default=None, description="A grid's id.")
    device: Name | None = Field(default=None, description="A device's id.")
    pon: Name | None = Field(default=None, description="A PON port, written DEVICE/PON.")
    state: State | Literal["no_reading"] | None = Field(default=None, description="The state last told.")
    good: Good | None = Field(default=None, description="The judgement; see docs/api.md.")
    known: bool | None = Field(default=None, description="false: only ONTs that no lines file has.")
    q: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Part of a line's id, ONT serial, device or PON, or (by role) customer reference."
    )


class LinesQuery(LineFilters, SparseQuery):
    sort: Sort = Field(default="line_id", description="A figure; a leading minus sorts downwards.")
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="`next` of the page before."
    )
    skip: int = Field(
        default=0, ge=0, le=10**8,
        description="Leave out so many first: for a window into a long list. Lines that come or go shift it.",
    )  # fmt: skip


_ROW = {
    "line_id": "GZ-000017", "known": True, "area": "tianhe", "grid": "shipai", "device": "GZ-OLT-01", "pon": "0/1/3",
    "ont_index": 17, "splitter1": "S1", "splitter2": "S1-4", "technology": "gpon", "sold_mbps": 1000,
    "ont_serial": "HWTC0000A1B2", "customer_ref": None, "state": "up", "rx_dbm": -21.35, "olt_rx_dbm": -23.1,
    "margin_db": 5.65, "good": "good", "why": [], "last_reading": "2026-11-02T02:00:00Z",
}  # fmt: skip


class LineNow(Answer):
    """What the device said of one line when it was asked just now."""

    model_config = example(
        line_id="GZ-000017", device="GZ-OLT-01", time="2026-11-02T02:00:07Z",
        readings={"state": "up", "rx_dbm": -21.35, "olt_rx_dbm": -23.1, "tx_dbm": None}, quality={"tx_dbm": "sentinel"},
        notes=[], requests=2, seconds=0.4,
    )  # fmt: skip

    line_id: str
    device: str
    time: AwareDatetime = Field(description="When the device was asked.")
    readings: dict[str, float | str | None] = Field(description="Figures by field; null where there is none now.")
    quality: dict[str, str] = Field(description="Why a figure is null, by field.")
    notes: list[str] = Field(description="What was odd, or not asked for.")
    requests: int = Field(description="Requests that the device had to answer.")
    seconds: float


class LineRow(Answer):
    """One line in a list."""

    model_config = example(**_ROW)

    line_id: str
    known: bool = Field(description="false: an ONT found on a device and in no lines file.")
    area: str | None
    grid: str | None
    device: str | None
    pon: str | None = Field(description="As the device's profile writes it.")
    ont_index: int | None
    splitter1: str | None
    splitter2: str | None
    technology: str | None
    sold_mbps: int | None
    ont_serial: str | None = Field(description="The serial last told by the device, else that of the lines file.")
    customer_ref: str | None = Field(
        description="Masked; null for roles that do not need it. POST /lines/{id}/customer shows it by need."
    )
    state: State | None
    rx_dbm: float | None = Field(description="ONT receive power, dBm.")
    olt_rx_dbm: float | None = Field(description="Power the OLT receives from this ONT, dBm.")
    margin_db: float | None = Field(description="dB between the weaker direction and its limit; see docs/api.md.")
    good: Good
    why: list[str] = Field(description="What keeps the line from being good, by name; see /coverage.")
    last_reading: AwareDatetime | None


class LinesPage(Standing):
    model_config = example(as_of="2026-11-02T02:00:05Z", store_down_since=None, total=1, next=None, lines=[_ROW])

    total: int = Field(description="Lines that meet the filters.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")
    lines: list[LineRow]


class Reading(Answer):
    """The newest value of a field. `reason` says why there is none, or only an old one; see docs/api.md."""

    model_config = example(field="rx_dbm", value=-21.35, unit="dBm", time="2026-11-02T02:00:00Z", reason=None)

    field: FieldName
    value: float | int | str | None
    unit: str
    time: AwareDatetime | None
    reason: Absence | None


class Crumb(Answer):
    model_config = example(level="pon", id="GZ-OLT-01/0/1/3", name=None)

    level: Literal["area", "grid", "device", "pon", "splitter1", "splitter2", "line"]
    id: str
    name: str | None = Field(description="The name of an area or a grid.")


class Judgement(Answer):
    model_config = example(good="not_good", margin_db=-0.4, why=["margin"])

    good: Good
    margin_db: float | None
    why: list[str]


class Limit(Answer):
    """Between which values a figure is to be; null: no limit on that side."""

    model_config = example(field="rx_dbm", low=-27.0, high=-8.0, unit="dBm")

    field: FieldName
    low: float | None
    high: float | None
    unit: str


class Neighbours(Answer):
    """The other lines behind the nearest node they share."""

    model_config = example(place="splitter:GZ-OLT-01/0/1/3/S1/S1-4", total=1, lines=[_ROW])

    place: str | None = Field(description="The node, as kind:id; null for a line that hangs from nothing known.")
    total: int
    lines: list[LineRow] = Field(description="The first 64 of them, by id.")


class LinePage(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z",
        store_down_since=None,
        line=_ROW,
        breadcrumb=[{"level": "area", "id": "tianhe", "name": "天河"}],
        installed="2021-03-14",
        retrofitted=None,
        distance_m=1830.0,
        lat=23.13,
        lon=113.36,
        readings=[{"field": "rx_dbm", "value": -21.35, "unit": "dBm", "time": "2026-11-02T02:00:00Z", "reason": None}],
        judgement={"good": "good", "margin_db": 5.65, "why": []},
        limits=[{"field": "rx_dbm", "low": -27.0, "high": -8.0, "unit": "dBm"}],
        tickets=[],
        neighbours={"place": "splitter:GZ-OLT-01/0/1/3/S1/S1-4", "total": 0, "lines": []},
    )

    line: LineRow
    breadcrumb: list[Crumb] = Field(description="From the area to the line.")
    installed: str | None
    retrofitted: str | None
    distance_m: float | None
    lat: float | None = Field(description="Rounded to about a hundred metres, as `lon`.")
    lon: float | None
    readings: list[Reading]
    judgement: Judgement
    limits: list[Limit] = Field(description="Of the line's power budget; empty where it is not known.")
    tickets: list[TicketRow] = Field(description="Unfinished tickets that hit the line.")
    neighbours: Neighbours


def _are_fields(value: str) -> str:
    known = fields()
    for name in value.split(","):
        if name not in known:
            raise ValueError(f'"{name[:40]}" is not a field; fields: {", ".join(known)}')
    return value


FieldNames = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_are_fields)]


class SeriesQuery(Query):
    fields: FieldNames = Field(
        default="rx_dbm,olt_rx_dbm", description=f"Names joined by commas, of: {', '.join(LINE_FIELDS)}."
    )
    start: Moment | None = Field(default=None, description="First moment; a day before `end` if not given.")
    end: Moment | None = Field(default=None, description="First moment that is not told any more; now if not given.")
    resolution: Literal["auto", "raw", "hour", "day"] = "auto"


class Column(Answer):
    """One figure over time, a value for each of `times`; null where there was no reading."""

    model_config = example(field="rx_dbm", statistic=None, unit="dBm", values=[-21.35, None])

    field: FieldName
    statistic: str | None = Field(description="Of hours and days: min, mean, median, increase, … Null of readings.")
    unit: str
    values: list[float | int | str | None]


class Series(Answer):
    model_config = example(
        line_id="GZ-000017",
        resolution="raw",
        start="2026-11-01T02:00:00Z",
        end="2026-11-02T02:00:00Z",
        times=["2026-11-01T02:00:00Z", "2026-11-01T03:00:00Z"],
        columns=[{"field": "rx_dbm", "statistic": None, "unit": "dBm", "values": [-21.35, None]}],
    )

    line_id: str
    resolution: Literal["raw", "hour", "day"]
    start: AwareDatetime
    end: AwareDatetime
    times: list[AwareDatetime] = Field(description="When the device was asked; of hours and days, when they begin.")
    columns: list[Column]
