"""`lightline run`: collector, analyzer and API together, each a process of its own, under one supervisor."""

import asyncio
import os

import structlog

from lightline.commands import options
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event
from lightline.supervisor import Part, supervise

log = structlog.get_logger(__name__)


def service_parts(settings: Settings) -> list[Part]:
    """The long-running parts of the service for these settings."""
    environment = {
        "LIGHTLINE_INVENTORY": str(settings.inventory),
        "LIGHTLINE_DATA": str(settings.data),
        "LIGHTLINE_PORT": str(settings.port),
    }
    if settings.store is not None:
        environment["LIGHTLINE_STORE"] = settings.store
    return [Part(name, [name], environment={**os.environ, **environment}) for name in ("collect", "analyze", "serve")]


def run(
    inventory: options.Inventory = None,
    data: options.Data = None,
    store: options.Store = None,
) -> None:
    """Run the whole service until Ctrl-C."""
    settings = load_settings(inventory=inventory, data=data, store=store)

    async def main() -> None:
        stop = stop_event()
        log.info("starting", parts="collect, analyze, serve", address=f"http://{settings.host}:{settings.port}/")
        await supervise(service_parts(settings), stop)
        log.info("stopped")

    asyncio.run(main())
