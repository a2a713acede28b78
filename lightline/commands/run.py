"""`lightline run`: collector, analyzer, messages and API together, each a process of its own, under one supervisor."""

import asyncio

import structlog

from lightline.commands import options
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event
from lightline.supervisor import Part, supervise

log = structlog.get_logger(__name__)


def service_parts(settings: Settings) -> list[Part]:
    """The long-running parts of the service. What the command line gave goes on to them, as it beats every other
    source; the rest they find where this command found it."""
    common = [str(settings.inventory), "--data", str(settings.data)]
    if settings.store is not None:
        common += ["--store", settings.store]
    return [
        Part("collect", ["collect", *common]),
        Part("analyze", ["analyze", *common]),
        Part("tell", ["tell", *common]),
        Part("serve", ["serve", *common, "--host", settings.host, "--port", str(settings.port)]),
    ]


def run(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    host: options.Host = None,
    port: options.Port = None,
) -> None:
    """Run the whole service until Ctrl-C."""
    from lightline.inventory import read_inventory

    settings = load_settings(inventory=inventory or inventory_option, data=data, store=store, host=host, port=port)
    read_inventory(settings.inventory)  # told here once, rather than by every part again and again

    async def main() -> None:
        stop = stop_event()
        log.info("starting", parts="collect, analyze, tell, serve")
        await supervise(service_parts(settings), stop)
        log.info("stopped")

    asyncio.run(main())
