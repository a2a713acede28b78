"""`lightline ledger`: the ledger as lists, to and from spreadsheets."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings

ledger = typer.Typer(help="The ledger as lists: XLSX and CSV.", no_args_is_help=True)


@ledger.command("export")
def export_list(
    output: Annotated[Path, typer.Argument(help="File to write: .xlsx or .csv.")],
    state: Annotated[list[str] | None, typer.Option(help="A state, or unfinished; repeatable.")] = None,
    grade: Annotated[list[str] | None, typer.Option(help="P1 to P4; repeatable.")] = None,
    area: options.Areas = None,
    department: Annotated[str | None, typer.Option(help="The department that answers.")] = None,
    escalation: Annotated[str | None, typer.Option(help="Last step told, as in general_manager (总经理督办).")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their deadline.")] = False,
    text: Annotated[str, typer.Option(help="Words that must be found.")] = "",
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Write tickets as a list that opens right in Excel."""
    from lightline.inventory import inventory_if_any
    from lightline.opening import open_ledger
    from maintenance.errors import LedgerError
    from maintenance.lists.exporting import write
    from maintenance.transitions import FINAL, STATES

    settings = load_settings(inventory=inventory_option, data=data)
    zone = inventory_if_any(settings.inventory).calendar.zone
    states = [s for s in STATES if s not in FINAL] if state == ["unfinished"] else state
    wanted: dict[str, Any] = {
        "state": states, "grade": grade, "area": area, "department": department, "escalation": escalation, "text": text,
        "overdue_at": datetime.now(UTC) if overdue else None,
    }  # fmt: skip
    with open_ledger(settings) as opened:
        try:
            count = write(output, opened.every(**wanted), zone)
        except LedgerError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"{output} cannot be written: {error.strerror or error}") from None
    if as_json:
        from lightline.output import print_json

        print_json({"file": str(output), "tickets": count})
    else:
        typer.echo(f"{output}: {count:,} tickets")


@ledger.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="A list: .xlsx or .csv, titles in its first row.")],
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Open a ticket for each row; rows that cannot be are told with their number, the same list again opens none.

    Titles: place or line, note; also kind, grade, cause, engineer, reference, or their Chinese names. Exit code 2
    when a row was rejected.
    """
    from lightline.inventory import read_inventory
    from lightline.opening import open_ledger
    from lightline.output import print_json
    from maintenance.errors import LedgerError
    from maintenance.lists.reading import read

    settings = load_settings(inventory=inventory_option, data=data)
    inventory = read_inventory(settings.inventory, settings.plant_log_path)
    with open_ledger(settings) as opened:
        try:
            report = opened.import_list(
                read(file), inventory, actor=getpass.getuser(), role="admin", now=datetime.now(UTC)
            )
        except LedgerError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"{file} cannot be read: {error.strerror or error}") from None
    for rejected in report.rejected:
        typer.echo(f"{file}:{rejected.row}: {rejected.why}", err=True)
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(f"{file}: {report.rows:,} rows, {len(report.opened):,} tickets opened, {report.known:,} known "
                   f"already, {len(report.rejected):,} rejected")  # fmt: skip
    if report.rejected:
        raise typer.Exit(2)
