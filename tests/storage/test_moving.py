"""Moving history: everything arrives, on either store, however often it is cut off; a difference is named."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.batch import Batch
from plant.matrix import ALL
from storage import moving
from storage.checksums import daily_sums
from storage.embedded import keyed_table
from storage.embedded.store import EmbeddedStore
from storage.moving import MoveError, Notes, move
from storage.opening import open_store
from storage.protocol import MovableStore
from storage.retention import Retention
from tests.lightline.commands import lightline

START = datetime(2026, 3, 2, 4, tzinfo=UTC)
LINES = [*(f"L{n}" for n in range(7)), "天河-0001", "a b,c=d", "pon:OLT/0/1"]
END = START + timedelta(days=400)


def history() -> list[Batch]:
    """Readings every eight hours for forty days, of all kinds, with gaps and reasons."""
    chance = random.Random(5)
    batches = []
    for line in LINES:
        times = [START + timedelta(hours=8 * n) for n in range(120) if chance.random() < 0.9]
        columns: dict[str, Any] = {
            "rx_dbm": [round(chance.uniform(-30, -10), 2) if chance.random() < 0.9 else None for _ in times],
            "bip_errors": [n * 2**33 for n in range(len(times))],
            "state": [chance.choice(["up", "up", "los", None]) for _ in times],
            "ont_serial": [chance.choice(["S1", 'odd "one"', None]) for _ in times],
        }
        quality = [None if v is not None else "rx_dbm:sentinel" for v in columns["rx_dbm"]]
        batches.append(Batch.of("OLT", "all", times, [line] * len(times), columns, quality))
    return batches


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[MovableStore]:
    """A store with that history, of which the newest readings are not rolled up yet."""
    store = await open_store(f"delta:{tmp_path / 'source'}")
    await store.append(history())
    await store.rollup()
    await store.append([Batch.of("OLT", "optics", START + timedelta(days=41), ["L1"], {"rx_dbm": [-21.5]})])
    yield store
    await store.close()


async def everything(store: MovableStore) -> list[pa.Table]:
    tables: list[pa.Table] = [await store.latest(ALL, ["rx_dbm", "state"])]
    for level in ("raw", "hour", "day"):
        table = await store.rows(level, LINES, START - timedelta(days=2), END)  # type: ignore[arg-type]
        tables.append(table.select(sorted(table.column_names)))
    return tables


async def test_all_that_one_store_keeps_is_in_the_other_and_back_again(
    url: str, source: MovableStore, tmp_path: Path
) -> None:
    there = await open_store(url)
    report = await move(source, there, Notes(tmp_path / "there.jsonl", "source", url))
    assert (report.lines, report.rows, report.appended) == (10, report.appended, report.rows)
    back = await open_store(f"delta:{tmp_path / 'back'}")
    again = await move(there, back, Notes(tmp_path / "back.jsonl", url, "back"))
    assert (again.rows, again.days, again.checksum) == (report.rows, report.days, report.checksum)
    await source.rollup()
    for mine, theirs, last in zip(*[await everything(s) for s in (source, there, back)], strict=True):
        assert last.equals(mine)
        assert theirs.to_pylist() == mine.to_pylist()
    await there.close()
    await back.close()


async def test_a_second_move_brings_only_what_came_meanwhile(source: MovableStore, tmp_path: Path) -> None:
    target = await open_store(f"delta:{tmp_path / 'target'}")
    first = await move(source, target, Notes(tmp_path / "n", "a", "b"))
    await source.append(
        [Batch.of("OLT", "optics", START + timedelta(days=3, hours=1), ["L1", "NEW"], {"rx_dbm": [-1.0, -2.0]})]
    )
    await target.append([Batch.of("OLT", "optics", START + timedelta(days=3), ["L1"], {"temp_c": [40.0]})])
    second = await move(source, target, Notes(tmp_path / "n", "a", "b"))
    assert second.appended == 2
    assert second.rows == first.rows + 2
    own = await target.series("L1", ["temp_c"], START, END, "raw")
    assert [v for v in own["temp_c"].to_pylist() if v is not None] == [40.0]
    await target.close()


async def test_rollups_of_readings_that_are_gone_are_handed_over(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 1)
    source = EmbeddedStore(tmp_path / "old", zone="Asia/Shanghai", read_only=False, retention=Retention(raw_days=7))
    times = [START + timedelta(hours=8 * n) for n in range(300)]
    await source.append(
        [Batch.of("OLT", "optics", times, ["L1"] * 300, {"rx_dbm": [-20.0 - n % 9 for n in range(300)]})]
    )
    await source.rollup()
    assert (await source.series("L1", ["rx_dbm"], START, END, "raw")).num_rows < 200
    target = await open_store(url)
    report = await move(source, target, Notes(tmp_path / "notes", "a", "b"))
    assert report.rollup_rows > 100
    for level in ("hour", "day"):
        mine, theirs = [
            await s.series("L1", ["rx_dbm"], START - timedelta(days=2), END, level) for s in (source, target)
        ]  # type: ignore[arg-type]
        assert theirs.to_pylist() == mine.to_pylist()
    await source.close()
    await target.close()


async def test_a_reading_that_does_not_arrive_is_named_with_its_line_and_day(
    source: MovableStore, tmp_path: Path
) -> None:
    class Forgetful(EmbeddedStore):
        async def rows(self, *asked: Any) -> pa.Table:
            table = await super().rows(*asked)
            return table.slice(1) if table.num_rows else table

    target = Forgetful(tmp_path / "target", zone="Asia/Shanghai", read_only=False)
    with pytest.raises(MoveError, match=r"of L0 on 2026-03-02 \(UTC\) the other store does not give back"):
        await move(source, target, Notes(tmp_path / "notes", "a", "b"))
    await target.close()


MOVER = """
import asyncio, sys
from pathlib import Path
from storage import moving
from storage.opening import open_store

