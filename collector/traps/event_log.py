"""What traps said that is no reading, on disk: the last of it is there again after a restart.

A file of JSON lines, and the one before it: when the first is full it takes the place of the second.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock

from plant.changes import PlantEvent, read_events, written

KEPT = 200
MOST_BYTES = 1 << 20  # of one file


class EventLog:
    """The last events in memory, all of them on disk after `keep`. Adding is for one thread, `keep` for any."""

    def __init__(self, path: Path) -> None:
        """Lines that cannot be read, such as the torn one of a power cut, are passed over."""
        self._path, self._before = path, path.with_name(f"{path.name}.1")
        self.last: deque[PlantEvent] = deque(maxlen=KEPT)
        self._new: list[PlantEvent] = []
        self._lock = Lock()
        for file in (self._before, self._path):
            with suppress(OSError):
                self.last.extend(read_events(file))

    def add(self, event: PlantEvent) -> None:
        self.last.append(event)
        self._new.append(event)

    @property
    def waiting(self) -> bool:
        """Whether something is not on disk yet."""
        return bool(self._new)

    def keep(self) -> None:
        """Put on disk what is new. Raises OSError; then it is tried again with the next."""
        with self._lock:
            new = self._new
            count = len(new)
            if not count:
                return
            if self._path.exists() and self._path.stat().st_size > MOST_BYTES:
                self._path.replace(self._before)
            with self._path.open("ab") as out:
                out.write(written(new[:count]))
                out.flush()
                os.fsync(out.fileno())
            del new[:count]
