"""The service itself: health, system, session, retrofit."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, Standing, example

PartState = Literal["well", "troubled", "down", "not_running"]


class Alive(Answer):
    model_config = example(status="alive")

    status: Literal["alive"] = "alive"


class Part(Answer):
    model_config = example(name="store", state="well", detail="", since=None)

    name: str
    state: PartState
    detail: str = Field(description="In plain words; empty when it is well.")
    since: AwareDatetime | None


class LinesHealth(Answer):
    model_config = example(
        total=1000, by_state={"up": 985, "los": 3, "no_reading": 12}, good=930, not_good=58, no_reading=12,
        good_rate=0.9413, at_risk=21,
    )  # fmt: skip

    total: int
    by_state: dict[str, int]
    good: int
    not_good: int
    no_reading: int
    good_rate: float | None = Field(description="See /coverage; null while nothing has been read.")
    at_risk: int = Field(description="Lines hit by an unfinished ticket.")


class TicketsHealth(Answer):
    model_config = example(
        unfinished=14, overdue=1, by_grade={"P1": 0, "P2": 3, "P3": 8, "P4": 3}, by_state={"open": 4, "assigned": 10}
    )

    unfinished: int
    overdue: int
    by_grade: dict[str, int]
    by_state: dict[str, int]


class Health(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z",
        store_down_since=None,
        state="well",
        simulated=False,
        lines={
            "total": 1000, "by_state": {"up": 988, "no_reading": 12}, "good": 930, "not_good": 58, "no_reading": 12,
            "good_rate": 0.9413, "at_risk": 21,
        },
        tickets={"unfinished": 14, "overdue": 1, "by_grade": {"P1": 0}, "by_state": {"open": 4}},
        parts=[{"name": "store", "state": "well", "detail": "", "since": None}],
    )  # fmt: skip

    state: Literal["well", "troubled", "down"] = Field(description="The worst of the parts.")
    simulated: bool
    lines: LinesHealth
    tickets: TicketsHealth
    parts: list[Part]


class StoreFigures(Answer):
    model_config = example(
        kind="embedded", healthy=True, detail="", newest_reading="2026-11-02T02:00:00Z", figures={"bytes": 1.0e6}
    )

    kind: str
    healthy: bool
    detail: str
    newest_reading: AwareDatetime | None
    figures: dict[str, float]


class System(Answer):
    model_config = example(
        version="0.1.0", simulated=False, now="2026-11-02T02:00:05Z", zone="Asia/Shanghai",
        started_at="2026-11-01T00:00:00Z", figures_as_of="2026-11-02T02:00:00Z", store_down_since=None,
        store={"kind": "embedded", "healthy": True, "detail": "", "newest_reading": None, "figures": {}},
        areas=[], fields=[],
    )  # fmt: skip

    version: str
    simulated: bool = Field(description="True: the plant is not real, and every page must say so.")
    now: AwareDatetime
    zone: str = Field(description="The operator's time zone.")
    started_at: AwareDatetime
    figures_as_of: AwareDatetime | None
    store_down_since: AwareDatetime | None
    store: StoreFigures
    areas: list["AreaName"] = Field(description="Those the caller may see.")
    fields: list["FieldName"] = Field(description="Every figure: its unit and its name in both languages.")


class GridName(Answer):
    id: str
    name: str
    engineer: str | None


class AreaName(Answer):
    model_config = example(id="tianhe", name="天河", grids=[{"id": "shipai", "name": "石牌网格", "engineer": None}])

    id: str
    name: str
    grids: list[GridName]


class FieldName(Answer):
    model_config = example(
        name="rx_dbm", of="line", kind="gauge", unit="dBm", decimals=2, en="ONT receive power", zh="ONT接收光功率"
    )

    name: str
    of: Literal["line", "pon", "coax"]
    kind: Literal["gauge", "counter", "state", "text"]
    unit: str
    decimals: int
    en: str
    zh: str


class Month(Answer):
    model_config = example(month="2026-01", done=120, total=120, planned_total=666.7)

    month: str
    done: int
    total: int = Field(description="Done up to the month's end.")
    planned_total: float | None = Field(description="Where a straight line to the target would be.")


class YearForecast(Answer):
    model_config = example(low=7200.0, mid=7900.0, high=8600.0, months=9, reason="")

    low: float | None
    mid: float | None
    high: float | None
    months: int = Field(description="Complete months it rests on.")
    reason: str = Field(description="Why there is none.")


_TARGET = {
    "target": 8000, "done": 120, "share": 0.015, "months": [], "reached": False,
    "forecast": {"low": None, "mid": None, "high": None, "months": 1, "reason": "1 complete months; 3 are needed"},
}  # fmt: skip


class TargetProgress(Answer):
    model_config = example(**_TARGET)

    target: int | None
    done: int
    share: float | None
    months: list[Month]
    forecast: YearForecast
    reached: bool | None


_AREA = {
    "area": "tianhe", "name": "天河", "to_do": 800, "planned": 40, "done": 200, "done_this_year": 120,
    "by_month": {"2026-01": 120}, "planned_by_month": {"2026-03": 40}, "share": 0.2,
}  # fmt: skip


class AreaProgress(Answer):
    """Old lines of one area."""

    model_config = example(**_AREA)

    area: str | None
    name: str
    to_do: int
    planned: int
    done: int
    done_this_year: int
    by_month: dict[str, int]
    planned_by_month: dict[str, int]
    share: float | None = Field(description="Done of all old lines there were.")


class Retrofit(Answer):
    """Old lines replaced and homes covered, against the year's targets. The targets are the whole operator's."""

    model_config = example(day="2026-02-10", year=2026, areas=[_AREA], retrofit=_TARGET, covered_hosts=_TARGET)

    day: str
    year: int
    areas: list[AreaProgress]
    retrofit: TargetProgress
    covered_hosts: TargetProgress
