"""Backup and restore of what Lightline keeps, and a note of the settings.

A backup is a folder: `telemetry/` (a whole embedded store, which can be opened where it lies), databases, files and
folders by the names of `_kept`, and `backup.json`, which names every file with its size and digest. It is made in a
folder beside its own that ends in `.unfinished` and renamed when all of it has been read back: a backup that is there
is whole. What lives in a database server is that server's to back up; `backup.json` says with what.
"""

import filecmp
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from lightline.problem import UserError
from lightline.settings import Settings
from plant.batch import StoreUnavailableError
from storage.embedded.copying import copy_store, digest_of, size_of, sync_folder, write_durably
from storage.embedded.lock import WriterLock

MANIFEST = "backup.json"
TELEMETRY = "telemetry"
FORMAT = 1
PAGES_A_STEP = 2_000  # of SQLite's backup; between steps those who write have their turn
Progress = Callable[[int], None]


@dataclass(frozen=True)
class BackupReport:
    """What was backed up or restored. `left` says of each part that is kept elsewhere how to back it up."""

    folder: Path
    parts: tuple[str, ...]
    total_bytes: int
    copied_bytes: int
    left: dict[str, str]


def bytes_to_copy(settings: Settings) -> int:
    """About how many bytes of telemetry a backup would hold; 0 where they are kept elsewhere, or there is no store."""
    folder = telemetry_folder(settings)
    return size_of(folder) if folder is not None and folder.is_dir() else 0


def back_up(settings: Settings, target: Path, progress: Progress = lambda _: None) -> BackupReport:
    """Make a backup at `target` while the service runs; one that was cut off is gone on with.

    UserError where `target` is there already, where something is damaged or in the way, or where nothing is kept.
    """
    if target.exists():
        raise UserError(f"{target} is there already; name a folder that is not, such as one with the day in its name")
    work = target.with_name(target.name + ".unfinished")
    try:
        work.mkdir(parents=True, exist_ok=True)
        with WriterLock(work / "writer.lock", "backup"):
            report = _fill(settings, target, work, progress)
        (work / "writer.lock").unlink()
        work.rename(target)
        sync_folder(target.parent)
    except StoreUnavailableError as error:
        raise UserError(f"no backup was made: {error}") from None
    except OSError as error:
        raise UserError(
            f"no backup was made: {error.filename or work}: {error.strerror or error}; the same command goes on"
        ) from None
    return report


def _fill(settings: Settings, target: Path, work: Path, progress: Progress) -> BackupReport:
    parts: list[str] = []
    copied = 0
    folder = telemetry_folder(settings)
    if folder is not None and folder.is_dir():
        copied = copy_store(folder, work / TELEMETRY, progress).copied_bytes
        parts.append(TELEMETRY)
    for name, (source, copy) in _kept(settings).items():
        if source is not None and source.exists():
            copied += copy(source, work / name)
            parts.append(name)
    if not parts:
        raise UserError(f"nothing is kept in {settings.data} that could be backed up; name another --data")
    files = {
        str(path.relative_to(work)): {"bytes": path.stat().st_size, "digest": digest_of(path)}
        for path in sorted(work.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST, "writer.lock")
    }
    left = kept_elsewhere(settings)
    about = {
        "format": FORMAT, "made_at": datetime.now(UTC), "lightline": version("lightline"), "parts": parts,
        "kept_elsewhere": left, "settings": _told(settings), "files": files,
    }  # fmt: skip
    write_durably(work / MANIFEST, orjson.dumps(about, option=orjson.OPT_INDENT_2))
    return BackupReport(target, tuple(parts), sum(f["bytes"] for f in files.values()), copied, left)  # type: ignore[misc]


