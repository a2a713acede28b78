"""The spool's files: append-only segments, the cursor of what was delivered, and what is set aside.

Synchronous and for one thread; collector/spool/spool.py is the asynchronous face. In the folder: `SEQ.seg` (segments,
named by the sequence number of their first record), `cursor` (the next record to deliver), `quarantine/` (segments in
which damage was found, whole), `set_aside/` (batches that the store refused for good), `lock`.
"""

import errno
import fcntl
import mmap
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from collector.spool.durable import sync_folder, write_whole
from collector.spool.record import DamagedRecordError, batch_of, frame, next_record, record_at
from plant.batch import Batch

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 64 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SpoolFullError(RuntimeError):
    """The spool or its disk has no room: nothing was written, nothing may be acknowledged."""


class SpoolLockedError(RuntimeError):
    """Another process owns the spool."""


class BatchTooLargeError(ValueError):
    """A batch larger than the whole spool may be: it can never fit."""


@dataclass
class Segment:
    """A segment on disk: its path, the sequence number of its first record, and how many bytes of it are sound."""

    path: Path
    first: int
    size: int


@dataclass(frozen=True)
class Position:
    """Where a record lies: its segment, its offset there, its sequence number."""

    path: Path
    offset: int
    seq: int


@dataclass(frozen=True)
class Group:
    """Batches read from the spool, in order; `next_seq` is what to commit once they are delivered."""

    batches: tuple[Batch, ...]
    next_seq: int
    size: int  # bytes read


