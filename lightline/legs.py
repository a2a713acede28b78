"""The plant tree as the lines tell it: looked for by the analysis, kept for people to accept or decline."""

import asyncio
from datetime import date

from analyzer.legs import Leg, legs
from analyzer.settings import Settings as AnalyzerSettings
from lightline.analysis import load_blocks
from plant.inventory import Inventory
from plant.suggested import Suggested, Suggestion
from storage.protocol import TelemetryStore


async def find_legs(store: TelemetryStore, inventory: Inventory, as_of: date, days: int) -> list[Leg]:
    """Lines that move together and that the inventory does not know to, most lines first. StoreUnavailableError."""
    settings = AnalyzerSettings.load()
    found: list[Leg] = []
    async for block in load_blocks(store, inventory, as_of, days, settings.block_lines):
        found += await asyncio.to_thread(legs, block, settings)
    return sorted(found, key=lambda leg: (-len(leg.lines), leg.pon, leg.lines))


def suggested(found: list[Leg], as_of: date) -> Suggested:
    """As it is kept."""
    return Suggested(
        as_of,
        tuple(
            Suggestion(leg.pon, leg.lines, round(leg.correlation, 3), leg.days, leg.named, leg.rest) for leg in found
        ),
    )
