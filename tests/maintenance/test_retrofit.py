"""Retrofit and coverage against the year's target, counted from the inventory, with an honest forecast."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from maintenance.retrofit import forecast_year, progress
from plant.inventory import LINE_SCHEMA, Inventory, YearTarget


def plant_with(inventory: Inventory, rows: list[tuple[str, str, date | None]], **target: object) -> Inventory:
    """Old and new lines: (device, technology, retrofitted)."""
    lines = [
        {
            "line_id": f"R{n}",
            "device": device,
            "pon": "0/1",
            "ont_serial": "",
            "technology": technology,
            "retrofitted": day,
        }
        for n, (device, technology, day) in enumerate(rows)
    ]
    targets = {2026: YearTarget(2026, **target)} if target else {}  # type: ignore[arg-type]
    return replace(inventory, lines=pa.Table.from_pylist(lines, schema=LINE_SCHEMA), targets=targets)


@pytest.fixture
def plant(inventory: Inventory) -> Inventory:
    rows: list[tuple[str, str, date | None]] = [("OLT1", "coax", None)] * 30
    rows += [("OLT1", "gpon", date(2026, month, 9)) for month in range(1, 6) for _ in range(month + 3)]
    rows += [("OLT2", "gpon", date(2025, 7, 1)), ("OLT2", "coax", date(2026, 9, 1)), ("OLT2", "gpon", None)]
    rows += [("gone", "coax", None)]
    return plant_with(
        inventory, rows, retrofit_lines=60, covered_hosts=1200, covered={"2026-01": 90, "2026-02": 110, "2026-03": 100}
    )


def test_old_lines_are_counted_by_area_done_and_to_do(plant: Inventory) -> None:
    found = progress(plant, date(2026, 5, 20))
    east, west, nowhere = found.areas
    assert (east.area, east.name, east.to_do, east.done, east.done_this_year) == ("east", "东区", 30, 30, 30)
    assert east.by_month == {"2026-01": 4, "2026-02": 5, "2026-03": 6, "2026-04": 7, "2026-05": 8}
    assert east.share == 0.5
    assert (west.to_do, west.planned, west.done, west.done_this_year) == (1, 1, 1, 0)
    assert west.planned_by_month == {"2026-09": 1}
    assert (nowhere.area, nowhere.to_do) == (None, 1)


def test_the_year_is_set_against_its_target_month_by_month(plant: Inventory) -> None:
    retrofit = progress(plant, date(2026, 5, 20)).retrofit
    assert (retrofit.target, retrofit.done, retrofit.share, retrofit.reached) == (60, 30, 0.5, False)
    assert [(m.month, m.done, m.total, m.planned_total) for m in retrofit.months][-1] == ("2026-05", 8, 30, 25.0)
    assert retrofit.forecast.months == 4
    assert retrofit.forecast.mid == 4 + 5 + 6 + 7 + 8 * 5.5
    assert retrofit.forecast.low is not None
    assert retrofit.forecast.high is not None
    assert retrofit.done <= retrofit.forecast.low < retrofit.forecast.mid < retrofit.forecast.high


def test_months_nobody_reported_are_unknown_not_zero(plant: Inventory) -> None:
    covered = progress(plant, date(2026, 5, 20)).covered_hosts
    assert [m.month for m in covered.months] == ["2026-01", "2026-02", "2026-03"]
    assert (covered.done, covered.forecast.mid) == (300, 1200.0)


def test_too_few_months_give_no_forecast_but_the_reason(plant: Inventory) -> None:
    forecast = progress(plant, date(2026, 2, 20)).retrofit.forecast
    assert (forecast.low, forecast.mid, forecast.high) == (None, None, None)
    assert forecast.reason == "1 complete months; 3 are needed for a forecast"


def test_no_target_and_no_old_lines_are_said_as_such(inventory: Inventory) -> None:
    found = progress(inventory, date(2026, 5, 20))
    assert (found.retrofit.target, found.retrofit.share, found.retrofit.reached) == (None, None, None)
    assert [a.share for a in found.areas] == [None, None]
    empty = replace(inventory, lines=LINE_SCHEMA.empty_table(), areas={})
    assert progress(empty, date(2026, 5, 20)).areas == ()


def test_progress_is_ready_for_json(plant: Inventory) -> None:
    told = json.loads(json.dumps(progress(plant, date(2026, 5, 20)).to_json()))
    assert told["day"] == "2026-05-20"
    assert told["areas"][0]["share"] == 0.5


def test_the_interval_holds_nine_years_in_ten() -> None:
    """Months drawn from one distribution: the year's total lies inside in about 90 % of cases."""
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(2000):
        months = rng.normal(1000, 150, 12).round().astype(int)
        f = forecast_year(months[:6].tolist(), int(months[:6].sum()), 6)
        assert f.low is not None
        assert f.high is not None
        inside += f.low <= months.sum() <= f.high
    assert 0.88 <= inside / 2000 <= 0.92
