"""Opening what the settings name: inventory, telemetry store, ledger, tokens."""

from pathlib import Path

from lightline.problem import UserError
from lightline.settings import Settings
from plant.inventory import LINE_SCHEMA, Calendar, Inventory


def open_inventory(settings: Settings, *, required: bool = True) -> Inventory:
    """The checked inventory; an empty one where it is not required and the file does not exist."""
    from plant.loading import InventoryError, load_inventory

    if not required and not Path(settings.inventory).exists():
        return Inventory({}, {}, (), LINE_SCHEMA.empty_table(), {}, Calendar())
    try:
        return load_inventory(settings.inventory)
    except InventoryError as error:
        raise UserError(
            f"the inventory cannot be used; `lightline check {settings.inventory}` lists all of it:\n{error}"
        ) from None
