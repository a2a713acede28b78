"""The inventory in use: read again when its files change, the last good one kept where a new one has errors."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import structlog
import yaml

from lightline.problem import UserError
from plant.changes import read_events, with_changes
from plant.corrections import FILE as CORRECTIONS
from plant.corrections import read_decisions, with_corrections
from plant.inventory import LINE_SCHEMA, Calendar, Inventory
from plant.loading import InventoryError, load_inventory

log = structlog.get_logger(__name__)

FOLLOW_LOG_S = 600.0
Stamp = tuple[tuple[str, int, int], ...]


class InventoryFile:
    """`current()` is the newest good inventory of `devices.yaml` and its lines files. Safe between threads.

    What the plant's log says was found on the devices since is applied to it, and looked at again every ten minutes:
    a plant has swaps all day, and who uses the inventory builds much upon it. What people accepted is applied at once.
    """

    def __init__(self, path: Path, plant_log: Path, *, follow_log_s: float | None = FOLLOW_LOG_S) -> None:
        """`follow_log_s` None: the log is applied when files are read, and not followed: the collector writes it.

        Raises UserError where the inventory has errors now.
        """
        self.path = path
        self._log, self._follow_s = plant_log, follow_log_s
        self._guard = threading.Lock()
        self._files = _files(path)
        self._stamp = _stamp(self._files)
        self._written = read_inventory(path)
        self._decided = plant_log.with_name(CORRECTIONS)
        self._inventory = self._written
        self._looked, self._log_stamp, self._decided_stamp = 0.0, _seen(plant_log), _seen(self._decided)
        self._look_at_log()

    def current(self) -> Inventory:
        """The same object as long as no file changed; a file with errors is told once and changes nothing."""
        with self._guard:
            if _stamp(self._files) != self._stamp:
                self._files = _files(self.path)
                self._stamp = _stamp(self._files)
                try:
                    self._written = load_inventory(self.path, _profiles())
                    self._look_at_log()
                    log.info("inventory read again", path=str(self.path), lines=self._inventory.lines.num_rows)
                except InventoryError as error:
                    log.error(
                        "the inventory has errors; the last good one stays in use",
                        path=str(self.path), errors=len(error.problems), first=str(error.problems[0]),
                    )  # fmt: skip
            elif self._follow_s is not None and _seen(self._decided) != self._decided_stamp:
                self._look_at_log()
            elif self._follow_s is not None and time.monotonic() - self._looked > self._follow_s:
                if _seen(self._log) == self._log_stamp:
                    self._looked = time.monotonic()
                else:
                    self._look_at_log()
            return self._inventory

    def _look_at_log(self) -> None:
        self._looked, self._log_stamp = time.monotonic(), _seen(self._log)
        self._decided_stamp = _seen(self._decided)
        self._inventory = as_found(self._written, self._log)


def as_found(inventory: Inventory, plant_log: Path) -> Inventory:
    """The inventory with serials and places as the devices showed them last (plant.changes), and with the splitters
    that were accepted (plant.corrections)."""
    events, decisions = read_events(plant_log), read_decisions(plant_log.with_name(CORRECTIONS))
    if not events and not decisions:
        return inventory
    return replace(inventory, lines=with_corrections(with_changes(inventory.lines, events), decisions))


def read_inventory(path: Path, plant_log: Path | None = None) -> Inventory:
    """The checked inventory, with what was found since if there is a log. UserError lists every error of it."""
    try:
        inventory = load_inventory(path, _profiles())
        return inventory if plant_log is None else as_found(inventory, plant_log)
    except InventoryError as error:
        raise UserError(f"the inventory cannot be used; mend it, then try `lightline check {path}`:\n{error}") from None


def inventory_if_any(path: Path, plant_log: Path | None = None) -> Inventory:
    """As `read_inventory`; an empty one where there is no such file: a store can be looked into without."""
    if not path.exists():
        log.warning("no inventory; lines are known by their readings alone", path=str(path))
        return Inventory({}, {}, (), LINE_SCHEMA.empty_table(), {}, Calendar())
    return read_inventory(path, plant_log)


def _profiles() -> list[str]:
    from collector.profile import load_profiles

    return list(load_profiles())


def _files(path: Path) -> list[Path]:
    """`devices.yaml` and the lines files it names."""
    try:
        said = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, ValueError):
        return [path]  # the check will say so
    named = said.get("lines") if isinstance(said, dict) else None
    return [path, *(path.parent / str(name) for name in named)] if isinstance(named, list) else [path]


def _stamp(files: list[Path]) -> Stamp:
    """What changes when one of the files does."""
    return tuple(_seen(file) for file in files)


def _seen(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0
    return str(file), found.st_mtime_ns, found.st_size
