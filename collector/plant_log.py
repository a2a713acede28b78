"""The log of what changed in the plant, as devices showed it: appended here, applied by readers of the inventory."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import structlog

from collector.identity import PlantEvent
from plant.changes import PlantChange, read_changes, written

log = structlog.get_logger(__name__)

_LAST = 500  # known again after a restart


class PlantLog:
    """A file of JSON lines (plant.changes). One process writes it, the one that owns the spool.

    It needs no sync: what a power cut took is noticed again at the next poll.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[str] = []
        self._trouble = False

    def last(self) -> list[PlantEvent]:
        """The newest changes of the log, oldest first. Strangers are left out: a poll tells of them anew."""
        changes = [c for c in read_changes(self._path) if c.kind != "unknown"][-_LAST:]
        return [PlantEvent(c.kind, c.device, c.line_id, c.was, c.now, c.time, c.ont_index) for c in changes]

    def tell(self, events: Iterable[PlantEvent]) -> None:
        """Append; what a full disk refuses is kept and written with the next."""
        self._waiting += [written(change) for change in _changes(events)]
        try:
            with self._path.open("a", encoding="utf-8") as out:
                # Begins with a line's end: what was torn before must not take the next with it.
                out.write("\n" + "\n".join(self._waiting) + "\n")
        except OSError as error:
            if not self._trouble:
                log.error("the plant's log cannot be written", path=str(self._path), why=str(error))
            self._trouble = True
            return
        self._waiting.clear()
        self._trouble = False


def _changes(events: Iterable[PlantEvent]) -> Iterator[PlantChange]:
    """Changes for the log; of a port's strangers the first alone, with their number: an OLT may have thousands."""
    for (kind, device), several in groupby(events, lambda e: (e.kind, e.device)):
        same = list(several)
        if kind == "unknown":
            first = same[0]
            now = first.now if len(same) == 1 else f"{len(same)} ONTs"
            yield PlantChange(first.time, "unknown", device, first.line_id, None, now)
        elif kind != "trap":
            yield from (PlantChange(e.time, kind, device, e.line_id, e.was, e.now, e.ont_index) for e in same)
