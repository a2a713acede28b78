"""`lightline plan`: visits of the coming days for grid engineers and crews."""

import getpass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
import yaml
from pydantic import ValidationError

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings
from maintenance.dispatch.rules import Roster


def plan_visits(
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day; today if not given.")] = None,
    days: Annotated[int, typer.Option(min=1, max=7, help="Days to plan.")] = 1,
    area: options.Areas = None,
    roster: Annotated[
        Path | None, typer.Option(help="YAML with engineers; those of the inventory if not given.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, max=600, help="Time to search for a better plan.")] = 40.0,
    urgent: Annotated[
        int | None,
        typer.Option(metavar="TICKET", help="Plan this ticket alone, with few others moved."),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Assign and schedule the tickets.")] = False,
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Plan visits: skills, working hours, ways, deadlines; appointments stay. Without --apply only look.

    Exit code 2 when a ticket could not be assigned or scheduled.
    """
    from lightline.inventory import read_inventory
    from lightline.opening import open_ledger
    from lightline.output import print_json, print_table
    from maintenance.dispatch import plans
    from maintenance.dispatch.desk import plan_days, plan_urgent
    from maintenance.dispatch.work import LOOKED_AT
    from maintenance.errors import LedgerError

    settings = load_settings(inventory=inventory_option, data=data)
    inventory, now = read_inventory(settings.inventory, settings.plant_log_path), datetime.now(UTC)
    zone = ZoneInfo(inventory.calendar.zone)
    people = _roster(roster) if roster is not None else None
    with open_ledger(settings) as ledger:
        try:
            tickets, begins = ledger.every(state=LOOKED_AT, area=area), _day(first, now.astimezone(zone).date())
            if urgent is None:
                found = plan_days(tickets, inventory, ledger.rules, begins, days, now, roster=people, seconds=seconds)
            else:
                found = plan_urgent(
                    ledger.ticket(urgent), tickets, inventory, ledger.rules, begins, days, now, roster=people
                )
        except LedgerError as error:
            raise UserError(str(error)) from None
        refused: dict[int, str] = {}
        if apply:
            _, refused = plans.apply(ledger, found.to_json(), actor=getpass.getuser(), role="admin", now=now)
    if as_json:
        print_json({**found.to_json(), "refused": {str(k): v for k, v in refused.items()}})
    else:
        print_table(
            "Visits", ("when", "engineer", "ticket", "agreed"),
            [(f"{a.at.astimezone(zone):%Y-%m-%d %H:%M}", a.engineer, a.ticket, "yes" if a.fixed else "")
             for a in found.appointments],
        )  # fmt: skip
        if found.moved:
            print_table(
                "Moved", ("ticket", "was", "with", "now", "with"),
                [(m.ticket, f"{m.at_before.astimezone(zone):%Y-%m-%d %H:%M}", m.engineer_before,
                  f"{m.at.astimezone(zone):%Y-%m-%d %H:%M}" if m.at else "needs another appointment", m.engineer or "")
                 for m in found.moved],
            )  # fmt: skip
        print_table("Not planned", ("ticket", "why"), [(t, why) for t, why in found.unplanned.items()])
    for ticket, why in refused.items():
        typer.echo(f"ticket {ticket}: {why}", err=True)
    if refused:
        raise typer.Exit(2)


def _day(text: str | None, today: date) -> date:
    try:
        return date.fromisoformat(text) if text else today
    except ValueError:
        raise UserError(f'--from "{text}" is no day; write it as 2026-11-03') from None


def _roster(path: Path) -> Roster:
    try:
        return Roster.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not readable as YAML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UserError(f"{path}: {'.'.join(str(p) for p in first['loc'])}: {first['msg']}") from None
