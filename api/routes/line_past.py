"""GET /lines/{id}/past, /lines/{id}/budget: what happened to a line, and its loss as expected and as measured."""

import asyncio
from datetime import timedelta
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from api.answers import answer
from api.auth import Reader, parts_in
from api.describe import errors
from api.judging import budget_of
from api.past import day_of, events_of, outdoor
from api.reach import narrowed
from api.routes.context import figures_in
from api.routes.lines import LineId, row_of
from api.schemas.line_past import LinePast, LossBudget, LossOfWay, LossPart, PastQuery
from api.snapshot import Snapshot
from plant.loss_budget import expected_parts, loss_data

router = APIRouter(tags=["lines"])
MOST_TICKETS = 100


@router.get(
    "/lines/{line_id:path}/past", response_model=LinePast, responses=errors("not-found"), summary="What happened to it"
)
async def past(request: Request, who: Reader, line_id: LineId, query: Annotated[PastQuery, Query()]) -> Response:
    """Tickets, visits, swaps, moves, planned works, storms; and how warm it was outdoors."""
    parts = parts_in(request)
    snapshot = await figures_in(request).current()
    row, roster = row_of(snapshot, who, line_id), snapshot.roster
    now = parts.clock()
    since = now - timedelta(days=query.days)

    def happened() -> LinePast:
        found = parts.ledger.tickets(
            line=line_id, area=narrowed(who.areas, None), grid=narrowed(who.grids, None), limit=MOST_TICKETS
        )
        events = events_of(parts, roster, row, since, [ticket.id for ticket in found])
        return LinePast(line_id=line_id, since=since, events=events, outdoor=warm)

    zone = roster.inventory.calendar.zone
    warm = await outdoor(parts, roster, row, day_of(since, zone), day_of(now, zone))
    return answer(request, await asyncio.to_thread(happened))


@router.get(
    "/lines/{line_id:path}/budget", response_model=LossBudget, responses=errors("not-found"),
    summary="Its loss, as expected and as measured",
)  # fmt: skip
async def budget(request: Request, who: Reader, line_id: LineId) -> Response:
    """Expected part by part from planning values; `missing` says what is not known of the path."""
    figures = figures_in(request)
    snapshot = await figures.current()
    told = await asyncio.to_thread(_budget, snapshot, row_of(snapshot, who, line_id))
    return answer(request, told.model_copy(update={"store_down_since": figures.down_since}))


def _budget(snapshot: Snapshot, row: int) -> LossBudget:
    roster, tree = snapshot.roster, snapshot.roster.tree
    line = roster.table.slice(row, 1).to_pylist()[0]
    newest = snapshot.newest(row)
    pon_class = budget_of(roster.inventory, line["device"], line["technology"])
    whole = LossBudget(
        as_of=snapshot.as_of, store_down_since=None, line_id=tree.line_ids[row], parts=[], down=None, up=None,
        missing=[], tolerance_db=loss_data().tolerance_db,
    )  # fmt: skip
    if pon_class is None:
        return whole
    distance = newest.get("distance_m") or line["distance_m"]
    first, second = _behind(snapshot, row)
    parts = expected_parts(pon_class, distance, first, second)
    pon_tx = snapshot.newest_of_pon(f"{line['device']}/{line['pon']}").get("pon_tx_dbm")
    down, up = sum(p.down_db for p in parts), sum(p.up_db for p in parts)
    powers = {
        "pon_tx_dbm": pon_tx, "rx_dbm": newest.get("rx_dbm"), "tx_dbm": newest.get("tx_dbm"),
        "olt_rx_dbm": newest.get("olt_rx_dbm"),
    }  # fmt: skip
    known = {"distance_m": distance, "splitter1": first, **powers}
    return whole.model_copy(
        update={
            "parts": [LossPart(**vars(part)) for part in parts],
            "down": _way(down, powers["pon_tx_dbm"], powers["rx_dbm"]),
            "up": _way(up, powers["tx_dbm"], powers["olt_rx_dbm"]),
            "missing": [name for name, value in known.items() if value is None],
        }
    )


def _way(expected: float, sent: float | None, received: float | None) -> LossOfWay:
    measured = None if sent is None or received is None else round(sent - received, 2)
    return LossOfWay(expected_db=round(expected, 2), measured_db=measured, sent_dbm=sent, received_dbm=received)


def _behind(snapshot: Snapshot, row: int) -> tuple[int | None, int | None]:
    """How many hang behind the line's first splitter (second ones, and lines without one) and behind its second."""
    first, second = snapshot.roster.tree.splitter1, snapshot.roster.tree.splitter2
    if first.codes[row] < 0:
        return None, None
    beside = second.codes[first.codes == first.codes[row]]
    legs = len(np.unique(beside[beside >= 0])) + int((beside < 0).sum())
    return legs, None if second.codes[row] < 0 else int((second.codes == second.codes[row]).sum())
