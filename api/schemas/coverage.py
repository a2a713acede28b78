"""Coverage: good rate by place, with the formula's parameters."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, Name, Query, Standing, example

Level = Literal["area", "grid", "device", "pon"]

_FIGURES: dict[str, Any] = {
    "lines": 512, "read": 500, "good": 480, "no_reading": 12, "good_rate": 0.96,
    "why_not": {"down": 4, "weak": 13, "overload": 0, "errors": 3, "slow": 0, "coax_level": 0},
}  # fmt: skip


class CoverageQuery(Query):
    by: Level = Field(default="area", description="What to count by.")
    area: Name | None = Field(default=None, description="Only lines of this area.")
    grid: Name | None = Field(default=None, description="Only lines of this grid.")
    device: Name | None = Field(default=None, description="Only lines of this device.")


class Figures(Answer):
    """`good_rate` is good ÷ read: a line without readings counts neither way. A line may have several faults."""

    model_config = example(**_FIGURES)

    lines: int
    read: int
    good: int
    no_reading: int
    good_rate: float | None = Field(description="Null where nothing was read.")
    why_not: dict[str, int] = Field(description="Lines that are not good, by reason.")


class Place(Figures):
    model_config = example(id="tianhe", name="天河", **_FIGURES)

    id: str | None = Field(description="Null: lines of which this is not known.")
    name: str | None


class Formula(Answer):
    """A line is good when it is up, within its budget with margin, free of uncorrectable errors, at the speed sold."""

    model_config = example(
        margin_db=1.0, bad_codewords=0, speed_share=0.9, coax_ds_power_dbmv=10, coax_ds_snr_db=30,
        coax_us_power_dbmv=[35, 51], coax_reflection_dbc=-20, fresh_hours=48,
    )  # fmt: skip

    margin_db: float = Field(description="At least so much over the receiver's sensitivity, in both directions, dB.")
    bad_codewords: float = Field(description="At most so many uncorrectable codewords in a day.")
    speed_share: float = Field(description="At least this share of the speed sold.")
    coax_ds_power_dbmv: float = Field(description="Downstream level within ± this, dBmV.")
    coax_ds_snr_db: float = Field(description="At least, dB.")
    coax_us_power_dbmv: list[float] = Field(
        min_length=2, max_length=2, description="Upstream level between these, dBmV."
    )
    coax_reflection_dbc: float = Field(description="At most, dBc.")
    fresh_hours: float = Field(description="Older than this, counted from the newest reading of all: no reading.")


class Coverage(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, newest_reading="2026-11-02T02:00:00Z", by="area",
        total=_FIGURES, places=[{"id": "tianhe", "name": "天河", **_FIGURES}],
        formula={
            "margin_db": 1.0, "bad_codewords": 0, "speed_share": 0.9, "coax_ds_power_dbmv": 10, "coax_ds_snr_db": 30,
            "coax_us_power_dbmv": [35, 51], "coax_reflection_dbc": -20, "fresh_hours": 48,
        },
    )  # fmt: skip

    newest_reading: AwareDatetime | None
    by: Level
    total: Figures
    places: list[Place]
    formula: Formula
