"""Retrofit of old lines and homes newly covered, against the year's target, with a plain forecast. Pure.

Old lines to do are those whose technology is coax and that carry no `retrofitted` date; done are those that carry one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from math import sqrt
from typing import Any

import numpy as np
import pyarrow.compute as pc
from scipy.stats import t as student

from plant.inventory import Inventory

FEWEST_MONTHS = 3  # two months make a line through two points: no interval
CONFIDENCE = 0.9


@dataclass(frozen=True)
class YearForecast:
    """The year's total if the complete months so far go on alike: `low` and `high` bound 90 %. None without enough
    months; `reason` then says so."""

    low: float | None
    mid: float | None
    high: float | None
    months: int
    reason: str = ""


@dataclass(frozen=True)
class Month:
    """One month of the year: done in it, done up to its end, and where a straight line to the target would be."""

    month: str
    done: int
    total: int
    planned_total: float | None


@dataclass(frozen=True)
class AreaProgress:
    """Old lines of one area: still to do, of those planned (their retrofit date is still to come), done ever and this
    year; `by_month` counts those done this year and `planned_by_month` those to come, by month ("YYYY-MM"). `area` is
    None for lines whose device and grid are in no area."""

    area: str | None
    name: str
    to_do: int
    planned: int
    done: int
    done_this_year: int
    by_month: dict[str, int]
    planned_by_month: dict[str, int]

    @property
    def share(self) -> float | None:
        """Done of all old lines there were; None where there were none."""
        return self.done / (self.done + self.to_do) if self.done + self.to_do else None


@dataclass(frozen=True)
class TargetProgress:
    """A figure against the year's target (None: no target was set). Months from January to the current one."""

    target: int | None
    done: int
    share: float | None
    months: tuple[Month, ...]
    forecast: YearForecast
    reached: bool | None


@dataclass(frozen=True)
class RetrofitProgress:
    """Where the retrofit stands on a day, by area and against the year's targets."""

    day: date
    year: int
    areas: tuple[AreaProgress, ...]
    retrofit: TargetProgress
    covered_hosts: TargetProgress

    def to_json(self) -> dict[str, Any]:
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


def progress(inventory: Inventory, today: date) -> RetrofitProgress:
    """How far the year's retrofit and coverage are on `today`, from the inventory alone."""
    table = inventory.lines.select(["device", "grid", "technology", "retrofitted"])
    old = pc.or_(pc.fill_null(pc.equal(table["technology"], "coax"), False), pc.is_valid(table["retrofitted"]))
    counted = table.filter(old).group_by(["device", "grid", "retrofitted"]).aggregate([([], "count_all")]).to_pylist()
    area_of_grid = {g.id: a.id for a in inventory.areas.values() for g in a.grids}
    to_do: Counter[str | None] = Counter()
    done: Counter[str | None] = Counter()
    this_year: dict[str | None, Counter[str]] = {}
    planned: dict[str | None, Counter[str]] = {}
    for row in counted:
        device = inventory.devices.get(row["device"])
        area = device.area if device else area_of_grid.get(row["grid"])
        day: date | None = row["retrofitted"]
        n = int(row["count_all"])
        if day is None or day > today:
            to_do[area] += n
            if day is not None:
                planned.setdefault(area, Counter())[f"{day:%Y-%m}"] += n
            continue
        done[area] += n
        if day.year == today.year:
            this_year.setdefault(area, Counter())[f"{day:%Y-%m}"] += n
    target = inventory.targets.get(today.year)
    by_month: Counter[str] = sum(this_year.values(), Counter())
    known: list[str | None] = [*sorted(inventory.areas)]
    names = {a.id: a.name for a in inventory.areas.values()}
    areas = []
    for area in (*known, *sorted({*to_do, *done} - set(known), key=str)):
        of_year, coming = this_year.get(area, Counter()), planned.get(area, Counter())
        areas.append(
            AreaProgress(
                area, names.get(area or "", ""), to_do[area], coming.total(), done[area], of_year.total(),
                dict(sorted(of_year.items())), dict(sorted(coming.items())),
            )
        )  # fmt: skip
    covered = dict(target.covered) if target else {}
    return RetrofitProgress(
        today, today.year, tuple(areas),
        _against(target.retrofit_lines if target else None, by_month, today, reported=False),
        _against(target.covered_hosts if target else None, covered, today, reported=True),
    )  # fmt: skip


def forecast_year(complete: Sequence[int], done: int, months_left: int) -> YearForecast:
    """The year's total from complete months: what they hold, plus `months_left` months at
    their mean rate; never below what is `done` already.

    The interval is that of a sum of new months around an estimated mean (Student's t): months vary, and the mean itself
    is only known from as many months as there were.
    """
    n = len(complete)
    if n < FEWEST_MONTHS:
        return YearForecast(None, None, None, n, f"{n} complete months; {FEWEST_MONTHS} are needed for a forecast")
    values = np.asarray(complete, dtype=np.float64)
    mid = sum(complete) + months_left * float(values.mean())
    spread = float(values.std(ddof=1)) * sqrt(months_left + months_left**2 / n)
    half = float(student.ppf(0.5 + CONFIDENCE / 2, n - 1)) * spread
    low, middle, high = (max(round(v, 1), float(done)) for v in (mid - half, mid, mid + half))
    return YearForecast(low, middle, high, n)


def _against(target: int | None, by_month: dict[str, int], today: date, *, reported: bool) -> TargetProgress:
    """Months so far against a target. `reported`: a month without a figure is unknown; otherwise it is 0."""
    names = [f"{today.year}-{m:02d}" for m in range(1, 13)]
    months, total = [], 0
    for number, name in enumerate(names[: today.month], start=1):
        if reported and name not in by_month:
            continue
        total += by_month.get(name, 0)
        months.append(Month(name, by_month.get(name, 0), total, target * number / 12 if target is not None else None))
    complete = [m.done for m in months if int(m.month[5:]) < today.month]
    # the running month is forecast as a whole (what it holds already is no more than a lower bound), and so is every
    # month that was not reported
    forecast = forecast_year(complete, total, 12 - len(complete))
    return TargetProgress(
        target, total, total / target if target else None, tuple(months), forecast,
        None if target is None else total >= target,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        told = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {**told, "share": value.share} if isinstance(value, AreaProgress) else told
    return value
