"""The log of what changed in the plant, as devices showed it: appended here, applied by readers of the inventory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import structlog

from plant.changes import PlantEvent, read_events, written

log = structlog.get_logger(__name__)

_LAST = 500  # known again after a restart


class PlantLog:
    """A file of JSON lines (plant.changes). One process writes it, the one that owns the spool.

    It needs no sync: what a power cut took is noticed again at the next poll.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[PlantEvent] = []
        self._trouble = False

    def last(self) -> list[PlantEvent]:
        """The newest changes of the log, oldest first. Strangers are left out: a poll tells of them anew."""
        return [event for event in read_events(self._path) if event.kind != "unknown"][-_LAST:]

    def tell(self, events: Iterable[PlantEvent]) -> None:
        """Append; what a full disk refuses is kept and written with the next."""
        self._waiting += _folded(events)
        try:
            with self._path.open("ab") as out:
                out.write(written(self._waiting))
        except OSError as error:
            if not self._trouble:
                log.error("the plant's log cannot be written", path=str(self._path), why=str(error))
            self._trouble = True
            return
        self._waiting.clear()
        self._trouble = False


def _folded(events: Iterable[PlantEvent]) -> Iterator[PlantEvent]:
    """Events for the log; of a device's strangers the first alone, with their number: an OLT may have thousands."""
    for kind, several in groupby(events, lambda e: e.kind):
        same = list(several)
        if kind == "unknown" and len(same) > 1:
            yield replace(same[0], now=f"{len(same)} ONTs")
        else:
            yield from same
