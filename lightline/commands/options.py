"""Options that several commands share, spelled once."""

from pathlib import Path
from typing import Annotated

import typer

from lightline import completing
from lightline.problem import UserError

Inventory = Annotated[
    Path | None,
    typer.Argument(metavar="[DEVICES.YAML]", help="The inventory; devices.yaml or LIGHTLINE_INVENTORY if not given."),
]
InventoryOption = Annotated[Path | None, typer.Option("--inventory", help="The inventory, as the argument.")]
Data = Annotated[Path | None, typer.Option(help="Folder of everything that is kept (LIGHTLINE_DATA).")]
Store = Annotated[
    str | None,
    typer.Option(help="Telemetry store: delta:FOLDER, influx1://HOST:PORT/DATABASE, … (LIGHTLINE_STORE)."),
]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="An area's id; repeatable; all if not given.", autocompletion=completing.areas),
]
Grids = Annotated[
    list[str] | None,
    typer.Option("--grid", help="A grid's id, in the areas named; repeatable.", autocompletion=completing.grids),
]
Role = Annotated[
    str,
    typer.Option(help="viewer, technician, dispatcher, planner, operator or admin.", autocompletion=completing.roles),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Host = Annotated[str | None, typer.Option(help="Address to listen on; loopback if not given (LIGHTLINE_HOST).")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on (LIGHTLINE_PORT).")]
GridCapacity = Annotated[int | None, typer.Option(min=1, metavar="VISITS", help="Visits a week in each grid at most.")]


def grids_lie_in(area: list[str] | None, grid: list[str] | None) -> None:
    """Raises UserError where grids are named without their area."""
    if grid and not area:
        raise UserError("grids lie in areas: name the area of the grid too, as in --area tianhe --grid shipai")
