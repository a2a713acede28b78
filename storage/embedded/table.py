"""A table of the embedded store: which files make it up, from Delta's log, and the commits that change that."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from storage.embedded.files import DataFile, Verifier
from storage.embedded.levels import with_parts
from storage.embedded.mending import mend
from storage.errors import StoreUnavailableError
from storage.windows import microseconds

PERIOD = "period"
RECENT = "recent"
# A commit reads the log from its last checkpoint: at every tenth commit it costs a quarter of what it does at every
# hundredth. Bounds are kept of line and time only, the first two columns.
_LOG = {
    "delta.checkpointInterval": "10",
    "delta.dataSkippingNumIndexedCols": "2",
    "delta.logRetentionDuration": "interval 1 days",
}


@dataclass(frozen=True)
class Snapshot:
    """One committed state. `marks` are numbers committed together with files (how far a derived table has come)."""

    version: int
    files: tuple[DataFile, ...]
    marks: Mapping[str, int]

    def holding(
        self, start: int | None = None, end: int | None = None, lines: tuple[str, str] | None = None
    ) -> list[DataFile]:
        """Files that may hold rows of [start, end) (µs) and of lines from `lines[0]` to `lines[1]`."""
        return [
            f
            for f in self.files
            if (start is None or f.last >= start)
            and (end is None or f.first < end)
            and (lines is None or (f.first_line <= lines[1] and f.last_line >= lines[0]))
        ]

    @property
    def newest_seq(self) -> int:
        return max((f.seq for f in self.files), default=0)


class LogTable:
    """A Delta table whose files are written by storage/embedded/files.py. Thread-safe; one process commits."""

    def __init__(self, folder: Path, schema: pa.Schema, marks: Sequence[str] = (), *, parts: bool = False) -> None:
        """`parts`: files may keep levels in parts, which `schema` does not name."""
        self.folder, self.schema = folder, schema
        self._stored = with_parts(schema) if parts else schema
        self.verifier = Verifier(folder)
        self._mark_names = tuple(marks)
        self._table: DeltaTable | None = None
        self._known: dict[str, DataFile] = {}
        self._snapshot: Snapshot | None = None
        self._ours = False  # no other process commits: what this one knows of the table is all there is
        self._guard = threading.RLock()

    def create(self) -> None:
        """Make the table if it is not there, mend its log, and add columns the schema has gained.

        For the one process that may commit; from here on it does not look for commits of others.
        """
        partitioned = self._stored.append(pa.field(PERIOD, pa.string()))
        try:
            mend(self.folder)
            if not DeltaTable.is_deltatable(str(self.folder)):
                DeltaTable.create(str(self.folder), partitioned, partition_by=[PERIOD], configuration=_LOG)
            table = DeltaTable(str(self.folder))
            there = {f.name for f in table.schema().fields}
            if PERIOD not in there:
                raise StoreUnavailableError(
                    f"{self.folder} was written by an earlier version; move it away and import its history again"
                )
            gained = [f for f in partitioned if f.name not in there]
            if gained:
                table.alter.add_columns(_delta_fields(pa.schema(gained)))
            if not _LOG.items() <= table.metadata().configuration.items():  # of an earlier version
                table.alter.set_table_properties(_LOG)
        except (DeltaError, OSError) as error:
            raise StoreUnavailableError(f"{self.folder} cannot be written: {_brief(error)}") from error
        self._ours = True

    def snapshot(self) -> Snapshot:
        """The newest committed state. Raises StoreUnavailableError where there is no table."""
        with self._guard:
            table = self._refreshed()
            version = int(table.version())
            if self._snapshot is None or self._snapshot.version != version:
                marks = {n: table.transaction_version(n) or 0 for n in self._mark_names}
                self._snapshot = Snapshot(version, self._files(table), marks)
            return self._snapshot

    def forget(self) -> None:
        """Delete the table and begin an empty one: for what can be made again."""
        with self._guard:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._table, self._snapshot, self._known = None, None, {}
            self.create()

    def _after(self, added: Sequence[DataFile], removed: Sequence[DataFile], marks: Mapping[str, int]) -> None:
        """What the commit just made leaves, told without asking the log, where nobody else commits."""
        before, version = self._snapshot, int(self._refreshed().version())
        if before is None or before.version != version - 1:
            return
        gone = {f.name for f in removed}
        files = [f for f in before.files if f.name not in gone] if gone else list(before.files)
        files += added
        for file in added:
            self._known[file.name] = file
        self._snapshot = Snapshot(
            version, tuple(sorted(files, key=lambda f: (f.seq, f.name))), {**before.marks, **marks}
        )

    def commit(
        self,
        add: Iterable[DataFile] = (),
        remove: Iterable[DataFile] = (),
        marks: Mapping[str, int] | None = None,
        *,
        rearranged: bool = False,
    ) -> None:
        """Change the table's files in one step, durable on return; `rearranged`: the same rows in other files."""
        now = int(time.time() * 1000)
        add, remove = list(add), list(remove)
        actions: list[AddAction | RemoveAction] = [
            AddAction(f.name, f.size, {PERIOD: f.period}, now, not rearranged, f.statistics()) for f in add
        ]
        actions += [RemoveAction(f.name, not rearranged, now, f.size, {PERIOD: f.period}) for f in remove]
        done = [Transaction(name, number) for name, number in (marks or {}).items()]
        with self._guard:
            table = self._refreshed()
            try:
                table.create_write_transaction(
                    actions, "append", table.schema(),
                    commit_properties=CommitProperties(app_transactions=done),
                    post_commithook_properties=PostCommitHookProperties(create_checkpoint=True),
                )  # fmt: skip
                version = int(self._refreshed(renew=True).version())
                log = self.folder / "_delta_log"
                for part in (log / f"{version:020d}.json", log / f"{version:020d}.checkpoint.parquet", log):
                    _sync(part)
                _sync(self.folder)
                if self._ours:
                    self._after(add, remove, marks or {})
            except (DeltaError, OSError) as error:
                self._table = None
                raise StoreUnavailableError(f"{self.folder} cannot be written: {_brief(error)}") from error

    def vacuum(self, grace_hours: int) -> int:
        """Delete files that left the table more than `grace_hours` ago, and those a killed writer never committed."""
        with self._guard:
            try:
                gone = self._refreshed().vacuum(
                    retention_hours=grace_hours, dry_run=False, enforce_retention_duration=False, full=True
                )
            except (DeltaError, OSError) as error:
                raise StoreUnavailableError(f"{self.folder} cannot be tidied: {_brief(error)}") from error
            self._table = None
            return len(gone)

    def _refreshed(self, *, renew: bool = False) -> DeltaTable:
        try:
            if self._table is None:
                self._table = DeltaTable(str(self.folder))
            elif not self._ours or renew:
                self._table.update_incremental()
        except (DeltaError, OSError):
            try:  # the log this state came from may have been cleaned up since
                self._table = DeltaTable(str(self.folder))
            except (DeltaError, OSError) as error:
                self._table = None
                raise StoreUnavailableError(
                    f"{self.folder} cannot be read: {_brief(error)}; the writing process makes or mends it at its start"
                ) from error
        return self._table

    def _files(self, table: DeltaTable) -> tuple[DataFile, ...]:
        actions = pa.table(table.get_add_actions(flatten=True))
        names = actions["path"].to_pylist()
        new = [i for i, name in enumerate(names) if name not in self._known]
        wanted = [n for n in _WANTED if n in actions.column_names]
        for row in actions.select(wanted).take(pa.array(new, pa.int64())).to_pylist():
            self._known[row["path"]] = _data_file(row)
        here = set(names)
        for gone in [n for n in self._known if n not in here]:
            del self._known[gone]
        return tuple(sorted((self._known[n] for n in names), key=lambda f: (f.seq, f.name)))


_WANTED = (
    "path", "size_bytes", "num_records", "partition.period", "min.line_id", "max.line_id", "min.time", "max.time",
)  # fmt: skip


def _data_file(row: Mapping[str, object]) -> DataFile:
    name = str(row["path"])
    first, last = (_us(row.get(f"{bound}.time")) for bound in ("min", "max"))
    return DataFile(
        name=name,
        size=int(row["size_bytes"]),  # type: ignore[call-overload]
        rows=int(row["num_records"]),  # type: ignore[call-overload]
        period=str(row["partition.period"]),
        seq=int(name.rsplit("-", 3)[1]),
        first_line=str(row["min.line_id"]),
        last_line=str(row["max.line_id"]),
        first=first,
        last=last,
    )


def _us(at: object) -> int:
    return microseconds(at) if isinstance(at, datetime) else 0


def _brief(error: Exception) -> str:
    """The first line: Delta adds its call stack."""
    return str(error).partition("\n")[0]


def _delta_fields(schema: pa.Schema) -> list[Field]:
    return list(Schema.from_arrow(schema).fields)


def _sync(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # few commits make a checkpoint, and one may replace its log file
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
