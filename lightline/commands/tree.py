"""`lightline tree`: what the lines' own movements say of the plant tree beyond the lines files. Changes nothing."""

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from lightline.commands import options
from lightline.commands.analyze import keep_compiled_code
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from plant.batch import StoreUnavailableError

if TYPE_CHECKING:
    from analyzer.legs import Leg


def tree(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DAY", help="Look back from this day; that of the newest reading.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=14, max=730, help="Days to look back (LIGHTLINE_HISTORY_DAYS).")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Lines that move together and stand under no splitter, or under several, in the lines files. Changes nothing."""
    settings = load_settings(inventory=inventory or inventory_option, data=data, store=store, history_days=days)
    keep_compiled_code(settings.data)
    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError:
        raise UserError(f'--as-of "{as_of}" is no day; write it as 2026-11-01') from None
    found = asyncio.run(_look(settings, day))
    if as_json:
        from lightline.output import print_json

        print_json([leg.to_json() for leg in found])
    else:
        _print(found)


async def _look(settings: Settings, day: date | None) -> "list[Leg]":
    from lightline.analysis import newest_day
    from lightline.inventory import inventory_if_any
    from lightline.legs import find_legs
    from lightline.opening import open_telemetry

    inventory = await asyncio.to_thread(inventory_if_any, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=True, wait=False)
    try:
        return await find_legs(
            telemetry, inventory, day or await newest_day(telemetry, inventory), settings.history_days
        )
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store cannot be read: {error}") from None
    finally:
        await telemetry.close()


def _print(found: "list[Leg]") -> None:
    from lightline.output import print_table

    print_table(
        "Lines that move together: one splitter each, not so in the lines files",
        ("port", "lines", "correlation", "days", "the files say", "under the same name, but apart"),
        [
            (leg.pon, ", ".join(leg.lines), f"{leg.correlation:.2f}", leg.days,
             ", ".join(name or "(none)" for name in leg.named), ", ".join(leg.rest))
            for leg in found
        ],
    )  # fmt: skip
