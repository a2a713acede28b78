"""`lightline backup` and `lightline restore`: what is kept, as a folder, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightline.commands import options
from lightline.settings import load_settings

if TYPE_CHECKING:
    from lightline.backup import BackupReport


def backup(
    target: Annotated[Path, typer.Argument(help="Folder to make; it must not be there yet.")],
    data: options.Data = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> None:
    """Copy telemetry, ledger and tokens into a folder while the service runs. Cut off, the same command goes on."""
    from lightline.backup import back_up, bytes_to_copy
    from lightline.output import counting
    from lightline.problem import UserError
    from plant.batch import StoreUnavailableError

    settings = load_settings(data=data, store=store)
    try:
        total = bytes_to_copy(settings)
    except StoreUnavailableError as error:
        raise UserError(f"no backup was made: {error}") from None
    with counting("bytes", total) as progress:
        report = back_up(settings, target, progress)
    _say(report, "Backed up", as_json)


def restore(
    source: Annotated[Path, typer.Argument(help="Folder that `lightline backup` made.")],
    data: options.Data = None,
    store: options.Store = None,
    force: Annotated[bool, typer.Option("--force", help="Move aside what is there already.")] = False,
    as_json: options.Json = False,
) -> None:
    """Put a backup back, checked file by file, while nothing runs on the data folder."""
    from lightline.backup import restore as put_back
    from lightline.output import counting

    settings = load_settings(data=data, store=store)
    with counting("bytes") as progress:
        report = put_back(settings, source, force=force, progress=progress)
    _say(report, "Restored", as_json)


def _say(report: "BackupReport", title: str, as_json: bool) -> None:
    from lightline.output import print_json, print_table

    if as_json:
        told = {
            "folder": str(report.folder), "parts": report.parts, "bytes": report.total_bytes,
            "copied_bytes": report.copied_bytes, "kept_elsewhere": report.left,
        }  # fmt: skip
        print_json(told)
        return
    print_table(
        title, ("figure", "value"),
        [("folder", str(report.folder)), ("parts", ", ".join(report.parts)), ("bytes", report.total_bytes),
         ("copied now", report.copied_bytes)],
    )  # fmt: skip
    for part, how in report.left.items():
        typer.echo(f"{part} is kept elsewhere; back it up with: {how}")
