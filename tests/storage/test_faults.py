"""Stores under faults: killed writers, second writers, damaged files, servers that are away."""

import asyncio
import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from plant.batch import Batch, StoreUnavailableError
from plant.matrix import ALL
from storage.embedded import keyed_table
from storage.embedded.duck import Duck
from storage.opening import open_store

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
ROUNDS, SOAK_ROUNDS = 10, 200

WRITER = """
import asyncio, sys
from datetime import datetime, timedelta, UTC
from plant.batch import Batch
from storage.embedded import keyed_table
from storage.opening import open_store

async def main():
    keyed_table.MANY_RECENT = 3  # each rollup compacts
    store = await open_store(sys.argv[1])
    first = int(sys.argv[2])
    n = first
    while True:
        moment = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(minutes=n)
        await store.append([Batch.of("OLT", "optics", moment, ["A", "B"], {"rx_dbm": [-float(n % 40), -1.0]})])
        print(n, flush=True)
        n += 1
        if n % 5 == 0:
            print("rolling up", flush=True)
            await store.rollup()
            print("rolled up", flush=True)

asyncio.run(main())
"""


async def test_ten_kills_lose_nothing_that_was_acknowledged_and_leave_no_half(
    tmp_path: Path,
) -> None:
    await kill_again_and_again(tmp_path, ROUNDS, 0.4)


@pytest.mark.soak
async def test_two_hundred_kills_of_writer_and_compactor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = await kill_again_and_again(tmp_path, SOAK_ROUNDS, 1.2)
    with capsys.disabled():
        print(f"\nstorage: {SOAK_ROUNDS} kills; {told}")


async def kill_again_and_again(tmp_path: Path, rounds: int, longest_s: float) -> str:
    """Kill a process that appends, rolls up and compacts, at random moments; everything it said it had is there."""
    url = f"delta:{tmp_path}"
    chance = random.Random(7)
    acknowledged, while_rolling = -1, 0
    for _ in range(rounds):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(acknowledged + 1)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(chance.uniform(0, longest_s))
        writer.send_signal(signal.SIGKILL)
        lines = (first + writer.stdout.read()).splitlines()
        told = [line for line in lines if line.isdigit()]
        writer.wait()
        assert told, "the writer ended before its first reading"
        acknowledged = int(told[-1])
        while_rolling += lines[-1] == "rolling up"
    store = await open_store(url)
    try:
        end = NOON + timedelta(days=90)
        table = await store.series("A", ["rx_dbm"], NOON - timedelta(days=1), end, "raw")
        assert table.num_rows >= acknowledged + 1
        assert table["rx_dbm"].to_pylist()[: acknowledged + 1] == [-float(n % 40) for n in range(acknowledged + 1)]
        other = await store.series("B", ["rx_dbm"], NOON - timedelta(days=1), end, "raw")
        assert other.num_rows == table.num_rows  # both rows of a batch, or none
        await store.rollup()
        day = NOON.date()
        counts = await store.matrix(ALL, "rx_dbm", "count", day, day + timedelta(days=80))
        assert counts.values[0][counts.values[0] > 0].sum() == table.num_rows
        assert (await store.status()).healthy
    finally:
        await store.close()
    return (
        f"{while_rolling} of them during a rollup or a compaction; {acknowledged + 1} readings acknowledged, "
        f"{table.num_rows} there, lost: 0"
    )


async def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    first = await open_store(f"delta:{tmp_path}")
    with pytest.raises(StoreUnavailableError, match=r"being written by process \d+"):
        await open_store(f"delta:{tmp_path}")
    reader = await open_store(f"delta:{tmp_path}", read_only=True)
    with pytest.raises(StoreUnavailableError, match="read-only"):
        await reader.append([Batch.of("OLT", "optics", NOON, ["A"], {"rx_dbm": [-20.0]})])
    await first.close()
    again = await open_store(f"delta:{tmp_path}")
    await again.close()


async def test_a_reader_sees_what_another_process_committed(tmp_path: Path) -> None:
    writer = await open_store(f"delta:{tmp_path}")
    reader = await open_store(f"delta:{tmp_path}", read_only=True)
    for n in range(3):
        moment = NOON + timedelta(hours=n)
        await writer.append([Batch.of("OLT", "optics", moment, ["A"], {"rx_dbm": [-20.0 - n]})])
        latest = await reader.latest(ALL, ["rx_dbm"])
        assert latest["rx_dbm"].to_pylist() == [-20.0 - n]
    await writer.close()


