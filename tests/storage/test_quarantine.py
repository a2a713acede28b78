"""A damaged file is found, set aside and named; the rest is served; put back, it is as if nothing had been."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from plant.batch import Batch, StoreUnavailableError
from plant.fields import Field, fields
from plant.matrix import ALL, Scope
from storage.embedded import keyed_table
from storage.embedded.store import EmbeddedStore
from storage.errors import StoreCorruptedError
from storage.schema import raw_schema, rollup_schema

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
DAY = date(2026, 5, 4)


def opened(folder: Path, *, read_only: bool = False) -> EmbeddedStore:
    return EmbeddedStore(folder, zone="Asia/Shanghai", read_only=read_only)


async def filled(folder: Path) -> EmbeddedStore:
    """Two files of readings: of A, and of B; rolled up but for the second."""
    store = opened(folder)
    for line in "AB":
        at = [NOON + timedelta(minutes=10 * n) for n in range(6)]
        await store.append([Batch.of("OLT", "optics", at, [line] * 6, {"rx_dbm": [-20.0 - n for n in range(6)]})])
        if line == "A":
            await store.rollup()
    return store


def damage(folder: Path, table: str, line: str, store: EmbeddedStore) -> tuple[Path, bytes]:
    """Turn a bit of the file that holds the line; the file, and what was in it."""
    (known,) = [f for f in getattr(store, table).log.snapshot().files if f.first_line == line]
    path = folder / table / known.name
    right = path.read_bytes()
    path.write_bytes(right[:100] + bytes([right[100] ^ 1]) + right[101:])
    return path, right


async def raw(store: EmbeddedStore, line: str) -> int:
    return int((await store.series(line, ["rx_dbm"], NOON, NOON + timedelta(days=1), "raw")).num_rows)


@pytest.mark.parametrize("line", ["A", "B"])
async def test_found_set_aside_named_and_back_again(tmp_path: Path, line: str) -> None:
    await (await filled(tmp_path)).close()
    store = opened(tmp_path)
    path, right = damage(tmp_path, "raw", line, store)
    reader = opened(tmp_path, read_only=True)
    other = "B" if line == "A" else "A"
    with pytest.raises(StoreCorruptedError, match=path.name):
        await raw(reader, line)
    assert await raw(reader, other) == 6  # a file that is not touched is served at once
    await store.rollup()  # a reader found it, the writer acts
    assert (await raw(reader, line), await raw(reader, other)) == (0, 6)
    status = await reader.status()
    assert not status.healthy
    assert path.name in status.detail
    assert status.figures["set_aside_rows"] == 6
    counts = await store.matrix(Scope.of("A", "B"), "rx_dbm", "count", DAY, DAY)
    assert counts.values[0][0] == 6  # rolled up before it was damaged
    assert (line == "B") == (counts.values[1][0] != 6)
    await store.close()
    (aside,) = (tmp_path / "quarantine").glob("*.parquet")
    aside.write_bytes(right)
    store = opened(tmp_path)
    await store.rollup()
    assert (await raw(reader, line), await raw(reader, other)) == (6, 6)
    assert (await store.matrix(ALL, "rx_dbm", "count", DAY, DAY)).values.tolist() == [[6.0], [6.0]]
    assert (await store.status()).healthy
    assert (await reader.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-25.0, -25.0]
    await reader.close()
    await store.close()


async def test_a_compaction_that_meets_a_damaged_file_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 2)
    await (await filled(tmp_path)).close()
    store = opened(tmp_path)
    damage(tmp_path, "raw", "A", store)
    await store.rollup()
    assert (await raw(store, "A"), await raw(store, "B")) == (0, 6)
    await store.close()


async def test_a_damaged_table_of_the_latest_is_made_again(tmp_path: Path) -> None:
    store = await filled(tmp_path)
    before = await store.latest(ALL, ["rx_dbm"])
    await store.rollup()
    await store.close()
    store = opened(tmp_path)
    (path,) = {f.name for f in store.newest.log.snapshot().files}
    (tmp_path / "latest" / path).write_bytes(b"nothing")
    with pytest.raises(StoreUnavailableError, match="damaged"):
        await store.latest(ALL, ["rx_dbm"])
    await store.rollup()
    assert (await store.latest(ALL, ["rx_dbm"])).equals(before)
    await store.close()


async def test_a_field_added_later_is_kept_and_older_readings_are_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await filled(tmp_path)).close()
    monkeypatch.setitem(fields(), "humidity_pct", Field("humidity_pct", "line", "gauge", "%", "humidity", "湿度"))
    for schema in (raw_schema, rollup_schema):
        schema.cache_clear()
    try:
        store = opened(tmp_path)
        later = NOON + timedelta(hours=3)
        await store.append([Batch.of("OLT", "optics", later, ["A"], {"humidity_pct": [55.0]})])
        await store.rollup()
        table = await store.series("A", ["rx_dbm", "humidity_pct"], NOON, NOON + timedelta(days=1), "raw")
        assert table["humidity_pct"].to_pylist() == [None] * 6 + [55.0]
        assert (await store.matrix(ALL, "humidity_pct", "median", DAY, DAY)).values[0, 0] == 55.0
        assert (await store.matrix(ALL, "rx_dbm", "count", DAY, DAY)).values.tolist() == [[6.0], [6.0]]
        assert (await store.latest(ALL, ["humidity_pct"]))["humidity_pct"].to_pylist() == [55.0]
        await store.close()
    finally:
        for schema in (raw_schema, rollup_schema):
            schema.cache_clear()
