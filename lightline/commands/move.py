"""`lightline move`: history from one telemetry store to another."""

import asyncio
import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings

if TYPE_CHECKING:
    from storage.protocol import MovableStore

Reference = Annotated[str | None, typer.Option(metavar="REF", help="env:NAME or file:PATH")]


def move(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="Store to read; the service may go on with it.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="Store to write; nothing else may write to it.")],
    from_user: Reference = None,
    from_password: Reference = None,
    to_user: Reference = None,
    to_password: Reference = None,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Copy readings and rollups, read back and compared for each line and day. Cut off, the same command goes on."""
    if source == target:
        raise UserError("--from and --to name the same store")
    settings = load_settings(inventory=inventory_option, data=data)
    asyncio.run(_move(settings, (source, from_user, from_password), (target, to_user, to_password), as_json))


async def _move(
    settings: Settings, source: tuple[str, str | None, str | None], target: tuple[str, str | None, str | None],
    as_json: bool,
) -> None:  # fmt: skip
    from lightline.inventory import inventory_if_any
    from lightline.output import counting, print_json, print_table
    from plant.batch import StoreUnavailableError
    from storage.moving import MoveError, Notes, move

    zone = (await asyncio.to_thread(inventory_if_any, settings.inventory)).calendar.zone
    name = hashlib.blake2b(f"{source[0]} {target[0]}".encode(), digest_size=6).hexdigest()
    reading = await _open(settings, source, zone, read_only=True)
    try:
        writing = await _open(settings, target, zone, read_only=False)
        try:
            notes = Notes(settings.data / f"move-{name}.jsonl", source[0], target[0])
            with counting("blocks") as progress:
                report = await move(reading, writing, notes, progress)
        finally:
            await writing.close()
    except MoveError as error:
        raise UserError(str(error)) from None
    except StoreUnavailableError as error:
        raise UserError(f"a store stopped answering: {error}; the same command goes on") from None
    except OSError as error:
        raise UserError(f"{error.filename or settings.data}: {error.strerror or error}") from None
    finally:
        await reading.close()
    if as_json:
        print_json(asdict(report))
    else:
        print_table("Moved and compared", ("figure", "value"), list(asdict(report).items()))


async def _open(
    settings: Settings, store: tuple[str, str | None, str | None], zone: str, *, read_only: bool
) -> "MovableStore":
    """A store with its credentials; those of the settings go only to the store of the settings."""
    from plant.batch import StoreUnavailableError
    from plant.secrets import SecretError, resolve
    from storage.opening import open_store

    url, user, password = store
    if url == settings.store_url:
        user, password = user or settings.store_user, password or settings.store_password
    try:
        return await open_store(
            url, zone=zone, read_only=read_only,
            user=resolve(user) if user else None, password=resolve(password) if password else None,
        )  # fmt: skip
    except (ValueError, SecretError, StoreUnavailableError) as error:
        raise UserError(f"{url}: {error}") from None