async def test_another_process_reads_what_was_committed_while_the_writer_goes_on(tmp_path: Path) -> None:
    reader = """
import asyncio, sys
from plant.matrix import ALL
from storage.opening import open_store

async def main():
    store = await open_store(sys.argv[1], read_only=True)
    for _ in sys.stdin:
        print((await store.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist(), flush=True)

asyncio.run(main())
"""
    store = await open_store(f"delta:{tmp_path}")
    other = subprocess.Popen(
        [sys.executable, "-c", reader, f"delta:{tmp_path}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        for n in range(40):
            moment = NOON + timedelta(minutes=n)
            await store.append([Batch.of("OLT", "optics", moment, ["A"], {"rx_dbm": [-float(n)]})])
            if n % 8 == 7:
                await store.rollup()
            other.stdin.write("now\n")
            other.stdin.flush()
            assert (await asyncio.to_thread(other.stdout.readline)).strip() == str([-float(n)])
    finally:
        other.kill()
        other.wait()
        await store.close()


async def test_readers_in_another_process_never_see_less_or_a_part_while_files_are_rewritten(tmp_path: Path) -> None:
    reader = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from plant.matrix import ALL, Scope
from storage.opening import open_store

async def main():
    store = await open_store(sys.argv[1], read_only=True)
    start = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
    most, asked = 0, 0
    while True:
        seen = []
        for line in ("A", "B"):
            table = await store.series(line, ["rx_dbm"], start, start + timedelta(days=9), "raw")
            assert table["rx_dbm"].to_pylist() == [-float(n % 40) for n in range(table.num_rows)], "a part"
            seen.append(table.num_rows)
        days = await store.matrix(Scope.of("A", "B"), "rx_dbm", "count", start.date(), start.date())
        latest = await store.latest(ALL, ["rx_dbm"])
        assert most <= seen[0] <= seen[1], (most, seen)
        assert latest.num_rows in (0, 2) and len(set(latest["rx_dbm"].to_pylist())) <= 1, latest
        most, asked = seen[1], asked + 1
        print(asked, most, flush=True)

asyncio.run(main())
"""
    store = await open_store(f"delta:{tmp_path}")
    other = subprocess.Popen(
        [sys.executable, "-c", reader, f"delta:{tmp_path}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        await asyncio.to_thread(other.stdout.readline)
        for n in range(150):
            moment = NOON + timedelta(minutes=n)
            await store.append([Batch.of("OLT", "optics", moment, ["A", "B"], {"rx_dbm": [-float(n % 40)] * 2})])
            if n % 17 == 16:
                await store.rollup()
        assert other.poll() is None, other.communicate()[1]
    finally:
        other.kill()
        told, wrong = other.communicate()
        await store.close()
    assert not wrong
    asked, most = map(int, told.splitlines()[-2].split())
    assert asked > 5
    assert most > 50


async def test_a_month_of_many_small_files_is_written_anew_and_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 2)
    store = await open_store(f"delta:{tmp_path}")
    reader = await open_store(f"delta:{tmp_path}", read_only=True)
    for n in range(60):
        moment = NOON + timedelta(minutes=n % 50)  # ten of them again
        await store.append([Batch.of("OLT", "optics", moment, ["A"], {"rx_dbm": [-float(n % 40)]})])
    before = await reader.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=2), "raw")
    await store.rollup()
    after = await reader.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=2), "raw")
    assert before.num_rows == 50
    assert after.equals(before)
    assert (await store.status()).figures["raw_files"] == 1
    await store.close()


async def test_a_damaged_file_is_named_and_no_wrong_number_is_told(tmp_path: Path) -> None:
    store = await open_store(f"delta:{tmp_path}")
    await store.append([Batch.of("OLT", "optics", NOON, ["A"], {"rx_dbm": [-20.0]})])
    (file,) = (tmp_path / "raw").rglob("*.parquet")
    data = bytearray(file.read_bytes())
    data[-60:] = bytes(60)
    file.write_bytes(bytes(data))
    with pytest.raises(StoreUnavailableError, match=file.name):
        await store.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=1), "raw")
    assert not (await store.status()).healthy
    await store.close()


def cut(file: Path) -> None:
    """What a power cut can leave of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("pattern", "kept"), [("*.json", 104), ("*.checkpoint.parquet", 105), ("_last_checkpoint", 105)]
)
async def test_a_log_torn_by_a_power_cut_costs_only_what_was_not_acknowledged(
    tmp_path: Path, pattern: str, kept: int
) -> None:
    store = await open_store(f"delta:{tmp_path}")
    for n in range(105):
        batch = Batch.of("OLT", "optics", NOON + timedelta(minutes=n), ["A"], {"rx_dbm": [-20.0]})
        await store.append([batch])
    await store.close()
    cut(max((tmp_path / "raw" / "_delta_log").glob(pattern)))
    store = await open_store(f"delta:{tmp_path}")
    table = await store.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=2), "raw")
    assert table.num_rows == kept
    await store.append([batch])
    table = await store.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=2), "raw")
    assert table.num_rows == 105
    await store.close()


