"""A technician's day: each visit with all that is needed on site, in one answer that a phone keeps."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.schemas.base import Answer, Moment, Name, Query, example
from api.schemas.tickets import TICKET, Choice, LogEntry, Possible, TicketPage, TicketRow

_LINE: dict[str, Any] = {
    "line_id": "GZ-000017", "area": "tianhe", "grid": "shipai", "device": "GZ-OLT-01", "pon": "0/1/3",
    "splitter1": "S1", "splitter2": "S1-0", "lat": 23.14, "lon": 113.36, "state": "up", "rx_dbm": -28.3,
    "olt_rx_dbm": -29.0, "margin_db": -1.3,
}  # fmt: skip
_SERIES: dict[str, Any] = {
    "line_id": "GZ-000017", "days": ["2026-11-01", "2026-11-02"], "rx_dbm": [-27.9, -28.3], "olt_rx_dbm": [None, -29.0],
}  # fmt: skip
_PHOTO: dict[str, Any] = {
    "digest": "0" * 64, "at": "2026-11-02T03:00:00Z", "actor": "li", "width": 1536, "height": 2048, "bytes": 400000,
}  # fmt: skip
_VISIT: dict[str, Any] = {
    "ticket": TICKET, "lines": [_LINE], "bring_en": "one-click cleaner", "bring_zh": "清洁笔",
    "evidence": {"rx_dbm": {"value": -24.1, "unit": "dBm"}}, "series": _SERIES,
    "possible": [{"action": "start", "to": "on_site", "needs": [], "choices": {}}], "photos": [_PHOTO], "log": [],
}  # fmt: skip


class VisitLine(Answer):
    """Where a line hangs and what it reads now. Coordinates are rounded as everywhere."""

    model_config = example(**_LINE)

    line_id: str
    area: str | None
    grid: str | None
    device: str | None
    pon: str | None
    splitter1: str | None
    splitter2: str | None
    lat: float | None
    lon: float | None
    state: str | None
    rx_dbm: float | None
    olt_rx_dbm: float | None
    margin_db: float | None


class VisitSeries(Answer):
    """Daily medians of the first line's light, to draw."""

    model_config = example(**_SERIES)

    line_id: str
    days: list[str]
    rx_dbm: list[float | None]
    olt_rx_dbm: list[float | None]


class Photo(Answer):
    model_config = example(**_PHOTO)

    digest: str = Field(description="GET /visits/{id}/photos/{digest} gives it.")
    at: AwareDatetime
    actor: str
    width: int
    height: int
    bytes: int


class SiteVisit(Answer):
    model_config = example(**_VISIT)

    ticket: TicketRow
    lines: list[VisitLine] = Field(description="The first 20.")
    bring_en: str
    bring_zh: str
    evidence: dict[str, Any] = Field(description="`verification` holds before and after of the last repair.")
    series: VisitSeries | None = Field(description="Null where the store cannot be asked now.")
    possible: list[Possible]
    photos: list[Photo]
    log: list[LogEntry] = Field(description="The last ten entries.")


class Day(Answer):
    """All of a technician's visits; the phone keeps it for where there is no reception."""

    model_config = example(
        as_of="2026-11-02T02:00:05Z", engineer="陈建国", visits=[_VISIT],
        cause_codes=[{"code": "connector", "en": "Dirty or loose connector", "zh": "活接头脏污或松动"}],
        action_codes=[{"code": "cleaned_connector", "en": "Cleaned connector", "zh": "清洁接头"}],
    )  # fmt: skip

    as_of: AwareDatetime
    engineer: str
    visits: list[SiteVisit] = Field(description="Appointments first, by time; then by urgency. 20 at most.")
    cause_codes: list[Choice]
    action_codes: list[Choice]


class DayQuery(Query):
    engineer: Name | None = Field(default=None, description="Whose day; the caller's own by default.")


class StepRequest(BaseModel):
    """What was done on site, maybe hours ago without reception. `version`: of the ticket as the phone knew it."""

    model_config = example(
        action="resolve", version=4, done_at="2026-11-02T03:00:00Z", cause_code="connector",
        action_code="cleaned_connector",
    )  # fmt: skip

    action: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
    done_at: Moment
    note: Annotated[str, StringConstraints(max_length=2000)] = ""
    engineer: Name | None = None
    appointment_at: Moment | None = None
    cause_code: Name | None = None
    action_code: Name | None = None
    part: Name | None = None
    expected_at: Moment | None = None


class StepTaken(Answer):
    model_config = example(outcome="done", why="", ticket=TicketPage.model_config["json_schema_extra"]["example"])  # type: ignore[index]

    outcome: Literal["done", "kept"] = Field(
        description="kept: the ticket had gone on meanwhile, so it stands in the log instead."
    )
    why: str
    ticket: TicketPage
