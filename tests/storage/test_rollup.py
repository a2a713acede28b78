"""Rollups agree with a plain pandas calculation, whatever order and however often the readings come."""

import random
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.batch import TIME
from storage.keyed import by_key, last_of_each_field
from storage.rollup import Readings, Windows, roll_up
from storage.windows import days, hours, zone_named

ZONE = "Asia/Shanghai"
START = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())
DAYS = 3
# Nights in which clocks are changed, or are far from whole hours: zone, and a day before it.
ODD_NIGHTS = [
    ("Asia/Urumqi", "2026-05-01"),
    ("Asia/Kathmandu", "2026-05-01"),  # 5 h 45 min
    ("America/New_York", "2026-03-07"),  # a day of 23 hours
    ("America/New_York", "2026-10-31"),  # of 25
    ("Australia/Lord_Howe", "2026-04-04"),  # half an hour back
    ("America/Havana", "2026-03-07"),  # no midnight: 0:00 is 1:00
    ("America/Havana", "2026-10-31"),  # two midnights
    ("Asia/Shanghai", "1991-09-14"),  # the last one in China
]

readings = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(0, DAYS * 24 * 4).map(lambda q: START + q * 900),
        st.one_of(st.none(), st.integers(-4000, 0).map(lambda v: v / 100)),
        st.one_of(st.none(), st.integers(0, 1000)),
        st.one_of(st.none(), st.sampled_from(["up", "down", "los"])),
    ),
    min_size=1,
    max_size=60,
)


def table_of(rows: list[tuple[str, int, float | None, int | None, str | None]]) -> pa.Table:
    line, time, rx, errors, state = zip(*rows, strict=True)
    return pa.table(
        {
            "line_id": pa.array(line),
            "time": pa.array([t * 1_000_000 for t in time], pa.int64()).cast(TIME),
            "seq": pa.array(range(len(rows)), pa.int64()),
            "rx_dbm": pa.array(rx, pa.float32()),
            "bip_errors": pa.array(errors, pa.int64()),
            "state": pa.array(state, pa.string()),
        }
    )


def rolled(table: pa.Table, level: str, zone: str = ZONE) -> pd.DataFrame:
    readings = Readings.of(last_of_each_field(*by_key(table)).drop_columns(["seq"]))
    start = hours(readings.times) if level == "hour" else days(readings.times, zone_named(zone))
    windows = Windows.of(readings, start, readings.lines, start)
    return roll_up(readings, windows, {}).to_pandas().set_index(["line_id", "time"]).sort_index()


def by_pandas(table: pa.Table, level: str, zone: str = ZONE) -> pd.DataFrame:
    """The same, said plainly."""
    frame = table.to_pandas().sort_values("seq")
    frame = frame.groupby(["line_id", "time"], as_index=False)[["rx_dbm", "bip_errors", "state"]].last()
    if level == "hour":
        frame["window"] = frame["time"].dt.floor("h")
    else:
        day = frame["time"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
        begins = day.dt.tz_localize(zone, ambiguous=np.ones(len(day), bool), nonexistent="shift_forward")
        frame["window"] = begins.dt.tz_convert("UTC")
    out = []
    for (line, window), group in frame.groupby(["line_id", "window"]):
        own = frame[frame["line_id"] == line]
        rx = group["rx_dbm"].dropna().astype(float)
        counter = own.dropna(subset=["bip_errors"])
        steps = counter["bip_errors"].diff()
        steps = steps.where(steps >= 0, counter["bip_errors"])
        steps = steps.where(counter["time"].diff() <= pd.Timedelta("24h"))
        states = own.dropna(subset=["state"])
        changed = (states["state"] != states["state"].shift()) & states["state"].shift().notna()
        mine = group["state"].dropna()
        out.append(
            {
                "line_id": line,
                "time": window,
                "rx_dbm_count": len(rx),
                "rx_dbm_min": rx.min(),
                "rx_dbm_max": rx.max(),
                "rx_dbm_mean": rx.mean(),
                "rx_dbm_median": rx.median(),
                "rx_dbm_q10": rx.quantile(0.1),
                "rx_dbm_q90": rx.quantile(0.9),
                "bip_errors_increase": steps[counter["window"] == window].sum(min_count=1),
                "state_up_share": (mine == "up").mean() if len(mine) else np.nan,
                "state_los_share": (mine == "los").mean() if len(mine) else np.nan,
                "state_changes": changed[states["window"] == window].sum() if len(mine) else np.nan,
            }
        )
    return pd.DataFrame(out).set_index(["line_id", "time"]).sort_index()


def compare(table: pa.Table, level: str, zone: str = ZONE) -> None:
    ours, plain = rolled(table, level, zone), by_pandas(table, level, zone)
    assert ours.index.tolist() == plain.index.tolist()
    for column in plain.columns:
        mine = ours[column] if column in ours else pd.Series(np.nan, ours.index)
        if column.endswith("_count"):
            mine = mine.fillna(0)  # no reading of the field in the window: the column is null
        np.testing.assert_allclose(
            mine.astype(float), plain[column].astype(float), rtol=1e-5, atol=1e-4, equal_nan=True, err_msg=column
        )


@settings(max_examples=100, deadline=None)
@given(rows=readings)
def test_rollups_are_what_pandas_says(rows: list[tuple[str, int, float | None, int | None, str | None]]) -> None:
    compare(table_of(rows), "hour")
    compare(table_of(rows), "day")


@pytest.mark.parametrize(("zone", "before"), ODD_NIGHTS)
def test_days_are_those_of_the_zone_in_odd_nights_too(zone: str, before: str) -> None:
    start = int(datetime.fromisoformat(before).replace(tzinfo=UTC).timestamp())
    chance = random.Random(zone + before)
    rows = [
        ("A", start + 900 * n, -chance.uniform(10, 30), n, chance.choice(["up", "los"])) for n in range(4 * 24 * DAYS)
    ]
    compare(table_of(rows), "day", zone)
    compare(table_of(rows), "hour", zone)


@settings(max_examples=50, deadline=None)
@given(rows=readings, order=st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(
    rows: list[tuple[str, int, float | None, int | None, str | None]], order: object
) -> None:
    unique = list({(r[0], r[1]): r for r in rows}.values())
    shuffled = unique + unique[: len(unique) // 2]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(rolled(table_of(unique), "day"), rolled(table_of(shuffled), "day"))


def test_a_32_bit_counter_that_wraps_goes_on() -> None:
    rows = [("A", START, None, 2**32 - 10, None), ("A", START + 900, None, 5, None)]
    assert rolled(table_of(rows), "day")["bip_errors_increase"].sum() == 15


def test_a_64_bit_counter_near_its_top_does_not_overflow() -> None:
    rows = [("A", START, None, 2**63 - 10, None), ("A", START + 900, None, 5, None)]
    assert rolled(table_of(rows), "day")["bip_errors_increase"].sum() == 15
