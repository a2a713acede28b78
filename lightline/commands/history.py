"""`lightline import` and `lightline export`: history as files."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import structlog
import typer

from lightline import completing
from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from plant.batch import StoreUnavailableError

log = structlog.get_logger(__name__)


def import_history(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV or Parquet: line_id,time,<field>…")],
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> None:
    """Read history into the store; the same file again changes nothing. Exit code 2 when a row could not be used."""
    settings = load_settings(inventory=inventory_option, data=data, store=store)
    for path in files:
        if not path.is_file():
            raise UserError(f"{path} is no file")
    asyncio.run(_import(settings, files, as_json))


async def _import(settings: Settings, files: list[Path], as_json: bool) -> None:
    from lightline.history import FileReport, read_history
    from lightline.inventory import inventory_if_any
    from lightline.keeping import forget
    from lightline.opening import open_telemetry
    from lightline.output import counting, print_json, print_table

    inventory = await asyncio.to_thread(inventory_if_any, settings.inventory, settings.plant_log_path)
    telemetry = await open_telemetry(settings, inventory, read_only=False, wait=False)
    reports = [FileReport(path) for path in files]
    try:
        with counting("rows") as progress:
            for report in reports:
                batches = read_history(report.path, report)
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    await telemetry.append([batch])
                    progress(len(batch))
            rolled = await telemetry.rollup()
        await asyncio.to_thread(forget, settings.kept_path)
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store stopped taking readings: {error}; import the same files again") from None
    finally:
        await telemetry.close()
    for report in reports:
        for row, why in sorted(report.bad):
            typer.echo(f"{report.path}:{row}: {why}", err=True)
        if report.bad_rows > len(report.bad):
            typer.echo(f"{report.path}: and {report.bad_rows - len(report.bad):,} more rows left out", err=True)
        for name, count in report.out_of_range.items():
            typer.echo(
                f"{report.path}: {count:,} values of {name} are outside its range: stored as no reading", err=True
            )
    bad = sum(r.bad_rows for r in reports)
    if as_json:
        print_json(
            {
                "files": [
                    {"file": str(r.path), "rows": r.rows, "bad_rows": r.bad_rows, "out_of_range": r.out_of_range}
                    for r in reports
                ],
                "rows": sum(r.rows for r in reports), "bad_rows": bad, "daily_rows": rolled.daily_rows,
            }
        )  # fmt: skip
    else:
        print_table(
            "Imported", ("file", "rows", "rows left out", "values out of range"),
            [(str(r.path), r.rows, r.bad_rows, sum(r.out_of_range.values())) for r in reports],
        )  # fmt: skip
    if bad:
        raise typer.Exit(2)


def export_history(
    output: Annotated[Path, typer.Argument(help="File to write: .csv or .parquet; - for CSV on standard output.")],
    line: Annotated[list[str] | None, typer.Option(help="A line's id; repeatable; all lines if not given.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="A field; repeatable; all if not given.", autocompletion=completing.fields),
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day or ISO time; 90 days back if not given.")] = None,
    until: Annotated[str | None, typer.Option(help="Day or ISO time to stop before; now if not given.")] = None,
    resolution: Annotated[Literal["raw", "hour", "day"], typer.Option(help="raw, hour or day.")] = "raw",
    inventory_option: options.InventoryOption = None,
    data: options.Data = None,
    store: options.Store = None,
    as_json: options.Json = False,
) -> None:
    """Write readings of lines as CSV or Parquet; raw ones can be imported again."""
    settings = load_settings(inventory=inventory_option, data=data, store=store)
    if str(output) != "-" and output.suffix not in (".csv", ".parquet"):
        raise UserError(f'"{output}" ends neither in .csv nor in .parquet')
    if as_json and str(output) == "-":
        raise UserError("standard output carries the CSV itself; --json tells of a file that was written")
    rows = asyncio.run(_export(settings, output, line or [], field or [], since, until, resolution))
    if as_json:
        from lightline.output import print_json

        print_json({"file": str(output), "rows": rows})


async def _export(
    settings: Settings, output: Path, lines: list[str], names: list[str], since: str | None, until: str | None,
    resolution: Literal["raw", "hour", "day"],
) -> int:  # fmt: skip
    """Write the file; how many rows it has."""
    from lightline.history import HistoryWriter
    from lightline.inventory import inventory_if_any
    from lightline.opening import open_telemetry
    from lightline.output import counting
    from plant.fields import fields

    for name in names:
        if name not in fields():
            raise UserError(f'"{name}" is not a field; fields: {", ".join(fields())}')
    inventory = await asyncio.to_thread(inventory_if_any, settings.inventory, settings.plant_log_path)
    zone = inventory.calendar.zone
    end = _moment(until, zone) if until else datetime.now(UTC) + timedelta(seconds=1)
    start = _moment(since, zone) if since else end - timedelta(days=90)
    if start >= end:
        raise UserError(f"--since ({start:%Y-%m-%d %H:%M %Z}) must be before --until ({end:%Y-%m-%d %H:%M %Z})")
    telemetry = await open_telemetry(settings, inventory, read_only=True, wait=False)
    try:
        wanted = lines or (await telemetry.lines_seen()).to_pylist()
        columns = names or list(fields())
        with counting("lines", len(wanted)) as progress, HistoryWriter(output, columns, resolution) as writer:
            for one in wanted:
                series = await telemetry.series(one, columns, start, end, resolution)
                await asyncio.to_thread(writer.write, one, series)
                progress(1)
    except StoreUnavailableError as error:
        raise UserError(f"the telemetry store cannot be read: {error}") from None
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror or error}") from None
    finally:
        await telemetry.close()
    log.info("exported", rows=writer.rows, file=str(output))
    return writer.rows


def _moment(text: str, zone: str) -> datetime:
    """A day's beginning or an ISO time; without zone it is the operator's."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f'"{text}" is no day or time; write 2026-11-01 or 2026-11-01T08:00:00+08:00') from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
