"""Which old lines to replace next, each with its reasons: what is broken, what was repaired, what is oldest. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow.compute as pc

from plant.inventory import Inventory


@dataclass(frozen=True)
class NextLine:
    """An old line without a planned day. `bad`: its newest readings are not good; `repairs` of the last year;
    `age_years` since it was installed; `together`: old lines to do in its grid, one trip for all."""

    line_id: str
    device: str | None
    grid: str | None
    bad: bool
    repairs: int
    age_years: int | None
    together: int


def next_lines(
    inventory: Inventory, today: date, bad: Collection[str], repairs: Mapping[str, int], limit: int
) -> list[NextLine]:
    """Not good first, then most repairs, then the grid with most to do, then the oldest. What has a day is left out."""
    table = inventory.lines
    coax = pc.fill_null(pc.equal(table["technology"], "coax"), False)
    todo = table.filter(pc.and_(coax, pc.is_null(table["retrofitted"])))
    lines, grids, devices, installed = (todo[name].to_pylist() for name in ("line_id", "grid", "device", "installed"))
    in_grid = {c["values"].as_py(): c["counts"].as_py() for c in pc.value_counts(todo["grid"])} if lines else {}
    found = [
        NextLine(
            line, device, grid, line in bad, repairs.get(line, 0),
            None if since is None else _years(since, today), in_grid.get(grid, 1) if grid else 1,
        )
        for line, grid, device, since in zip(lines, grids, devices, installed, strict=True)
    ]  # fmt: skip
    keys = np.array([(not n.bad, -n.repairs, -n.together, -(n.age_years or 0)) for n in found], np.int64).reshape(-1, 4)
    order = np.lexsort((np.array([n.line_id for n in found]), *(keys[:, k] for k in (3, 2, 1, 0))))[:limit]
    return [found[i] for i in order.tolist()]


def _years(since: date, today: date) -> int:
    return today.year - since.year - ((today.month, today.day) < (since.month, since.day))
