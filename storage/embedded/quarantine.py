"""Damaged files: who finds one says so, the writing process sets it aside, and the rest is served.

`quarantine/` in the store's folder holds the files, each beside a note of what it was and what is missing without it.
A file whose bytes are right again, as when it was put back from a backup, returns at the writer's next start.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import structlog

from storage.embedded import files as data_files
from storage.embedded.copying import digest_of, write_durably
from storage.embedded.files import QUARANTINE, REPORTED, DataFile
from storage.embedded.keyed_table import KeyedTable
from storage.embedded.table import LogTable

log = structlog.get_logger(__name__)


class Quarantine:
    """The folder `quarantine/` of a store; its writing process alone calls what changes something."""

    def __init__(self, store: Path) -> None:
        self.folder = store / QUARANTINE

    def set_aside(self, table: LogTable, done: int | None = None) -> int:
        """Take damaged files out of a table: those found here, or told by another process; their number.

        Of the raw table `done` is the seq up to which it is rolled up: what is above is due when it comes back.
        """
        name = table.folder.name
        notes = list(self.folder.glob(f"{name}--*{REPORTED}")) if self.folder.is_dir() else []
        told = {p.name.removeprefix(f"{name}--").removesuffix(REPORTED) for p in notes}
        files = [f for f in table.snapshot().files if f.name in told or f.name in table.verifier.damaged]
        damaged = [f for f in files if not _right(table.folder / f.name, f)]
        for file in damaged:
            why = table.verifier.damaged.get(file.name, "its bytes are others")
            due = done is not None and file.seq > done
            note = {**asdict(file), "table": name, "why": why, "due": due}
            self.folder.mkdir(exist_ok=True)
            write_durably(self.folder / f"{name}--{file.name}.json", json.dumps(note, indent=1).encode())
        if damaged:
            table.commit(remove=damaged)
        for file in damaged:
            with suppress(FileNotFoundError):
                (table.folder / file.name).replace(self.folder / f"{name}--{file.name}")
            log.error(
                "a damaged file was set aside; put it back from a backup", table=name, file=file.name, rows=file.rows,
                lines=f"{file.first_line} to {file.last_line}",
            )  # fmt: skip
        for file in files:
            table.verifier.damaged.pop(file.name, None)
        for note_path in notes:
            note_path.unlink(missing_ok=True)
        return len(damaged)

    def take_back(self, table: KeyedTable) -> int:
        """Return files to their table whose bytes are right again; their number."""
        returned = 0
        folder = table.log.folder
        for note, file in self._held(folder.name):
            path = note.with_suffix("")
            if not (path.exists() and _right(path, file)):
                continue
            if json.loads(note.read_text(encoding="utf-8")).get("due"):  # as if it had just arrived
                rows = data_files.read(self.folder, replace(file, name=path.name), table.log.schema)
                table.append(rows.drop_columns(["seq"]))
                path.unlink()
            else:
                path.replace(folder / file.name)
                if file.name not in {f.name for f in table.log.snapshot().files}:
                    table.log.commit([file])
            note.unlink()
            returned += 1
            log.info("a file that had been set aside is back", table=folder.name, file=file.name, rows=file.rows)
        return returned

    def held(self, tables: Iterable[str]) -> list[tuple[str, DataFile]]:
        """(table, file) of everything set aside."""
        return [(table, file) for table in tables for _, file in self._held(table)]

    def _held(self, table: str) -> list[tuple[Path, DataFile]]:
        found = []
        for note in sorted(self.folder.glob(f"{table}--*.json")) if self.folder.is_dir() else []:
            try:
                told = json.loads(note.read_text(encoding="utf-8"))
                found.append((note, DataFile(**{n: told[n] for n in DataFile.__dataclass_fields__})))
            except (ValueError, KeyError, TypeError, FileNotFoundError):
                log.warning("a note in quarantine cannot be read", file=str(note))
        return found


def _right(path: Path, file: DataFile) -> bool:
    try:
        return path.stat().st_size == file.size and digest_of(path) == file.digest
    except OSError:
        return False
