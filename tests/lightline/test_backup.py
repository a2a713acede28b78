"""Backup and restore: consistent beside a writer, whole or not there, nothing overwritten, every file checked."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from api.tokens import TokenStore
from lightline import backup
from lightline.backup import back_up, kept_elsewhere, restore
from lightline.problem import UserError
from lightline.settings import ClosedSettings, closed_settings
from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.matrix import ALL
from storage.embedded import copying
from storage.opening import open_store
from tests.lightline.commands import lightline

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
LINES = [f"L{n}" for n in range(50)]


def poll(hour: int) -> Batch:
    return Batch.of("OLT", "optics", NOON + timedelta(hours=hour), LINES, {"rx_dbm": [-20.0 - hour % 7] * 50})


@pytest.fixture
async def kept(tmp_path: Path) -> ClosedSettings:
    """A data folder with two days of fifty lines, a ledger and a token."""
    settings = closed_settings(data=tmp_path / "data")
    settings.data.mkdir()
    store = await open_store(settings.store_url)
    for hour in range(24, 48):
        await store.append([poll(hour)])
    await store.append([poll(hour) for hour in range(24)])
    await store.rollup()
    await store.append([poll(48)])
    await store.close()
    Ledger.open(settings.ledger_url).close()
    TokenStore(settings.tokens_path).create("console", "viewer")
    return settings


async def test_photos_go_with_the_ledger_and_come_back(kept: ClosedSettings, tmp_path: Path) -> None:
    names = [f"{n:02x}" + "0" * 62 for n in range(3)]
    for name in names:
        (kept.photos_path / name[:2]).mkdir(parents=True)
        (kept.photos_path / name[:2] / f"{name}.jpg").write_bytes(name.encode())
    assert back_up(kept, tmp_path / "monday").parts[-1] == "photos"
    other = closed_settings(data=tmp_path / "other")
    restore(other, tmp_path / "monday", force=False)
    back = {path.stem: path.read_bytes() for path in other.photos_path.rglob("*.jpg")}
    assert back == {name: name.encode() for name in names}
    (tmp_path / "monday" / "photos" / "00" / f"{names[0]}.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match="not what was backed up"):
        restore(closed_settings(data=tmp_path / "third"), tmp_path / "monday", force=False)


async def test_what_the_plant_told_and_what_was_learnt_come_back(kept: ClosedSettings, tmp_path: Path) -> None:
    files = {
        "plant-log.jsonl": b'{"kind": "swapped"}\n',
        "findings.json": b"[]",
        "learning/1/model.json": b"{}",
        "learning/in_force.json": b'{"version": 1}',
    }
    for name, content in files.items():
        (kept.data / name).parent.mkdir(parents=True, exist_ok=True)
        (kept.data / name).write_bytes(content)
    with (kept.data / "plant-log.jsonl").open("ab") as log:
        log.write(b'{"kind": "mov')  # its writer is in the midst of a line
    (kept.data / "learning" / ".in_force.json.new").write_bytes(b"half")
    report = back_up(kept, tmp_path / "monday")
    assert report.parts[-3:] == ("plant-log.jsonl", "findings.json", "learning")
    other = closed_settings(data=tmp_path / "other")
    restore(other, tmp_path / "monday", force=False)
    assert {name: (other.data / name).read_bytes() for name in files} == files
    assert not list(other.data.rglob("*.new"))


def test_a_backup_of_a_later_version_is_refused_by_name(kept: ClosedSettings, tmp_path: Path) -> None:
    back_up(kept, tmp_path / "monday")
    manifest = tmp_path / "monday" / "backup.json"
    about = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**about, "parts": [*about["parts"], "weather"]}))
    with pytest.raises(UserError, match=r"weather.*this version does not know"):
        restore(closed_settings(data=tmp_path / "other"), tmp_path / "monday", force=False)


async def everything(url: str) -> list[pa.Table]:
    store = await open_store(url, read_only=True)
    try:
        told = [await store.latest(ALL, ["rx_dbm"])]
        end = NOON + timedelta(days=9)
        for line in LINES[::10]:
            told.append(await store.series(line, ["rx_dbm"], NOON, end, "raw"))
            told.append(await store.series(line, ["rx_dbm"], NOON, end, "day"))
        return told
    finally:
        await store.close()


async def test_what_was_backed_up_is_restored_and_reads_the_same(kept: ClosedSettings, tmp_path: Path) -> None:
    report = back_up(kept, tmp_path / "monday")
    assert report.parts == ("telemetry", "ledger.sqlite", "tokens.sqlite")
    other = closed_settings(data=tmp_path / "other")
    restore(other, tmp_path / "monday", force=False)
    assert await everything(other.store_url) == await everything(kept.store_url)
    assert await everything(f"delta:{tmp_path / 'monday' / 'telemetry'}") == await everything(kept.store_url)
    assert [t.name for t in TokenStore(other.tokens_path).list()] == ["console"]
    Ledger.open(other.ledger_url).close()
    store = await open_store(other.store_url)  # and it goes on from there
    await store.append([poll(49)])
    await store.rollup()
    assert (await store.latest(ALL, ["rx_dbm"]))["rx_dbm_time"][0].as_py() == NOON + timedelta(hours=49)
    await store.close()


async def test_a_backup_beside_a_writer_holds_what_was_acknowledged_before_it_began(
    kept: ClosedSettings, tmp_path: Path
) -> None:
    store = await open_store(kept.store_url)
    said = 48
    done = asyncio.Event()

    async def write() -> None:
        nonlocal said
        while not done.is_set():
            await store.append([poll(said + 1)])
            said += 1
            if said % 9 == 0:
                await store.rollup()

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.2)
    for n in range(3):
        before = said
        await asyncio.to_thread(back_up, kept, tmp_path / f"b{n}")
        copy = await open_store(f"delta:{tmp_path / f'b{n}' / 'telemetry'}")
        series = await copy.series("L7", ["rx_dbm"], NOON, NOON + timedelta(days=900), "raw")
        assert series["rx_dbm"].to_pylist() == [-20.0 - h % 7 for h in range(series.num_rows)]
        assert series.num_rows >= before + 1
        await copy.rollup()
        counts = await copy.matrix(ALL, "rx_dbm", "count", NOON.date(), NOON.date() + timedelta(days=200))
        assert counts.values[0][counts.values[0] > 0].sum() == series.num_rows
        await copy.close()
    done.set()
    await writing
    await store.close()


async def test_a_backup_that_was_cut_off_goes_on_and_is_not_there_before_it_is_whole(
    kept: ClosedSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "monday"
    copied = 0
    real = copying._copy

    def stops_at_the_third(*arguments: object) -> None:
        nonlocal copied
        copied += 1
        if copied == 3:
            raise OSError(28, "No space left on device", str(target))
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_copy", stops_at_the_third)
    with pytest.raises(UserError, match="No space left on device; the same command goes on"):
        back_up(kept, target)
    assert not target.exists()
    with pytest.raises(UserError, match="is no backup"):
        restore(closed_settings(data=tmp_path / "x"), target.with_name("monday.unfinished"), force=False)
    monkeypatch.setattr(copying, "_copy", real)
    report = back_up(kept, target)
    files = json.loads((target / backup.MANIFEST).read_bytes())["files"]
    parquet = sum(f["bytes"] for n, f in files.items() if n.endswith(".parquet") and "_delta_log" not in n)
    databases = sum(f["bytes"] for n, f in files.items() if n.endswith(".sqlite"))
    assert 0 < report.copied_bytes < parquet + databases
    assert not target.with_name("monday.unfinished").exists()


async def test_nothing_that_is_there_is_overwritten_or_deleted(kept: ClosedSettings, tmp_path: Path) -> None:
    back_up(kept, tmp_path / "monday")
    with pytest.raises(UserError, match="is there already"):
        back_up(kept, tmp_path / "monday")
    with pytest.raises(UserError, match="is there already; with --force"):
        restore(kept, tmp_path / "monday", force=False)
    store = await open_store(kept.store_url)
    with pytest.raises(UserError, match="being written by process"):
        restore(kept, tmp_path / "monday", force=True)
    await store.append([poll(60)])
    await store.close()
    restore(kept, tmp_path / "monday", force=True)
    (aside,) = kept.data.glob("telemetry.before-*")
    latest = [
        (await everything(url))[0]["rx_dbm_time"][0].as_py() for url in (f"delta:{aside}", kept.store_url)
    ]  # fmt: skip
    assert latest == [NOON + timedelta(hours=60), NOON + timedelta(hours=48)]


@pytest.mark.parametrize("pattern", ["telemetry/raw/*.parquet", "telemetry/daily/_delta_log/*.json", "ledger.sqlite"])
def test_a_turned_bit_in_a_backup_is_named_and_nothing_is_restored(
    kept: ClosedSettings, tmp_path: Path, pattern: str
) -> None:
    back_up(kept, tmp_path / "monday")
    path = min((tmp_path / "monday").glob(pattern))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    other = closed_settings(data=tmp_path / "other")
    with pytest.raises(UserError, match=f"{path.name} is not what was backed up"):
        restore(other, tmp_path / "monday", force=False)
    assert not other.data.exists() or not list(other.data.iterdir())


async def test_a_damaged_source_is_named_then_set_aside_and_the_rest_is_backed_up(
    kept: ClosedSettings, tmp_path: Path
) -> None:
    telemetry = kept.data / "telemetry"
    path = telemetry / "raw" / copying.tables_of(telemetry)["raw"].snapshot().files[0].name
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(UserError, match=r"no backup was made: .*/raw/recent-.*\.parquet is damaged"):
        back_up(kept, tmp_path / "monday")
    assert not (tmp_path / "monday").exists()
    store = await open_store(kept.store_url)
    await store.rollup()
    await store.close()
    assert "telemetry" in back_up(kept, tmp_path / "monday").parts


def test_what_is_kept_in_servers_is_named_with_its_tool_and_no_password_is_written(tmp_path: Path) -> None:
    settings = closed_settings(
        data=tmp_path, store="influx1://db:8086/plant", ledger="postgresql+psycopg://u:hunter2@pg/plant"
    )
    left = kept_elsewhere(settings)
    assert "influxd backup -portable -database plant" in left["telemetry"]
    assert "pg_dump" in left["ledger"]
    TokenStore(settings.tokens_path)
    back_up(settings, tmp_path / "b")
    assert "hunter2" not in (tmp_path / "b" / backup.MANIFEST).read_text()


def test_the_commands_print_what_they_did(kept: ClosedSettings, tmp_path: Path) -> None:
    made = lightline(tmp_path, "backup", "monday", "--data", "data", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["parts"] == ["telemetry", "ledger.sqlite", "tokens.sqlite"]
    again = lightline(tmp_path, "restore", "monday", "--data", "other")
    assert again.returncode == 0, again.stderr
    with sqlite3.connect(tmp_path / "other" / "tokens.sqlite") as tokens:
        assert tokens.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
    refused = lightline(tmp_path, "restore", "monday", "--data", "other")
    assert refused.returncode == 2
    assert "--force" in refused.stderr