async def main():
    moving.LINES_A_BLOCK, moving.MOST_DAYS = 1, 10
    source = await open_store(sys.argv[1], read_only=True)
    target = await open_store(sys.argv[2])
    print("moving", flush=True)
    await moving.move(source, target, moving.Notes(Path(sys.argv[3]), *sys.argv[1:3]))
    print("moved", flush=True)

asyncio.run(main())
"""


async def test_a_move_that_is_killed_goes_on_and_ends_the_same(source: MovableStore, tmp_path: Path) -> None:
    chance = random.Random(3)
    urls = [f"delta:{tmp_path / n}" for n in ("source", "target")]
    notes = tmp_path / "notes"
    for kill in (True, True, True, False):
        mover = subprocess.Popen([sys.executable, "-c", MOVER, *urls, str(notes)], stdout=subprocess.PIPE, text=True)
        assert mover.stdout is not None
        assert mover.stdout.readline() == "moving\n"
        if kill:
            time.sleep(chance.uniform(0.05, 0.5))
            mover.send_signal(signal.SIGKILL)
        told = mover.stdout.read()
        mover.wait()
    assert told == "moved\n"
    await source.rollup()
    target = await open_store(urls[1])
    assert await everything(target) == await everything(source)
    await target.close()


async def test_notes_torn_in_the_middle_of_a_line_are_read_to_there(source: MovableStore, tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes", "a", "b")
    notes.begin(moving.Plan("a", "b", (("A", "B"),), 0, 86_400, 1))
    notes.write("raw:0:0", {"rows": 7})
    with (tmp_path / "notes").open("ab") as file:
        file.write(b'{"block": "raw:0:86')
    read = Notes(tmp_path / "notes", "a", "b")
    assert read.done == {"raw:0:0": {"rows": 7}}
    read.write("raw:1", {"rows": 1})
    assert len(Notes(tmp_path / "notes", "a", "b").done) == 2


rows = st.lists(
    st.tuples(st.sampled_from("AB"), st.integers(0, 10**6), st.floats(-40, 0, width=32), st.sampled_from(["up", None])),
    min_size=1, max_size=20, unique_by=lambda r: r[:2],
)  # fmt: skip


@given(rows, st.data())
def test_a_days_checksum_changes_with_any_value_and_not_with_columns_order(
    rows: list[Any], data: st.DataObject
) -> None:
    def table(told: list[Any], *names: str) -> pa.Table:
        ids, times, values, states = zip(*sorted(told, key=lambda r: r[:2]), strict=True)
        of = {"rx_dbm": pa.array(values, pa.float32()), "state": pa.array(states, pa.string())}
        at = pa.array([t * 10**6 for t in times], pa.timestamp("us", "UTC"))
        return pa.table({"line_id": ids, "time": at, **{n: of[n] for n in names}})

    before = daily_sums(table(rows, "rx_dbm", "state"))
    assert daily_sums(table(rows, "state", "rx_dbm")).equals(before)
    at = data.draw(st.integers(0, len(rows) - 1))
    line, when, value, state = rows[at]
    changed = (
        (line, when, value - 1, state) if data.draw(st.booleans()) else (line, when, value, None if state else "up")
    )
    assert not daily_sums(table([*rows[:at], changed, *rows[at + 1 :]], "rx_dbm", "state")).equals(before)


async def test_the_command_moves_and_tells_what_it_compared(source: MovableStore, tmp_path: Path) -> None:
    made = lightline(tmp_path, "move", "--from", "delta:source", "--to", "delta:target", "--json")
    assert made.returncode == 0, made.stderr
    assert '"lines": 10' in made.stdout
    refused = lightline(tmp_path, "move", "--from", "delta:source", "--to", "delta:source")
    assert refused.returncode == 2
