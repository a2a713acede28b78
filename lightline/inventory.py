"""The inventory in use: read again when its files change, the last good one kept where a new one has errors."""

import threading
from pathlib import Path

import structlog
import yaml

from lightline.problem import UserError
from plant.inventory import LINE_SCHEMA, Calendar, Inventory
from plant.loading import InventoryError, load_inventory

log = structlog.get_logger(__name__)

Stamp = tuple[tuple[str, int, int], ...]


class InventoryFile:
    """`current()` is the newest good inventory of `devices.yaml` and its lines files. Safe between threads."""

    def __init__(self, path: Path) -> None:
        """Raises UserError where the inventory has errors now."""
        self.path = path
        self._guard = threading.Lock()
        self._files = _files(path)
        self._stamp = _stamp(self._files)
        self._inventory = read_inventory(path)

    def current(self) -> Inventory:
        """The same object as long as no file changed; a file with errors is told once and changes nothing."""
        with self._guard:
            if _stamp(self._files) != self._stamp:
                self._files = _files(self.path)
                self._stamp = _stamp(self._files)
                try:
                    self._inventory = load_inventory(self.path, _profiles())
                    log.info("inventory read again", path=str(self.path), lines=self._inventory.lines.num_rows)
                except InventoryError as error:
                    log.error(
                        "the inventory has errors; the last good one stays in use",
                        path=str(self.path), errors=len(error.problems), first=str(error.problems[0]),
                    )  # fmt: skip
            return self._inventory


def read_inventory(path: Path) -> Inventory:
    """The checked inventory. UserError lists every error of it."""
    try:
        return load_inventory(path, _profiles())
    except InventoryError as error:
        raise UserError(f"the inventory cannot be used; mend it, then try `lightline check {path}`:\n{error}") from None


def inventory_if_any(path: Path) -> Inventory:
    """As `read_inventory`; an empty one where there is no such file: a store can be looked into without."""
    if not path.exists():
        log.warning("no inventory; lines are known by their readings alone", path=str(path))
        return Inventory({}, {}, (), LINE_SCHEMA.empty_table(), {}, Calendar())
    return read_inventory(path)


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