class SegmentLog:
    """Append-only log in a folder. `limit` bounds the bytes of all segments together."""

    def __init__(self, folder: Path, limit: int, segment_bytes: int | None = None) -> None:
        """Open or create; cut a torn end off. Raises SpoolLockedError or OSError."""
        self.folder = folder
        self.limit = limit
        self.segment_bytes = segment_bytes or max(min(SEGMENT_BYTES, limit // 8), 4096)
        self.damaged = 0  # places where records could not be read
        self.quarantined: list[str] = []
        self.torn_bytes = 0  # cut off at opening
        self._told: set[tuple[str, int]] = set()  # damage already reported: segment, offset
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        self._file: BinaryIO | None = None
        self.delivered = self._load_cursor()
        self._segments = self._find_segments()
        self.next_seq = self._recover()
        if self._segments:  # segments are removed before the cursor says so
            self.delivered = max(self.delivered, self._segments[0].first)
        self._start: Position | None = None  # where the record `delivered` lies
        self._read_to: Position | None = None  # where the last group ended
        self._forget_delivered()

    # -- opening -----------------------------------------------------------------------------------------------------

    def _take_lock(self) -> BinaryIO:
        lock = (self.folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise SpoolLockedError(
                f"{self.folder} is in use by another process; stop it, or name another data folder"
            ) from None
        return lock

    def _load_cursor(self) -> int:
        path = self.folder / "cursor"
        try:
            number, crc = path.read_text("ascii").split()
            if zlib.crc32(number.encode()) == int(crc, 16):
                return int(number)
        except FileNotFoundError:
            return 0
        except (ValueError, OSError):
            pass
        log.warning("spool cursor unreadable; delivering again what is on disk", path=str(path))
        return 0

    def _find_segments(self) -> list[Segment]:
        return [
            Segment(p, int(p.stem), p.stat().st_size) for p in sorted(self.folder.glob("*.seg")) if p.stem.isdigit()
        ]

    def _recover(self) -> int:
        """Sequence number of the next record to write; cuts the torn end of the last segment."""
        if not self._segments:
            return self.delivered
        last = self._segments[-1]
        offset, seq = 0, last.first - 1
        torn: DamagedRecordError | None = None
        with _mapped(last.path, last.size) as data:
            while offset < len(data):
                try:
                    record = record_at(data, offset)
                except DamagedRecordError as error:
                    found = next_record(data, offset, seq)
                    if found is None:
                        torn = error
                        break
                    record = found[1]  # damage in the middle: told and set aside when the reader comes to it
                offset, seq = record.end, record.seq
        if torn is not None:
            if not torn.cut_off:
                self._quarantine(last, offset, str(torn))
            self._cut(last, offset, str(torn))
        return max(seq + 1, self.delivered)

    def _cut(self, segment: Segment, offset: int, why: str) -> None:
        torn = segment.size - offset
        with segment.path.open("r+b") as file:
            file.truncate(offset)
            os.fsync(file.fileno())
        segment.size = offset
        self.torn_bytes += torn
        log.warning("torn end of the spool cut off", segment=segment.path.name, offset=offset, bytes=torn, why=why)

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def bytes_used(self) -> int:
        return sum(s.size for s in self._segments)

    @property
    def pending(self) -> int:
        """Records not yet delivered."""
        return self.next_seq - self.delivered

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write the payloads as records and wait until the disk has them: all of them or none.

        Raises SpoolFullError (nothing written) or BatchTooLargeError or OSError (the disk is broken).
        """
        if not payloads:
            return
        data = b"".join(frame(self.next_seq + n, p) for n, p in enumerate(payloads))
        if len(data) > self.limit:
            raise BatchTooLargeError(f"{len(data)} bytes cannot fit into a spool of {self.limit}; raise spool_mb")
        if self.bytes_used + len(data) > self.limit:
            self._drop_delivered_end()
        if self.bytes_used + len(data) > self.limit:
            raise SpoolFullError(f"the spool holds {self.bytes_used} of {self.limit} bytes and takes no more")
        try:
            self._write(data)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise SpoolFullError(f"the disk under {self.folder} is full ({error.strerror})") from error
            raise
        self.next_seq += len(payloads)

    def _write(self, data: bytes) -> None:
        segment, file = self._writable()
        try:
            written = 0
            while written < len(data):
                written += os.write(file.fileno(), memoryview(data)[written:])
            os.fsync(file.fileno())
        except OSError:
            # After a failed write or fsync nobody knows what is on disk: go back to the last sound byte and leave
            # this file alone from now on.
            os.ftruncate(file.fileno(), segment.size)
            self._seal()
            raise
        segment.size += len(data)

    def _writable(self) -> tuple[Segment, BinaryIO]:
        if self._file is not None and self._segments[-1].size >= self.segment_bytes:
            self._seal()
        if self._file is None:
            path = self.folder / f"{self.next_seq:020d}.seg"
            # The same name again is an empty segment left by a write that failed: nothing was ever kept in it.
            if self._segments and self._segments[-1].path == path:
                self._segments.pop()
            self._file = path.open("wb", buffering=0)
            self._segments.append(Segment(path, self.next_seq, 0))
            sync_folder(self.folder)
        return self._segments[-1], self._file

    def _seal(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self, max_records: int, max_bytes: int) -> Group | None:
        """The next batches to deliver (at least one, if there is one), not moving the cursor; None when all is read.

        Damaged records are set aside with their segment and passed over; a group may then be empty but still move on.
        """
        batches: list[Batch] = []
        size, seq = 0, self.delivered
        while seq < self.next_seq and len(batches) < max_records and size < max_bytes:
            segment, end = self._segment_holding(seq)
            if segment is None:
                log.error("records are missing from the spool", first=seq, next=end)
                self.damaged += 1
                seq = end
                continue
            read, seq_after, used = self._read_segment(segment, seq, end, max_records - len(batches), max_bytes - size)
            batches += read
            size += used
            seq = seq_after
        return None if seq == self.delivered else Group(tuple(batches), seq, size)

    def _segment_holding(self, seq: int) -> tuple[Segment | None, int]:
        """The segment whose range holds `seq`, and the sequence number after that range."""
        end = self.next_seq
        for segment in reversed(self._segments):
            if segment.first <= seq:
                return (segment if seq < end else None), end
            end = segment.first
        return None, end

    def _read_segment(
        self, segment: Segment, seq: int, end: int, max_records: int, max_bytes: int
    ) -> tuple[list[Batch], int, int]:
        """Batches from `seq` on, the sequence number after them, and their bytes."""
        offset, next_seq = 0, segment.first
        if self._start is not None and self._start.path == segment.path and self._start.seq <= seq:
            offset, next_seq = self._start.offset, self._start.seq
        batches: list[Batch] = []
        used = 0
        with _mapped(segment.path, segment.size) as data:
            while offset < len(data) and len(batches) < max_records and used < max_bytes:
                try:
                    record = record_at(data, offset)
                    if record.seq >= end:  # left by a write that failed and could not be undone; written again since
                        offset = len(data)
                        break
                    if record.seq >= seq:
                        batches.append(batch_of(bytes(data[record.payload : record.end])))
                        used += record.end - offset
                except DamagedRecordError as error:
                    self._quarantine(segment, offset, str(error))
                    found = next_record(data, offset, next_seq - 1)
                    if found is None:
                        offset = len(data)
                    else:
                        offset, next_seq = found[0], found[1].seq
                    continue
                offset, next_seq = record.end, record.seq + 1
            if offset >= len(data):
                next_seq = end  # also where the segment's last records are lost
        next_seq = max(next_seq, seq)
        self._read_to = Position(segment.path, offset, next_seq)
        return batches, next_seq, used

    def _quarantine(self, segment: Segment, offset: int, why: str) -> None:
        if (segment.path.name, offset) in self._told:
            return
        self._told.add((segment.path.name, offset))
        self.damaged += 1
        name = f"{segment.path.stem}-damaged.seg"
        if name not in self.quarantined:
            folder = self.folder / "quarantine"
            try:
                folder.mkdir(exist_ok=True)
                if not (folder / name).exists():
                    shutil.copyfile(segment.path, folder / name)
                self.quarantined.append(name)
            except OSError as error:
                log.error("damaged segment could not be copied aside", segment=segment.path.name, error=str(error))
        log.error(
            "damaged record in the spool; the rest goes on",
            segment=segment.path.name, offset=offset, why=why, copy=f"quarantine/{name}",
        )  # fmt: skip

    # -- delivered ---------------------------------------------------------------------------------------------------

    def commit(self, next_seq: int) -> None:
        """All records before `next_seq` are delivered; durable on return. Whole delivered segments are removed.

        Raises ValueError for a number that was never read, OSError when the cursor cannot be written (the records will
        then be delivered again after a restart).
        """
        if not self.delivered <= next_seq <= self.next_seq:
            raise ValueError(f"cannot commit {next_seq}: between {self.delivered} and {self.next_seq} expected")
        self.delivered = next_seq
        if self._read_to is not None and self._read_to.seq == next_seq:
            self._start = self._read_to
        self._forget_delivered()  # first, so that a full disk has room for the cursor
        number = str(next_seq)
        cursor = f"{number} {zlib.crc32(number.encode()):08x}\n".encode("ascii")
        try:
            write_whole(self.folder / "cursor", cursor)
        except OSError:
            if self.pending:
                raise
            self._drop_delivered_end()  # the disk is full of what is delivered
            write_whole(self.folder / "cursor", cursor)

    def _forget_delivered(self) -> None:
        while len(self._segments) > 1 and self._segments[1].first <= self.delivered:
            self._segments.pop(0).path.unlink(missing_ok=True)

    def _drop_delivered_end(self) -> None:
        """Remove the last segment too if all of it is delivered and its room is wanted."""
        if self.pending == 0 and self._segments:
            self._seal()
            for segment in self._segments:
                segment.path.unlink(missing_ok=True)
            self._segments.clear()

    def set_aside(self, batch_payload: bytes, name: str) -> Path:
        """Keep a payload (Arrow IPC stream) under `set_aside/NAME.arrows`; durable on return."""
        folder = self.folder / "set_aside"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.arrows"
        write_whole(path, batch_payload)
        return path

    def close(self) -> None:
        self._seal()
        self._lock.close()


@contextmanager
def _mapped(path: Path, size: int) -> Iterator[memoryview]:
    """The first `size` bytes of a file, mapped; an empty view where there are none."""
    if size == 0:
        yield memoryview(b"")
        return
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view
