"""However readings arrive, and whenever rollups run between, the rollups end as if everything had come in order."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from plant.batch import Batch
from plant.matrix import ALL
from storage import rolling
from storage.embedded import touched
from storage.influx import pending
from storage.keyed import by_key
from storage.opening import open_store
from storage.protocol import TelemetryStore
from storage.rollup import Readings, Windows, roll_up
from storage.schema import statistics_of
from storage.windows import days, hours, zone_named

START = datetime(2026, 5, 1, tzinfo=UTC)
FIELDS = ["rx_dbm", "bip_errors", "state", "ont_serial"]
ZONE = zone_named("Asia/Shanghai")


def plant_of(seed: int) -> Batch:
    """Three lines over a month: bursts of readings, then silence for hours or days; fields come and go."""
    chance = random.Random(seed)
    ids, times = [], []
    columns: dict[str, list[object]] = {name: [] for name in FIELDS}
    for line in ("A", "B", "天河-3"):
        at = START
        errors = 0
        for _ in range(60):
            at += timedelta(minutes=chance.choice([5, 30, 60, 60, 60, 700, 3000, 9000]))
            errors = errors + chance.randrange(50) if chance.random() < 0.9 else chance.randrange(5)
            ids.append(line)
            times.append(at)
            columns["rx_dbm"].append(round(chance.uniform(-30, -10), 2) if chance.random() < 0.7 else None)
            columns["bip_errors"].append(errors if chance.random() < 0.6 else None)
            columns["state"].append(chance.choice(["up", "up", "los"]) if chance.random() < 0.8 else None)
            columns["ont_serial"].append(chance.choice(["S1", "S1", "S2"]) if chance.random() < 0.3 else None)
    return Batch.of("OLT", "all", times, ids, columns)


def parts_of(batch: Batch, seed: int, most: int) -> list[Batch]:
    """The batch's rows in any order, some of them twice, in a few pieces."""
    chance = random.Random(seed)
    order = [*range(len(batch)), *chance.sample(range(len(batch)), len(batch) // 4)]
    chance.shuffle(order)
    cuts = sorted(chance.sample(range(1, len(order)), most - 1))
    return [
        Batch("OLT", "all", batch.table.take(order[a:b])) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_rollups_between_do_not_change_where_they_end(store: TelemetryStore, seed: int) -> None:
    whole = plant_of(seed)
    for part in parts_of(whole, seed, 6):
        await store.append([part])
        await store.rollup()
    readings = Readings.of(by_key(whole.table)[0])
    for resolution, start in (("hour", hours(readings.times)), ("day", days(readings.times, ZONE))):
        expected = roll_up(readings, Windows.of(readings, start, readings.lines, start), {})
        for line in ("A", "B", "天河-3"):
            mine = await store.series(line, FIELDS, START - timedelta(days=1), START + timedelta(days=900), resolution)  # type: ignore[arg-type]
            one = expected.filter(np.array(expected["line_id"].to_pylist()) == line)
            names = [n for n in statistics_of(FIELDS) if n in one.column_names]
            told = [row for row in one.select(["time", *names]).to_pylist() if any(row[n] is not None for n in names)]
            assert mine.select(["time", *names]).to_pylist() == told


async def test_much_at_once_is_rolled_up_in_parts_and_ends_the_same(
    store: TelemetryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await open_store(f"delta:{tmp_path / 'whole'}")
    for seed in range(5):
        table = plant_of(seed).table
        ids = pc.binary_join_element_wise(table["line_id"], str(seed), "-")
        batch = Batch("OLT", "all", table.set_column(table.column_names.index("line_id"), "line_id", ids))
        await asyncio.gather(store.append([batch]), whole.append([batch]))
    report = await whole.rollup()
    for module, most in ((rolling, 70), (touched, 130), (pending, 130)):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", most)
    assert replace(await store.rollup(), seconds=report.seconds) == report
    for line in (await store.lines_seen()).to_pylist():
        for resolution in ("hour", "day"):
            asked = (line, FIELDS, START, START + timedelta(days=900), resolution)
            assert (await store.series(*asked)).equals(await whole.series(*asked))  # type: ignore[arg-type]
    latest = await store.latest(ALL, FIELDS)
    assert latest.equals(await whole.latest(ALL, FIELDS))
    await whole.close()


async def test_a_word_that_changed_while_nobody_asked_is_counted_once_it_is_read(store: TelemetryStore) -> None:
    async def told(day: int, serial: str) -> None:
        await store.append([Batch.of("OLT", "identity", START + timedelta(days=day), ["A"], {"ont_serial": [serial]})])
        await store.rollup()

    await told(0, "S1")
    await told(40, "S2")
    first, last = date(2026, 5, 1), date(2026, 7, 1)
    changes = (await store.matrix(ALL, "ont_serial", "changes", first, last)).values[0]
    assert (changes[0], changes[40], np.nansum(changes)) == (0, 1, 1)
    await told(20, "S2")  # arrives late: the swap was earlier than it seemed
    changes = (await store.matrix(ALL, "ont_serial", "changes", first, last)).values[0]
    assert (changes[20], changes[40], np.nansum(changes)) == (1, 0, 1)


async def test_a_late_level_moves_one_hour_and_one_day(store: TelemetryStore) -> None:
    hourly = [START + timedelta(hours=h) for h in range(200)]
    await store.append([Batch.of("OLT", "optics", hourly, [line] * 200, {"rx_dbm": [-20.0] * 200}) for line in "AB"])
    await store.rollup()
    await store.append([Batch.of("OLT", "optics", hourly[50] + timedelta(minutes=9), ["A"], {"rx_dbm": [-25.0]})])
    report = await store.rollup()
    assert (report.hourly_rows, report.daily_rows) == (1, 1)
    report = await store.rollup()
    assert (report.hourly_rows, report.daily_rows) == (0, 0)


async def test_of_two_values_in_one_append_the_later_wins(store: TelemetryStore) -> None:
    first = Batch.of("OLT", "optics", START, ["A"], {"rx_dbm": [-20.0], "tx_dbm": [2.0]})
    second = Batch.of("OLT", "optics", START, ["A"], {"rx_dbm": [-21.0], "tx_dbm": [None]})
    await store.append([first, second])
    await store.rollup()
    (row,) = (await store.series("A", ["rx_dbm", "tx_dbm"], START, START + timedelta(hours=1), "raw")).to_pylist()
    assert (row["rx_dbm"], row["tx_dbm"]) == (-21.0, 2.0)
    latest = await store.latest(ALL, ["rx_dbm", "tx_dbm"])
    assert latest.select(["rx_dbm", "tx_dbm"]).to_pylist() == [{"rx_dbm": -21.0, "tx_dbm": 2.0}]
    assert (await store.matrix(ALL, "rx_dbm", "count", date(2026, 5, 1), date(2026, 5, 1))).values.tolist() == [[1.0]]


async def test_the_latest_of_a_field_is_told_by_its_time_not_by_its_arrival(store: TelemetryStore) -> None:
    for hour, value in ((5, -25.0), (3, -23.0), (4, -24.0)):
        at = START + timedelta(hours=hour)
        await store.append([Batch.of("OLT", "optics", at, ["A"], {"rx_dbm": [value]})])
        await store.rollup()
    latest = await store.latest(ALL, ["rx_dbm"])
    assert latest["rx_dbm"].to_pylist() == [-25.0]
    assert latest["rx_dbm_time"].to_pylist() == [START + timedelta(hours=5)]


async def test_the_last_state_of_a_day_is_its_place_among_the_words(store: TelemetryStore) -> None:
    at = [START + timedelta(hours=h) for h in range(3)]
    await store.append(
        [Batch.of("OLT", "status", at, ["A"] * 3, {"state": ["up", "up", "los"], "ont_serial": ["S"] * 3})]
    )
    await store.rollup()
    matrix = await store.matrix(ALL, "state", "last", date(2026, 5, 1), date(2026, 5, 1))
    assert matrix.values.tolist() == [[2.0]]
    with pytest.raises(ValueError, match="no list of words"):
        await store.matrix(ALL, "ont_serial", "last", date(2026, 5, 1), date(2026, 5, 1))
