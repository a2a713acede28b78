"""A consistent copy of a store's folder while another process writes to it; what a backup and a restore are made of.

The tables are looked at in an order in which each knows no more than those that follow: `latest` and `daily` carry
marks of how far they speak for `raw`, so that what is newer in `raw` is simply due for the next rollup of the copy.
Files never change, and those that leave a table stay for hours: they can be copied at leisure. A file that is already
in the copy and has the digest in its name is not copied again, so a copy that was cut off goes on where it was. The
copy's logs are written last, one commit a table.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.embedded.files import DataFile, note_damage
from storage.embedded.latest import UP_TO as KNOWN_TO
from storage.embedded.latest import latest_schema
from storage.embedded.table import LogTable, Snapshot
from storage.embedded.touched import DAILY_MARKS, HOURLY_MARKS, RAW_MARKS
from storage.errors import StoreCorruptedError, StoreUnavailableError
from storage.schema import raw_schema, rollup_schema

ABOUT = "store.json"
ATTEMPTS = 3  # states of a store to begin with: a very slow copy may find files gone
BLOCK = 4 << 20
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Copied:
    """What a copy holds. `rows` and `files` by table; bytes of data files, and of those copied by this call."""

    zone: str
    rows: dict[str, int]
    files: dict[str, int]
    total_bytes: int
    copied_bytes: int


def tables_of(folder: Path) -> dict[str, LogTable]:
    """The store's tables in the order in which a copy must look at them."""
    return {
        "latest": LogTable(folder / "latest", latest_schema(), [KNOWN_TO]),
        "daily": LogTable(folder / "daily", rollup_schema(), DAILY_MARKS),
        "hourly": LogTable(folder / "hourly", rollup_schema(), HOURLY_MARKS),
        "raw": LogTable(folder / "raw", raw_schema(), RAW_MARKS, parts=True),
    }


def size_of(folder: Path) -> int:
    """Bytes of the data files that a copy made now would hold. Raises StoreUnavailableError where there is no store."""
    return sum(f.size for table in tables_of(folder).values() for f in table.snapshot().files)


def copy_store(source: Path, target: Path, progress: Progress = lambda _: None) -> Copied:
    """Copy the store in the folder `source` into `target`; called again after it was cut off, it goes on.

    `progress` is told bytes as they are dealt with. Every file is read back from the copy and compared with its digest.
    StoreCorruptedError names a file of the source that is damaged, StoreUnavailableError what else is in the way;
    OSError is the disk's. `target` is a whole store only once this has returned.
    """
    about = _about(source)
    target.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        tables = tables_of(source)
        state = {name: table.snapshot() for name, table in tables.items()}
        try:
            copied = sum(_copy_files(source / name, target / name, state[name], progress) for name in tables)
            break
        except FileNotFoundError as error:
            if attempt == ATTEMPTS - 1:
                raise StoreUnavailableError(
                    f"{error.filename} went away while it was copied: the copy takes longer than files are kept"
                ) from None
    _write_logs(target, state)
    write_durably(target / ABOUT, json.dumps(about).encode())
    return Copied(
        zone=str(about["zone"]),
        rows={name: sum(f.rows for f in s.files) for name, s in state.items()},
        files={name: len(s.files) for name, s in state.items()},
        total_bytes=sum(f.size for s in state.values() for f in s.files),
        copied_bytes=copied,
    )


def _about(source: Path) -> dict[str, object]:
    try:
        about: dict[str, object] = json.loads((source / ABOUT).read_text(encoding="utf-8"))
        about["format"], about["zone"]
    except FileNotFoundError:
        raise StoreUnavailableError(f"{source} holds no store") from None
    except (ValueError, KeyError, TypeError):
        raise StoreCorruptedError(f"{source / ABOUT} is damaged") from None
    return about


def _copy_files(source: Path, target: Path, state: Snapshot, progress: Progress) -> int:
    """The bytes that were copied; files in `target` that do not belong to the state are deleted."""
    target.mkdir(exist_ok=True)
    belonging = {f.name for f in state.files}
    for path in target.glob("*.parquet*"):
        if path.name not in belonging:
            path.unlink()
    copied = 0
    for file in state.files:
        there = target / file.name
        if not (there.exists() and there.stat().st_size == file.size and digest_of(there) == file.digest):
            _copy(source / file.name, there, file)
            copied += file.size
        progress(file.size)
    sync_folder(target)
    return copied


def _copy(source: Path, target: Path, file: DataFile) -> None:
    temporary = target.with_name(target.name + ".new")
    with source.open("rb") as reading, temporary.open("wb") as writing:
        shutil.copyfileobj(reading, writing, BLOCK)
        writing.flush()
        os.fsync(writing.fileno())
    if digest_of(temporary, from_disk=True) != file.digest:
        temporary.unlink()
        if digest_of(source) == file.digest:
            raise StoreCorruptedError(f"{target} is not what was written into it: look at the disk")
        note_damage(source)
        raise StoreCorruptedError(
            f"{source} is damaged: its bytes are not those that were written; the writing process sets it aside at its "
            "next rollup, then the same command goes on"
        )
    temporary.replace(target)


def _write_logs(target: Path, state: dict[str, Snapshot]) -> None:
    for name, table in tables_of(target).items():
        shutil.rmtree(table.folder / "_delta_log", ignore_errors=True)  # of a copy that was cut off
        table.create()
        table.commit(state[name].files, marks=state[name].marks)
        if {f.name for f in table.snapshot().files} != {f.name for f in state[name].files}:
            raise StoreCorruptedError(f"the log of {table.folder} does not tell what was written into it")


def digest_of(path: Path, *, from_disk: bool = False) -> str:
    """The digest that names a data file; `from_disk`: not what the system's cache remembers of it."""
    digest = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        if from_disk:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` into a file that is there whole or not at all. OSError is the disk's."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
