"""What a full analysis notes is whole or not there, and of use to the same analyzer for some days only."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from analyzer.kept import Kept, keep_block
from analyzer.settings import Settings
from lightline.analysis import Analysis, analyze_day
from lightline.inventory import read_inventory
from lightline.keeping import CURRENT, Keeping, UnusableError, forget
from plant.inventory import Inventory
from simulator.inventory import write_plant
from simulator.world import World
from storage.opening import open_store
from storage.protocol import TelemetryStore
from tests.analyzer.plants import plant

ON = date(2026, 5, 20)
SETTINGS = Settings.load()
END = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
DAYS = 45


@pytest.fixture(scope="module")
def kept() -> Kept:
    made = plant(3, lines=256, days=60, faults=("connector",))
    return keep_block(made.history(), made.as_of, SETTINGS)[1]


def keeping(folder: Path, full_days: int = 7, settings: Settings = SETTINGS, days: int = 90) -> Keeping:
    return Keeping(folder / "full", full_days, settings, days)


def write(folder: Path, kept: Kept, on: date = ON, blocks: int = 1) -> None:
    writing = keeping(folder).begin()
    for number in reversed(range(blocks)):
        writing.add(number, (f"OLT{number}", ""), kept)
    writing.finish(on, 256, 3)


def test_what_was_noted_comes_back_as_it_was(tmp_path: Path, kept: Kept) -> None:
    write(tmp_path, kept, blocks=2)
    run = keeping(tmp_path).usable(ON + timedelta(days=1))
    assert (run.on, run.lines, run.unjudged) == (ON, 256, 3)
    assert run.devices == (("OLT0", ""), ("OLT1", ""))
    back = run.block(1)
    assert (back.on, back.figures, back.nulls) == (kept.on, kept.figures, kept.nulls)
    np.testing.assert_array_equal(back.dates, kept.dates)
    for ours, theirs in ((back.names, kept.names), (back.places, kept.places), (back.lines, kept.lines)):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[k], theirs[k], equal_nan=ours[k].dtype.kind == "f") for k in ours)
    assert back.series.keys() == kept.series.keys()
    assert all(np.array_equal(back.series[k], kept.series[k], equal_nan=True) for k in kept.series)


def test_only_the_newest_full_run_is_kept(tmp_path: Path, kept: Kept) -> None:
    for day in range(3):
        write(tmp_path, kept, ON + timedelta(days=day))
    assert len([p for p in (tmp_path / "full").iterdir() if p.is_dir()]) == 1
    assert keeping(tmp_path).usable(ON + timedelta(days=2)).on == ON + timedelta(days=2)


def test_it_is_of_use_to_the_same_analyzer_for_some_days(tmp_path: Path, kept: Kept) -> None:
    with pytest.raises(UnusableError, match="no full analysis was kept"):
        keeping(tmp_path).usable(ON)
    write(tmp_path, kept)
    for day in (ON + timedelta(days=7), ON - timedelta(days=1)):
        with pytest.raises(UnusableError, match="the last full analysis is of 2026-05-20"):
            keeping(tmp_path).usable(day)
    for other in (
        keeping(tmp_path, settings=replace(SETTINGS, still_there=0.4)),
        keeping(tmp_path, days=60),
    ):
        with pytest.raises(UnusableError, match="settings are others"):
            other.usable(ON)
    forget(tmp_path / "full")
    forget(tmp_path / "full")
    with pytest.raises(UnusableError, match="no full analysis was kept"):
        keeping(tmp_path).usable(ON)


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b'{"on": "soon"}'])
def test_what_cannot_be_read_is_of_no_use(said: bytes, tmp_path: Path, kept: Kept) -> None:
    write(tmp_path, kept)
    (tmp_path / "full" / CURRENT).write_bytes(said)
    with pytest.raises(UnusableError, match="cannot be read"):
        keeping(tmp_path).usable(ON)


def test_a_damaged_block_is_noticed(tmp_path: Path, kept: Kept) -> None:
    write(tmp_path, kept)
    (file,) = (tmp_path / "full").glob("*/0.npz")
    whole = file.read_bytes()
    rng = np.random.default_rng(1)
    noticed = 0
    for at in rng.integers(0, len(whole), 20):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            keeping(tmp_path).usable(ON).block(0)
        except UnusableError:
            noticed += 1
    assert noticed >= 18  # some bytes of a zip file say nothing
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(UnusableError, match="cannot be read"):
            keeping(tmp_path).usable(ON).block(0)


WRITER = """
import sys
from pathlib import Path
from tests.lightline.test_keeping import SETTINGS, ON, keep_block, plant, write
made = plant(3, lines=256, days=60, faults=("connector",))
kept = keep_block(made.history(), made.as_of, SETTINGS)[1]
while True:
    write(Path(sys.argv[1]), kept, blocks=3)
    print("written", flush=True)
"""


def test_killed_in_the_middle_it_is_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(int(rng.integers(1, 6))):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
        run = keeping(tmp_path).usable(ON)
        assert [run.block(number).on for number in range(3)] == [run.block(0).on] * 3


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, date]:
    folder = tmp_path_factory.mktemp("town")
    asyncio.run(_lived_in(folder))
    return folder, END.date() - timedelta(days=1)


async def _lived_in(folder: Path) -> None:
    world = World(5, 2, 240, faults=5, end=END, days=DAYS)
    write_plant(world, folder, agent_ports={olt.id: 1 for olt in world.olts})
    inventory = read_inventory(folder / "devices.yaml")
    store = await open_store(f"delta:{folder / 'telemetry'}", zone=inventory.calendar.zone)
    try:
        for batch in world.history(step_s=21_600):
            await store.append([batch])
        await store.rollup()
    finally:
        await store.close()


async def analysed(town: Path, kept: Path, as_of: date, change: str = "") -> Analysis:
    inventory: Inventory = read_inventory(town / "devices.yaml")
    if change:
        lines = inventory.lines
        inventory = replace(inventory, lines=lines.slice(lines.num_rows // 4))
    store: TelemetryStore = await open_store(f"delta:{town / 'telemetry'}", zone=inventory.calendar.zone)
    try:
        return await analyze_day(store, inventory, as_of, 40, keeping=Keeping(kept, 7, SETTINGS, 40))
    finally:
        await store.close()


async def test_between_full_analyses_few_lines_are_judged_and_the_same_is_found(
    town: tuple[Path, date], tmp_path: Path
) -> None:
    folder, day = town
    full = await analysed(folder, tmp_path, day - timedelta(days=3))
    assert full.judged == full.lines >= 240
    daily = await analysed(folder, tmp_path, day)
    assert 0 < daily.judged < daily.lines == full.lines
    assert daily.days == full.days
    again = await analysed(folder, tmp_path / "other", day)
    assert again.findings
    assert {(f.place, f.cause, f.lines) for f in daily.findings} == {
        (f.place, f.cause, f.lines) for f in again.findings
    }


async def test_what_was_kept_is_left_where_the_plant_or_the_file_is_another(
    town: tuple[Path, date], tmp_path: Path
) -> None:
    folder, day = town
    await analysed(folder, tmp_path, day - timedelta(days=1))
    changed = await analysed(folder, tmp_path, day, "a quarter of the lines is in no file")
    assert changed.judged == changed.lines
    (block,) = tmp_path.glob("*/0.npz")
    block.write_bytes(block.read_bytes()[:-500])
    assert (await analysed(folder, tmp_path, day, "the same")).judged == changed.lines
    assert (await analysed(folder, tmp_path, day, "the same")).judged < changed.lines
