"""When each inform first came, kept on disk: one that is sent again after we died keeps its time, so it counts once.

The file is a row of records, little-endian: 16 octets that name the inform, and a double, seconds since 1970. Written
before the readings are, so that whatever is stored has a time that will be found again.
"""

import os
import struct
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from collector.spool.durable import write_whole

RECORD = struct.Struct("<16sd")
REMEMBERED_S = 600.0  # senders give up long before; request ids are used again after a restart of the device
MOST = 65_536


class SeenInforms:
    """Arrival times by the inform's digest. Synchronous and for one thread at a time."""

    def __init__(self, path: Path, now: float) -> None:
        """`now`: seconds since 1970. A file that cannot be read is an empty one."""
        self._path = path
        self._times: OrderedDict[bytes, float] = OrderedDict()
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        for digest, at in RECORD.iter_unpack(data[: len(data) // RECORD.size * RECORD.size]):
            if abs(now - at) <= REMEMBERED_S:  # a clock that was set back must not bring back old ones either
                self._times[digest] = at
        self._in_file = 2 * MOST  # written anew with the first that comes: a torn record must not shift the next

    def arrivals(self, came: Mapping[bytes, float]) -> dict[bytes, float]:
        """The time that counts for each: that of its first arrival. New ones are on disk on return. Raises OSError."""
        new: dict[bytes, float] = {}
        out: dict[bytes, float] = {}
        for digest, at in came.items():
            before = self._times.get(digest)
            known = before is not None and abs(at - before) <= REMEMBERED_S
            out[digest] = before if before is not None and known else at
            if not known:
                new[digest] = at
        if new:
            self._keep(new)
        return out

    def _keep(self, new: Mapping[bytes, float]) -> None:
        times = OrderedDict(self._times)
        times.update(new)
        while len(times) > MOST:
            times.popitem(last=False)
        if self._in_file + len(new) > 2 * MOST:
            write_whole(self._path, b"".join(RECORD.pack(*item) for item in times.items()))
            self._in_file = len(times)
        else:
            with self._path.open("ab") as out:
                out.write(b"".join(RECORD.pack(*item) for item in new.items()))
                out.flush()
                os.fsync(out.fileno())
            self._in_file += len(new)
        self._times = times
