"""One record of the spool: a batch as bytes with a length and a checksum, and how records are found in a file.

Layout, little-endian: magic (8 bytes), sequence number (u64), payload length (u32), CRC-32 of the sequence number, the
length and the payload (u32), then the payload: an Arrow IPC stream whose schema metadata names the device and the tier.
"""

import struct
import zlib
from dataclasses import dataclass

import pyarrow as pa

from plant.batch import Batch

MAGIC = b"\x89LLREC1\n"
HEADER = struct.Struct("<8sQII")
_CHECKED = struct.Struct("<QI")
LONGEST = 1 << 30  # a length beyond this is damage, not a record
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class DamagedRecordError(ValueError):
    """The bytes at this place are not a whole, unchanged record; `cut_off` if they merely end too early."""

    def __init__(self, what: str, *, cut_off: bool = False) -> None:
        super().__init__(what)
        self.cut_off = cut_off


@dataclass(frozen=True)
class Record:
    """A record found in a file: its sequence number and where its payload and its end lie (byte offsets)."""

    seq: int
    payload: int
    end: int


def payload_of(batch: Batch) -> bytes:
    """The batch as an Arrow IPC stream."""
    table = batch.table.replace_schema_metadata({"device": batch.device, "tier": batch.tier})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table)
    return bytes(out.getvalue().to_pybytes())


def batch_of(payload: bytes | memoryview) -> Batch:
    """Inverse of payload_of. Raises DamagedRecordError when the payload is no batch."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(payload)) as reader:
            table = reader.read_all()
        meta = table.schema.metadata or {}
        return Batch(meta[b"device"].decode(), meta[b"tier"].decode(), table.replace_schema_metadata(None))
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        raise DamagedRecordError(f"the payload is no batch: {error}") from error


def frame(seq: int, payload: bytes) -> bytes:
    """The record of a payload."""
    return HEADER.pack(MAGIC, seq, len(payload), _checksum(seq, payload)) + payload


def _checksum(seq: int, payload: bytes | memoryview) -> int:
    return zlib.crc32(payload, zlib.crc32(_CHECKED.pack(seq, len(payload))))


def record_at(data: memoryview, offset: int) -> Record:
    """The record that starts at `offset`. Raises DamagedRecordError."""
    start = offset + HEADER.size
    if start > len(data):
        raise DamagedRecordError(f"offset {offset}: the header is cut off", cut_off=True)
    magic, seq, length, crc = HEADER.unpack_from(data, offset)
    if magic != MAGIC or length > LONGEST:
        raise DamagedRecordError(f"offset {offset}: no record starts here")
    if start + length > len(data):
        raise DamagedRecordError(f"offset {offset}: record {seq} is cut off", cut_off=True)
    if _checksum(seq, data[start : start + length]) != crc:
        raise DamagedRecordError(f"offset {offset}: the checksum of record {seq} does not match")
    return Record(seq, start, start + length)


def next_record(data: memoryview, offset: int, above: int) -> tuple[int, Record] | None:
    """The first whole record after `offset` with a sequence number over `above`, and where it starts; None if none."""
    raw = bytes(data)
    at = raw.find(MAGIC, offset + 1)
    while at >= 0:
        try:
            record = record_at(data, at)
        except DamagedRecordError:
            pass
        else:
            if record.seq > above:
                return at, record
        at = raw.find(MAGIC, at + 1)
    return None
