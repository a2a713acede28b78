"""`lightline simulate`: serve the simulated plant of a folder as SNMP agents and MQTT clients on loopback."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lightline.problem import UserError
from lightline.stopping import stop_event


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder that `lightline demo` made (…/plant).")],
) -> None:
    """Serve a simulated plant until Ctrl-C; `lightline demo` runs this as one of its parts."""
    from lightline.simulation import serve_plant

    if not (folder / "ports.json").exists():
        raise UserError(f"{folder} holds no simulated plant; `lightline demo` makes one")

    async def main() -> None:
        await serve_plant(folder, stop_event())

    asyncio.run(main())
