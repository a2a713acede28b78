"""Data files: Parquet in key order, durable and never changed, with a digest of their bytes in their name."""

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.embedded.encoding import Form, encoded
from storage.embedded.levels import together, whole, with_their_parts
from storage.errors import StoreCorruptedError
from storage.keyed import instants

ROWS_PER_FILE = 1_000_000
QUARANTINE, REPORTED = "quarantine", ".reported"  # the folder for damaged files; what a note of one found ends with


@dataclass(frozen=True)
class DataFile:
    """One file of a table as the log knows it. Times in µs; `seq` orders what was written when."""

    name: str
    size: int
    rows: int
    period: str
    seq: int
    first_line: str
    last_line: str
    first: int
    last: int

    @property
    def digest(self) -> str:
        return self.name.removesuffix(".parquet").rsplit("-", 1)[1]

    def statistics(self) -> str:
        """What the log says of the file, in Delta's form."""
        bounds = [
            {"line_id": line, **({"time": _iso(at)} if self.first or self.last else {})}
            for line, at in ((self.first_line, self.first), (self.last_line, self.last))
        ]
        return json.dumps({"numRecords": self.rows, "minValues": bounds[0], "maxValues": bounds[1]})


def write(folder: Path, table: pa.Table, period: str, seq: int, part: int, form: Form) -> DataFile:
    """Put `table`, which is in the order of its lines, into a new file that is on disk when this returns.

    Columns that are null throughout are left out. Raises OSError, as on a full disk, and leaves no file then.
    """
    content = encoded(table, form)
    name = f"{period}-{seq:012d}-{part:04d}-{hashlib.blake2b(content, digest_size=8).hexdigest()}.parquet"
    temporary = folder / f"{name}.new"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A killed writer may have left this very file behind, uncommitted: the name tells that the bytes are the same.
        temporary.replace(folder / name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    lines = table["line_id"]
    times = instants(table["time"]) if "time" in table.column_names else None
    return DataFile(
        name, len(content), table.num_rows, period, seq, lines[0].as_py(), lines[-1].as_py(),
        0 if times is None else int(times.min()), 0 if times is None else int(times.max()),
    )  # fmt: skip


def read(folder: Path, file: DataFile, schema: pa.Schema, columns: Collection[str] | None = None) -> pa.Table:
    """All of a file, or those of `columns` that it has, typed as in `schema`. OSError where it cannot be read."""
    with pq.ParquetFile(folder / file.name) as source:
        wanted = with_their_parts(columns, source.schema_arrow.names) if columns is not None else None
        table = together(source.read(wanted, use_threads=columns is None))
    return table.cast(pa.schema([schema.field(n) for n in table.column_names]))


def note_damage(path: Path) -> None:
    """Tell the writing process of a data file that is not what was written; a reader may not be allowed to."""
    note = path.parent.parent / QUARANTINE / f"{path.parent.name}--{path.name}{REPORTED}"
    with contextlib.suppress(OSError):
        note.parent.mkdir(exist_ok=True)
        note.touch()


class Verifier:
    """Checks each file against its name before its first use in this process, and remembers what it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, frozenset[str]]] = {}
        self.damaged: dict[str, str] = {}

    def columns(self, files: Iterable[DataFile]) -> frozenset[str]:
        """The columns that any of the files tells of. Raises StoreCorruptedError naming the first damaged one."""
        return whole(self.stored(files))

    def stored(self, files: Iterable[DataFile]) -> frozenset[str]:
        """The same, of levels in parts the parts."""
        found: frozenset[str] = frozenset()
        for file in files:
            try:
                stamp = (self._folder / file.name).stat().st_mtime_ns
                known = self._known.get(file.name)
                if known is None or known[0] != stamp:
                    known = (stamp, self._check(file))
                    self._known[file.name] = known
            except (OSError, pa.ArrowException) as error:
                self._report(file, str(error))
            found |= known[1]  # type: ignore[index]  # _report raises
        return found

    def _check(self, file: DataFile) -> frozenset[str]:
        content = (self._folder / file.name).read_bytes()
        if hashlib.blake2b(content, digest_size=8).hexdigest() != file.digest:
            self._report(file, "its bytes are not those that were written")
        self.damaged.pop(file.name, None)
        return frozenset(pq.read_schema(pa.BufferReader(content)).names)

    def _report(self, file: DataFile, why: str) -> None:
        self.damaged[file.name] = why
        note_damage(self._folder / file.name)
        raise StoreCorruptedError(
            f"{self._folder / file.name} is damaged: {why}; the writing process sets it aside at its next rollup, then "
            f"put it back from a backup (it holds {file.rows} rows of the lines {file.first_line} to {file.last_line})"
        )

    def sizes(self, files: Iterable[DataFile]) -> None:
        """A quick look at all files: present, and as long as they were."""
        for file in files:
            try:
                if (self._folder / file.name).stat().st_size != file.size:
                    self.damaged[file.name] = "it is not as long as it was"
            except OSError as error:
                self.damaged[file.name] = str(error)


def _iso(us: int) -> str:
    at = datetime.fromtimestamp(us // 1_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{us % 1_000_000:06d}Z"
