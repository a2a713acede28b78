"""A log of plant events as it grows: what was read once is not read again."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from plant.changes import PlantEvent, event_of


class FollowedLog:
    """The events of a log file (plant.changes), oldest first. Safe between threads; empty without a file."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._read = 0  # bytes
        self._inode = 0
        self._events: list[PlantEvent] = []
        self._of_line: dict[str, list[PlantEvent]] = defaultdict(list)

    def since(self, moment: datetime) -> Sequence[PlantEvent]:
        """Events from the moment on. A log is written in the order in which devices were asked, nearly that of time."""
        with self._guard:
            self._follow()
            return [event for event in self._events if event.time >= moment]

    def of_line(self, line_id: str) -> Sequence[PlantEvent]:
        with self._guard:
            self._follow()
            return list(self._of_line.get(line_id, ()))

    def _follow(self) -> None:
        if self._path is None:
            return
        try:
            with self._path.open("rb") as log:
                found = self._path.stat()
                if found.st_ino != self._inode or found.st_size < self._read:  # another file by now
                    self._inode, self._read = found.st_ino, 0
                    self._events.clear()
                    self._of_line.clear()
                log.seek(self._read)
                new = log.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]  # a line that is being written is read when it is there
        self._read += len(whole)
        for line in whole.splitlines():
            if line and (event := event_of(line)) is not None:
                self._events.append(event)
                self._of_line[event.line_id].append(event)
