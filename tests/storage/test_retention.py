"""What is too old is let go of, table by table; readers keep what they began with, and rollups stay true."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest

from plant.batch import Batch
from plant.matrix import ALL
from storage.embedded import keyed_table
from storage.embedded.store import EmbeddedStore
from storage.opening import open_store
from storage.retention import Retention

START = datetime(2026, 1, 5, 4, tzinfo=UTC)
MONTHS = Retention(raw_days=40, hourly_days=90)


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedStore]:
    """Two readings a day of two lines for 150 days, rolled up; readings kept 40 days, hours 90, days for ever."""
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 1)
    store = EmbeddedStore(tmp_path, zone="Asia/Shanghai", read_only=False, retention=MONTHS)
    for begin in range(0, 150, 30):
        days = [START + timedelta(days=begin + day) for day in range(30)]
        await store.append([reading(line, at + timedelta(hours=h)) for at in days for line in "AB" for h in (0, 1)])
    await store.rollup()
    yield store
    await store.close()


def reading(line: str, at: datetime, value: float = -20.0) -> Batch:
    return Batch.of("OLT", "optics", at, [line], {"rx_dbm": [value], "bip_errors": [int(at.timestamp()) // 3600]})


async def rows(store: EmbeddedStore, resolution: str) -> int:
    end = START + timedelta(days=900)
    start = START - timedelta(days=1)
    return int((await store.series("A", ["rx_dbm"], start, end, resolution)).num_rows)  # type: ignore[arg-type]


async def test_each_table_keeps_its_days_and_whole_months_go(store: EmbeddedStore) -> None:
    assert await rows(store, "day") == 150
    assert 90 * 2 <= await rows(store, "hour") <= (90 + 31) * 2
    assert 40 * 2 <= await rows(store, "raw") <= (40 + 31) * 2
    counts = await store.matrix(ALL, "rx_dbm", "count", START.date(), START.date() + timedelta(days=149))
    assert (counts.values == 2).all()


async def test_a_reader_that_began_before_goes_on_with_its_files(tmp_path: Path, store: EmbeddedStore) -> None:
    reader = EmbeddedStore(tmp_path, zone="Asia/Shanghai", read_only=True)
    held = reader.raw.log.snapshot()
    await store.append([reading("A", START + timedelta(days=day)) for day in range(150, 220)])
    await store.rollup()
    assert {f.name for f in held.files} - {f.name for f in store.raw.log.snapshot().files}
    assert all((tmp_path / "raw" / f.name).exists() for f in held.files)
    await reader.close()


async def test_a_late_reading_does_not_spoil_a_day_whose_readings_are_gone(store: EmbeddedStore) -> None:
    late = START + timedelta(days=3, minutes=20)
    await store.append([reading("A", late, -35.0), reading("NEW", late, -25.0)])
    await store.rollup()
    days = await store.matrix(ALL, "rx_dbm", "min", date(2026, 1, 8), date(2026, 1, 8))
    assert dict(zip(days.line_ids, days.values[:, 0].tolist(), strict=True)) == {"A": -20.0, "B": -20.0, "NEW": -25.0}


async def test_a_day_just_behind_what_is_gone_keeps_its_increase(store: EmbeddedStore) -> None:
    first = (await store.series("A", ["rx_dbm"], START, START + timedelta(days=900), "raw"))["time"][0].as_py()
    before = await store.matrix(ALL, "bip_errors", "increase", first.date(), first.date())
    await store.append([reading("A", first + timedelta(minutes=5))])
    await store.rollup()
    after = await store.matrix(ALL, "bip_errors", "increase", first.date(), first.date())
    assert np.array_equal(before.values, after.values)


async def test_old_history_can_be_brought_in_and_leaves_its_rollups(store: EmbeddedStore) -> None:
    old = START - timedelta(days=300)
    for _ in range(2):
        await store.append([reading("A", old + timedelta(hours=h), -18.0) for h in range(3)])
        await store.rollup()
        counts = await store.matrix(ALL, "rx_dbm", "count", old.date(), old.date())
        assert counts.values.tolist() == [[3.0]]
    assert (await store.series("A", ["rx_dbm"], old, old + timedelta(days=1), "raw")).num_rows == 0


async def test_an_hour_that_had_its_time_does_not_come_back_as_a_part(store: EmbeddedStore) -> None:
    await store.append([reading("A", START + timedelta(days=3, minutes=20), -35.0)])
    await store.rollup()
    end = START + timedelta(days=5)
    assert (await store.series("A", ["rx_dbm"], START, end, "hour")).num_rows == 0
    assert (await store.series("A", ["rx_dbm"], START, end, "day"))["rx_dbm_min"].to_pylist() == [-20.0] * 5


async def test_nothing_goes_where_the_clock_runs_ahead_of_the_readings(store: EmbeddedStore) -> None:
    before = await rows(store, "raw")
    store._expire(datetime(2031, 1, 1, tzinfo=UTC))
    assert await rows(store, "raw") == before


def test_less_than_a_week_is_refused() -> None:
    with pytest.raises(ValueError, match="raw_days is 3; readings are kept at least 7 days"):
        Retention(raw_days=3)


async def test_an_influx_database_is_begun_with_policies_on_request(influx: str) -> None:
    url = f"influx1://{influx}/kept"
    now = datetime.now(UTC)
    for days in (30, 45):  # the second opening changes the duration
        store = await open_store(url, retention=Retention(raw_days=days, daily_days=400), policies=True)
        await store.append([reading("A", now - timedelta(days=d)) for d in (0, 90)])  # the older one is refused
        await store.rollup()
        span = (now - timedelta(days=100), now + timedelta(days=2))
        for resolution in ("raw", "hour", "day"):
            assert (await store.series("A", ["rx_dbm"], *span, resolution)).num_rows == 1  # type: ignore[arg-type]
        await store.close()
        answer = httpx.post(f"http://{influx}/query", data={"q": "SHOW RETENTION POLICIES ON kept"}).json()
        told = {row[0]: row[1] for row in answer["results"][0]["series"][0]["values"]}
        assert told == {"autogen": "0s", "raw": f"{days * 24}h0m0s", "hourly": "0s", "daily": "9600h0m0s"}