def restore(settings: Settings, source: Path, *, force: bool, progress: Progress = lambda _: None) -> BackupReport:
    """Put a backup where the settings say things are kept; cut off, the same call goes on.

    What is there already is never deleted: with `force` it is moved aside, named by the time, else UserError.
    """
    about = read_manifest(source)
    places = _places(settings, about["parts"])
    there = [place for place in places.values() if _holds_something(place)]
    if there and not force:
        raise UserError(
            f"{there[0]} is there already; with --force what is there is moved aside first (and not deleted)"
        )
    try:
        _check(source, about)
        locks = [WriterLock(p / "writer.lock", "restore") for p in there if p.is_dir()]  # refused while it is written
        try:
            copied = _put(source, places, progress)
            for place in there:
                _move_aside(place)
            for place in places.values():
                _beside(place).rename(place)
                sync_folder(place.parent)
        finally:
            for lock in locks:
                lock.release()
    except StoreUnavailableError as error:
        raise UserError(f"nothing was restored: {error}") from None
    except OSError as error:
        raise UserError(f"{error.filename or source}: {error.strerror or error}; the same command goes on") from None
    total = sum(f["bytes"] for f in about["files"].values())
    return BackupReport(source, tuple(about["parts"]), total, copied, about["kept_elsewhere"])


def read_manifest(source: Path) -> dict[str, Any]:
    """What a backup says of itself. UserError where `source` is no whole backup."""
    try:
        about: dict[str, Any] = orjson.loads((source / MANIFEST).read_bytes())
        if about["format"] != FORMAT:
            raise UserError(f"{source} is a backup of form {about['format']}; this version reads form {FORMAT}")
        about["parts"], about["files"], about["kept_elsewhere"]
    except FileNotFoundError:
        raise UserError(f"{source} is no backup: it has no {MANIFEST}") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise UserError(f"{source / MANIFEST} is damaged; restore from another backup") from None
    return about


def telemetry_folder(settings: Settings) -> Path | None:
    """The folder of the embedded store; None where telemetry lives in a server."""
    kind, _, folder = settings.store_url.partition(":")
    return Path(folder) if kind == "delta" else None


def ledger_file(settings: Settings) -> Path | None:
    """The file of the ledger; None where it lives in a server."""
    url = sa.make_url(settings.ledger_url)
    return Path(url.database) if url.drivername.startswith("sqlite") and url.database else None


def kept_elsewhere(settings: Settings) -> dict[str, str]:
    """Part → the tool that backs it up where it is kept."""
    found = {}
    kind, _, rest = settings.store_url.partition("://")
    database = rest.rstrip("/").rsplit("/", 1)[-1]
    if kind.startswith("influx1"):
        found[TELEMETRY] = f"influxd backup -portable -database {database} FOLDER (on the server)"
    elif kind.startswith("influx2"):
        found[TELEMETRY] = f"influx backup --bucket {database} FOLDER"
    elif kind.startswith("influx3"):
        found[TELEMETRY] = "copy the server's object store while it is stopped, or its bucket's snapshot"
    if ledger_file(settings) is None:
        url = sa.make_url(settings.ledger_url)
        found["ledger"] = f"pg_dump --format=custom --file=ledger.dump --host={url.host or 'HOST'} {url.database}"
    return found


Copy = Callable[[Path, Path], int]  # from, to; bytes copied


def _kept(settings: Settings) -> dict[str, tuple[Path | None, Copy]]:
    """What is kept beside telemetry, by its name in a backup: where (None in a server) and how it is copied.

    In the order of copying: a photo is there before the ledger knows of it, so the ledger goes first.
    """
    return {
        "ledger.sqlite": (ledger_file(settings), _copy_database),
        "tokens.sqlite": (settings.tokens_path, _copy_database),
        "photos": (settings.photos_path, _copy_folder),
        "plant-log.jsonl": (settings.plant_log_path, _copy_log),
        "plant-corrections.jsonl": (settings.corrections_path, _copy_log),
        "findings.json": (settings.told_path, _copy_file),
        "learning": (settings.learning_path, _copy_folder),
    }


