"""`lightline collect`: poll devices, listen to brokers, store readings; `--once` asks everything a single time."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import structlog
import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event

log = structlog.get_logger(__name__)


def collect(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    once: Annotated[bool, typer.Option("--once", help="Ask every device for everything once, store it, end.")] = False,
    listen: Annotated[float, typer.Option(help="Seconds to listen to MQTT brokers with --once.", min=0)] = 10.0,
    as_json: options.Json = False,
) -> None:
    """Collect readings until Ctrl-C. Exit code 1 when --once left readings in the spool or no device answered."""
    settings = load_settings(inventory=inventory or inventory_option, data=data, store=store)
    if as_json and not once:
        raise UserError("--json prints the report of one cycle; add --once (a running collector: `lightline status`)")
    asyncio.run(_once(settings, listen, as_json) if once else _run(settings))


async def _run(settings: Settings) -> None:
    from lightline.collecting import collect as keep_collecting
    from lightline.garbage import look_rarely
    from lightline.inventory import InventoryFile
    from lightline.opening import open_spool, open_telemetry

    stop = stop_event()
    file = await asyncio.to_thread(InventoryFile, settings.inventory, settings.plant_log_path, follow_log_s=None)
    spool = open_spool(settings)
    telemetry = await open_telemetry(settings, file.current(), read_only=False)
    look_rarely()
    try:
        await keep_collecting(settings, file, spool, telemetry, stop)
    finally:
        await telemetry.close()
        await spool.close()


async def _once(settings: Settings, listen_s: float, as_json: bool) -> None:
    from lightline.collecting import collect_once
    from lightline.inventory import read_inventory
    from lightline.opening import open_spool, open_telemetry
    from lightline.output import print_json, print_table

    stop = stop_event()
    inventory = await asyncio.to_thread(read_inventory, settings.inventory, settings.plant_log_path)
    spool = open_spool(settings)
    telemetry = await open_telemetry(settings, inventory, read_only=False)
    try:
        report = await collect_once(settings, inventory, spool, telemetry, listen_s=listen_s, stop=stop)
    finally:
        await telemetry.close()
        await spool.close()
    if as_json:
        print_json(asdict(report))
    else:
        rows = [(name, value) for name, value in asdict(report).items() if name != "problems"]
        print_table("One cycle", ("figure", "value"), rows)
        for problem in report.problems:
            log.warning("problem", what=problem)
    if not report.delivered or (report.devices_asked and not report.devices_answered):
        raise typer.Exit(1)