async def test_a_damaged_note_of_the_zone_is_named_with_its_remedy(tmp_path: Path) -> None:
    await (await open_store(f"delta:{tmp_path}")).close()
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreUnavailableError, match=r'store.json is damaged; write .*"zone": "Asia/Shanghai"'):
        await open_store(f"delta:{tmp_path}")


async def test_a_full_disk_is_said_costs_nothing_and_the_same_call_succeeds_later(tmp_path: Path) -> None:
    store = await open_store(f"delta:{tmp_path}")
    lines = [f"L{n}" for n in range(200)]
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    for n in range(30):
        moment = NOON + timedelta(hours=n)
        batch = Batch.of("OLT", "optics", moment, lines, {"rx_dbm": [-20.0 - (n + i) % 7 for i in range(200)]})
        # A limit on the size of files stands for the full disk: sometimes the data, sometimes the log does not fit.
        resource.setrlimit(resource.RLIMIT_FSIZE, ([100, 700, 1500, 2500, 4000][n % 5], old[1]))
        try:
            with contextlib.suppress(StoreUnavailableError):
                await store.append([batch])
                await store.rollup()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        await store.append([batch])
    await store.rollup()
    days = await store.matrix(ALL, "rx_dbm", "count", NOON.date(), NOON.date() + timedelta(days=1))
    assert days.values.sum(axis=1).tolist() == [30.0] * 200
    assert (await store.latest(ALL, ["rx_dbm"]))["rx_dbm_time"].to_pylist() == [NOON + timedelta(hours=29)] * 200
    await store.close()


NOBODY = 65534


@contextlib.contextmanager
def nothing_may_be_written(folder: Path) -> Iterator[None]:
    """As on a disk that the kernel made read-only: no file of the folder may be made, changed or renamed by us."""
    root = os.geteuid() == 0  # whom no mode of a file stops
    inside = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in inside]
    for path in inside:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in zip(inside, modes, strict=True):
            path.chmod(mode)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may look into, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="lightline-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "store").mkdir()
        yield folder / "store"


async def test_a_read_only_disk_refuses_what_is_written_and_answers_what_is_asked(open_folder: Path) -> None:
    url = f"delta:{open_folder}"
    store = await open_store(url)
    batches = [Batch.of("OLT", "optics", NOON + timedelta(hours=n), ["A"], {"rx_dbm": [-20.0 - n]}) for n in range(2)]
    await store.append([batches[0]])
    with nothing_may_be_written(open_folder):
        for call in (store.append([batches[1]]), store.rollup()):
            with pytest.raises(StoreUnavailableError, match=r"[Pp]ermission denied|[Rr]ead-only"):
                await call
        reader = await open_store(url, read_only=True)
        for one in (store, reader):
            assert (await one.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-20.0]
        await reader.close()
    await store.append([batches[1]])
    await store.rollup()
    assert (await store.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-21.0]
    days = await store.matrix(ALL, "rx_dbm", "count", NOON.date(), NOON.date())
    assert days.values.tolist() == [[2.0]]
    await store.close()
    with nothing_may_be_written(open_folder):
        with pytest.raises(StoreUnavailableError, match="cannot be written"):
            await open_store(url)
        with pytest.raises(StoreUnavailableError, match="cannot be made"):
            await open_store(f"delta:{open_folder / 'another'}")


async def test_a_question_given_up_stops_its_work_wherever_it_is(tmp_path: Path) -> None:
    duck = Duck(tmp_path / "spill")
    steps: list[int] = []

    def work(cursor: duckdb.DuckDBPyConnection) -> None:
        for n in range(2_000):
            cursor.sql("SELECT count(*) FROM range(10)").fetchall()
            steps.append(n)
            time.sleep(0.005)  # most of the time it is between two statements

    asked = asyncio.create_task(duck.ask(work))
    while not steps:
        await asyncio.sleep(0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert len(steps) < 2_000
    duck.close()


async def test_a_question_given_up_before_its_turn_never_begins(tmp_path: Path) -> None:
    duck = Duck(tmp_path / "spill")
    begun: list[bool] = []
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    free = threading.Event()
    blocking = asyncio.create_task(asyncio.to_thread(free.wait))
    waiting = asyncio.create_task(duck.ask(lambda _: begun.append(True)))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.sleep(0)
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await blocking
    assert not begun
    duck.close()


async def test_closing_under_a_question_ends_the_question_and_closes(tmp_path: Path) -> None:
    store = await open_store(f"delta:{tmp_path}")
    lines = [f"L{n}" for n in range(3000)]
    for hour in range(12):
        batch = Batch.of("D", "optics", NOON + timedelta(hours=hour), lines, {"rx_dbm": [-20.0] * 3000})
        await store.append([batch])
    asked = [asyncio.create_task(store.latest(ALL, ["rx_dbm", "tx_dbm", "state"])) for _ in range(8)]
    await asyncio.sleep(0.01)
    await store.close()
    for outcome in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(outcome, pa.Table | StoreUnavailableError), outcome
