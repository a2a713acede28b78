"""`lightline grafana`: dashboards, data sources and alert rules for Grafana, made for this plant and its store."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings

if TYPE_CHECKING:
    from plant.inventory import Inventory

_LANGUAGES = ("zh", "en")


def grafana(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write; Grafana reads it from there.")],
    inventory_option: options.InventoryOption = None,
    store: options.Store = None,
    data: options.Data = None,
    language: Annotated[str, typer.Option(help="zh or en: the words of titles and alerts.")] = "zh",
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Where Grafana finds the Prometheus that asks /metrics.")
    ] = "http://127.0.0.1:9090",
    places: Annotated[
        bool, typer.Option("--places", help="Also write where each line hangs into the store, for the variables.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Write dashboards, data sources and alert rules for Grafana, in the query language of the store (InfluxDB)."""
    from lightline.inventory import read_inventory

    if language not in _LANGUAGES:
        raise UserError(f'--language "{language}" is not among: {", ".join(_LANGUAGES)}')
    settings = load_settings(inventory=inventory_option, store=store, data=data)
    inventory = read_inventory(settings.inventory, settings.plant_log_path)
    files = _write(folder, settings, inventory, language, prometheus)
    written = asyncio.run(_write_places(settings, inventory)) if places else None
    if as_json:
        from lightline.output import print_json

        print_json({"files": [str(f) for f in files], "places": written})
        return
    for file in files:
        typer.echo(file)
    if written is not None:
        typer.echo(f"places of {written} lines are in the store", err=True)


def _write(folder: Path, settings: Settings, inventory: "Inventory", language: str, prometheus: str) -> list[Path]:
    try:
        from dashboards.grafana.writing import Store, write
    except ModuleNotFoundError as error:
        raise UserError(f'{error.name} is not installed; the extra has it: pip install "lightline[grafana]"') from None
    from analyzer.settings import Settings as AnalyzerSettings

    try:
        told = Store.of(settings.store_url, user=settings.store_user is not None, policies=settings.influx_policies)
    except ValueError as error:
        raise UserError(str(error)) from None
    shares = {"outage_share": AnalyzerSettings.load().outage_share}
    try:
        return write(
            folder, told, inventory, "en" if language == "en" else "zh", prometheus=prometheus, shares=shares,
            scraped=f"{settings.host}:{settings.port}",
        )  # fmt: skip
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from None


async def _write_places(settings: Settings, inventory: "Inventory") -> int:
    from dashboards.grafana.places import write_places
    from lightline.opening import store_credentials
    from plant.batch import StoreUnavailableError
    from storage.opening import influx_client

    user, password = store_credentials(settings)
    client = influx_client(settings.store_url, user, password)
    try:
        return await write_places(client, inventory, datetime.now(UTC))
    except StoreUnavailableError as error:
        raise UserError(f"the places could not be written: {error}") from None
    finally:
        await client.close()