def _copy_database(source: Path, target: Path) -> int:
    """A consistent copy of an SQLite file that others may be writing to, checked from end to end."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as reading,
            closing(sqlite3.connect(temporary)) as writing,
        ):
            temporary.chmod(0o600)
            reading.backup(writing, pages=PAGES_A_STEP, sleep=0.01)
            writing.execute("PRAGMA journal_mode = DELETE")
            told = writing.execute("PRAGMA integrity_check").fetchone()[0]
        if told != "ok":
            raise UserError(f"{source} is damaged ({told}); restore it from an older backup")
    except sqlite3.Error as error:
        raise UserError(f"{source} cannot be read: {error}") from None
    return _settle(temporary, target)


def _copy_folder(source: Path, target: Path) -> int:
    """Files that are renamed into place whole (until then their names begin with a dot); what is there stays.

    What names others (`learning/in_force.json`) is written after them, and so is copied before them.
    """
    target.mkdir(parents=True, exist_ok=True)
    files = [path for path in source.rglob("[!.]*") if path.is_file()]
    files.sort(key=lambda path: (len(path.parts), path))
    return sum(_copy_file(path, target / path.relative_to(source)) for path in files)


def _copy_file(source: Path, target: Path) -> int:
    if target.is_file() and filecmp.cmp(source, target, shallow=False):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    shutil.copyfile(source, temporary)
    return _settle(temporary, target)


def _copy_log(source: Path, target: Path) -> int:
    """A file of lines that another process appends to: up to its last whole line."""
    whole, _, _ = source.read_bytes().rpartition(b"\n")
    temporary = target.with_name(target.name + ".new")
    temporary.write_bytes(whole + b"\n" if whole else b"")
    return _settle(temporary, target)


def _settle(temporary: Path, target: Path) -> int:
    _sync(temporary)
    temporary.replace(target)
    return target.stat().st_size


def _check(source: Path, about: dict[str, Any]) -> None:
    """Every file of the backup is there and as it was written."""
    for name, known in about["files"].items():
        path = source / name
        if not path.is_file() or path.stat().st_size != known["bytes"] or digest_of(path) != known["digest"]:
            raise UserError(f"{path} is not what was backed up; nothing was restored: use another backup")


def _places(settings: Settings, parts: list[str]) -> dict[str, Path]:
    """Where each part of a backup belongs by the settings."""
    places: dict[str, Path] = {}
    known = _kept(settings)
    for part in parts:
        if part != TELEMETRY and part not in known:
            raise UserError(
                f"the backup has {part}, which this version does not know; restore it with the version that made it"
            )
        place = telemetry_folder(settings) if part == TELEMETRY else known[part][0]
        if place is None:
            raise UserError(
                f"the backup has {part}, but the settings keep that in a server: restore it with --store "
                "delta:FOLDER or a ledger in a file, then `lightline move`"
            )
        places[part] = place
    return places


def _put(source: Path, places: dict[str, Path], progress: Progress) -> int:
    copied = 0
    for part, place in places.items():
        beside = _beside(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        if part == TELEMETRY:
            copied += copy_store(source / part, beside, progress).copied_bytes
        elif (source / part).is_dir():
            copied += _copy_folder(source / part, beside)
        else:
            temporary = beside.with_name(beside.name + ".new")
            shutil.copyfile(source / part, temporary)
            temporary.chmod(0o600)
            _sync(temporary)
            if digest_of(temporary, from_disk=True) != digest_of(source / part):
                raise UserError(f"{temporary} is not what was written into it: look at the disk")
            temporary.replace(beside)
            copied += beside.stat().st_size
    return copied


def _beside(place: Path) -> Path:
    return place.with_name(place.name + ".restoring")


def _holds_something(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.exists()


def _move_aside(place: Path) -> None:
    aside = f".before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for path in (place, *(place.with_name(place.name + end) for end in ("-wal", "-shm"))):
        if path.exists():
            path.rename(place.with_name(place.name + aside + path.name.removeprefix(place.name)))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(settings: Settings) -> dict[str, Any]:
    """The settings without what must not be written down."""
    told: dict[str, Any] = settings.model_dump(mode="json")
    told["ledger"] = sa.make_url(settings.ledger_url).render_as_string(hide_password=True)
    return told
