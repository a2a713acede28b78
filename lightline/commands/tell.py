"""`lightline tell`: webhooks to other systems and messages to people, from what the ledger's log says."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import structlog
import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from lightline.stopping import stop_event, wait

log = structlog.get_logger(__name__)

EVERY_S = 2.0  # looks for what is new; a look without news is two small questions to the database
FORGET_EVERY = 1800  # rounds


def tell(
    inventory: options.Inventory = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    once: Annotated[bool, typer.Option("--once", help="One round, then print what was told, and exit.")] = False,
    as_json: options.Json = False,
) -> None:
    """Tell other systems (webhooks) and people (messages) what happens to tickets, until Ctrl-C."""
    if as_json and not once:
        raise UserError("--json prints what one round told; add --once (how telling stands: `lightline status`)")
    settings = load_settings(inventory=inventory or inventory_option, data=data, store=store)
    asyncio.run(_once(settings, as_json) if once else _run(settings))


async def _once(settings: Settings, as_json: bool) -> None:
    from lightline.opening import open_ledger
    from lightline.telling import Teller

    with open_ledger(settings) as ledger:
        told = await asyncio.to_thread(Teller(ledger, _now).round)
        troubles = await asyncio.to_thread(Teller(ledger, _now).troubles)
        if as_json:
            from dataclasses import asdict

            from lightline.output import print_json

            print_json({**asdict(told), "attention": troubles})
            return
        typer.echo(f"webhooks: {told.delivered} delivered, {told.refused} refused, {told.unreachable} receivers away")
        typer.echo(f"messages to people: {told.messages}")
        for trouble in troubles:
            typer.echo(f"needs attention: {trouble}")


async def _run(settings: Settings) -> None:
    from lightline.opening import open_ledger
    from lightline.telling import Teller

    stop = stop_event()
    ledger = await asyncio.to_thread(open_ledger, settings)
    teller = Teller(ledger, _now)
    log.info("telling", recipients=len(ledger.rules.notices.recipients))
    rounds = 0
    try:
        while not stop.is_set():
            going = asyncio.create_task(asyncio.to_thread(_careful, teller.round))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({going, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not going.done():
                teller.stop()
                await going
            rounds += 1
            if rounds % FORGET_EVERY == 0:
                await asyncio.to_thread(_careful, teller.forget)
            if await wait(stop, EVERY_S):
                return
    finally:
        ledger.close()


def _careful(work: Callable[[], object]) -> None:
    """A database that is away for a while ends nothing."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        work()
    except SQLAlchemyError as error:
        log.error("the ledger cannot be used now; trying again", why=str(error).splitlines()[0])


def _now() -> datetime:
    return datetime.now(UTC)
