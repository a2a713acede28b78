"""Levels in parts: what is read is what came in, whichever files it lies in."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.batch import Batch, StoreUnavailableError
from storage.embedded import keyed_table, levels
from storage.embedded.levels import apart, together
from storage.embedded.store import EmbeddedStore
from storage.opening import open_store

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
HUNDREDTHS = st.integers(-5_000, 10_000_000).map(lambda n: n / 100)
ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)


def table_of(lines: list[str], values: Sequence[float | None]) -> pa.Table:
    return pa.table({"line_id": lines, "rx_dbm": pa.array(values, pa.float32()), "state": ["up"] * len(lines)})


@settings(deadline=None)
@given(st.lists(st.none() | HUNDREDTHS, min_size=1, max_size=60), st.integers(1, 4))
def test_whole_hundredths_come_back_as_they_were(values: list[float | None], lines: int) -> None:
    given_table = table_of(sorted(f"L{n % lines}" for n in range(len(values))), values)
    kept = apart(given_table)
    assert ("rx_dbm_above" in kept.column_names) == (len(values) >= levels.FEWEST * min(lines, len(values)))
    assert together(kept).equals(given_table)


@settings(deadline=None)
@given(st.lists(st.none() | HUNDREDTHS | ANY, min_size=8, max_size=40))
def test_whatever_the_values_none_is_changed(values: list[float | None]) -> None:
    given_table = table_of(["A"] * len(values), values)
    assert together(apart(given_table))["rx_dbm"].to_pylist() == given_table["rx_dbm"].to_pylist()


def test_a_column_with_a_finer_step_stays_as_it_is() -> None:
    table = table_of(["A"] * 20, [-20.01] * 19 + [-20.015])
    assert apart(table).equals(table)


async def months_of(store: EmbeddedStore, levels_at: list[float], since: datetime) -> None:
    """Hourly readings of two lines, compacted into runs."""
    for n, level in enumerate(levels_at):
        batch = Batch.of(
            "D", "optics", since + timedelta(hours=n), ["A", "B"], {"rx_dbm": [level, None], "temp_c": [40.0, 41.5]}
        )
        await store.append([batch])
    await store.rollup()


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 2)


@pytest.mark.usefixtures("eager")
async def test_files_with_and_without_parts_are_read_as_one(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, zone="Asia/Shanghai", read_only=False)
    fine = [-20.0 - n / 1000 for n in range(40)]  # thousandths: this month stays as it is
    coarse = [-21.0 - n / 100 for n in range(40)]
    await months_of(store, fine, NOON - timedelta(days=60))
    await months_of(store, coarse, NOON - timedelta(days=20))
    await store.append([Batch.of("D", "optics", NOON, ["A"], {"rx_dbm": [-30.0]})])
    stored = [set(pq.read_schema(p).names) for p in (tmp_path / "raw").glob("*.parquet")]
    assert any("rx_dbm_above" in names for names in stored)
    assert any("rx_dbm" in names for names in stored)
    table = await store.series("A", ["rx_dbm", "temp_c"], NOON - timedelta(days=90), NOON + timedelta(days=1), "raw")
    assert table["rx_dbm"].to_pylist() == np.array([*fine, *coarse, -30.0], np.float32).tolist()
    assert table["temp_c"].to_pylist() == [40.0] * 80 + [None]
    beside = await store.series("B", ["rx_dbm", "temp_c"], NOON - timedelta(days=90), NOON, "raw")
    assert beside["rx_dbm"].null_count == 80
    await store.close()


@pytest.mark.usefixtures("eager")
async def test_a_store_of_the_first_format_is_read_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(keyed_table, "apart", lambda table: table)
        store = EmbeddedStore(tmp_path, zone="Asia/Shanghai", read_only=False)
        await months_of(store, [-20.0] * 40, NOON - timedelta(days=20))
        await store.close()
    (tmp_path / "store.json").write_text('{"format": 1, "zone": "Asia/Shanghai"}')
    DeltaTable(str(tmp_path / "raw")).alter.set_table_properties({"delta.checkpointInterval": "100"})
    reader = await open_store(f"delta:{tmp_path}", read_only=True)
    store = EmbeddedStore(tmp_path, zone="Asia/Shanghai", read_only=False)
    await months_of(store, [-21.0] * 40, NOON - timedelta(days=15))
    for opened in (store, reader):
        table = await opened.series("A", ["rx_dbm"], NOON - timedelta(days=90), NOON, "raw")
        assert table["rx_dbm"].to_pylist() == [-20.0] * 40 + [-21.0] * 40
    assert json.loads((tmp_path / "store.json").read_text())["format"] == 2
    assert DeltaTable(str(tmp_path / "raw")).metadata().configuration["delta.checkpointInterval"] == "10"
    await store.close()
    await reader.close()


async def test_a_format_of_a_later_version_is_not_opened(tmp_path: Path) -> None:
    await (await open_store(f"delta:{tmp_path}")).close()
    (tmp_path / "store.json").write_text('{"format": 3, "zone": "Asia/Shanghai"}')
    with pytest.raises(StoreUnavailableError, match="has format 3; this version reads format 2"):
        await open_store(f"delta:{tmp_path}", read_only=True)
