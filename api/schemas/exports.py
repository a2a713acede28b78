"""What is exported and drawn on maps."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.exporting import Format
from api.schemas.base import Answer, Moment, Name, Query, example
from api.schemas.lines import FieldNames, Good, LineFilters
from maintenance.transitions import State as TicketState

LONGEST_MAP = 10_000


class LinesExport(LineFilters):
    format: Format = "arrow"


class TicketsExport(Query):
    format: Format = "arrow"
    area: Name | None = None
    state: TicketState | Literal["unfinished"] | None = None


class ReadingsExport(LineFilters):
    format: Format = "arrow"
    fields: FieldNames = Field(
        default="rx_dbm,olt_rx_dbm", description="Names joined by commas, as of a line's series."
    )
    start: Moment | None = Field(default=None, description="First moment; a day before `end` if not given.")
    end: Moment | None = Field(default=None, description="First moment that is not told any more; now if not given.")
    resolution: Literal["raw", "hour", "day"] = "raw"


class MapQuery(LineFilters):
    limit: int = Field(default=1000, ge=1, le=LONGEST_MAP)
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = Field(
        default=None, description="`next` of the page before."
    )


class Geometry(Answer):
    model_config = example(type="Point", coordinates=[113.361, 23.131])

    type: Literal["Point", "Polygon"]
    coordinates: list[Any] = Field(description="Longitude before latitude, rounded to about a hundred metres.")


_LINE = {
    "type": "Feature", "id": "GZ-000017", "geometry": {"type": "Point", "coordinates": [113.361, 23.131]},
    "properties": {"area": "tianhe", "grid": "shipai", "state": "up", "good": "good", "margin_db": 5.65},
}  # fmt: skip


class LineProperties(Answer):
    model_config = example(**_LINE["properties"])  # type: ignore[arg-type]

    area: str | None
    grid: str | None
    state: str | None
    good: Good
    margin_db: float | None


class LineFeature(Answer):
    model_config = example(**_LINE)

    type: Literal["Feature"]
    id: str
    geometry: Geometry
    properties: LineProperties


class LineMap(Answer):
    """GeoJSON (RFC 7946); `next` is a foreign member."""

    model_config = example(type="FeatureCollection", features=[_LINE], next=None)

    type: Literal["FeatureCollection"]
    features: list[LineFeature] = Field(description="Lines of which a place is known, by id.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


_GRID = {
    "type": "Feature", "id": "tianhe/shipai", "geometry": {"type": "Point", "coordinates": [113.361, 23.131]},
    "properties": {"area": "tianhe", "grid": "shipai", "lines": 512, "good": 480, "not_good": 20, "no_reading": 12},
}  # fmt: skip


class GridProperties(Answer):
    model_config = example(**_GRID["properties"])  # type: ignore[arg-type]

    area: str | None
    grid: str
    lines: int
    good: int
    not_good: int
    no_reading: int


class GridFeature(Answer):
    model_config = example(**_GRID)

    type: Literal["Feature"]
    id: str
    geometry: Geometry | None = Field(description="What encloses its lines; null where no place is known.")
    properties: GridProperties


class GridMap(Answer):
    """GeoJSON (RFC 7946)."""

    model_config = example(type="FeatureCollection", features=[_GRID])

    type: Literal["FeatureCollection"]
    features: list[GridFeature]
