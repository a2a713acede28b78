"""Load an inventory that is right, or say everything that is wrong with it."""

from collections.abc import Collection
from pathlib import Path

import structlog

from plant.checking import examine
from plant.inventory import Inventory
from plant.problems import InventoryError

__all__ = ["InventoryError", "load_inventory"]

log = structlog.get_logger(__name__)


def load_inventory(path: Path, profiles: Collection[str] | None = None) -> Inventory:
    """The inventory at `path`. Raises InventoryError with every error; warnings are logged."""
    inventory, problems = examine(path, profiles)
    if inventory is None:
        raise InventoryError([p for p in problems if p.severity == "error"])
    for problem in problems:
        log.warning("inventory", place=f"{problem.file}:{problem.line}", what=problem.message, remedy=problem.remedy)
    return inventory
