"""GET /unknown-onts and the same as a file: what devices show and no lines file has, with the row to add."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.answers import answer
from api.auth import Caller, Exporter, Reader, parts_in
from api.describe import errors
from api.listing import page
from api.roster import Mask
from api.routes.context import figures_in
from api.routes.exports import FILE, file_of
from api.routes.lines import kept_rows
from api.rows import line_rows
from api.schemas.lines import LineFilters, LineRow
from api.schemas.strangers import (
    SameSerial,
    UnknownExport,
    UnknownFilters,
    UnknownOnt,
    UnknownPage,
    UnknownQuery,
)  # fmt: skip
from api.snapshot import Snapshot
from api.strangers import USUAL, Serials, file_row, first_days, index_of
from api.tables import MOMENT

router = APIRouter(tags=["plant"])
BATCH = 2000  # of a file

COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("line_id", "area", "device", "pon")),
        ("ont_index", pa.int32()), ("ont_serial", pa.string()), ("state", pa.string()),
        *((name, pa.float32()) for name in ("rx_dbm", "olt_rx_dbm", "margin_db")),
        ("since", pa.date32()), ("last_reading", MOMENT),
        *((name, pa.string()) for name in ("same_serial", "file", "columns", "row")),
    ]
)  # fmt: skip


@router.get("/unknown-onts", response_model=UnknownPage, responses=errors(), summary="ONTs that no lines file has")
async def unknown(request: Request, who: Reader, query: Annotated[UnknownQuery, Query()]) -> Response:
    """By name, a page at a time: where, since when, its light, and the row to add to which lines file."""
    figures = figures_in(request)
    snapshot = await figures.current()
    keep = await asyncio.to_thread(_kept, snapshot, who, query)
    rows, after = page(snapshot, keep, "line_id", query.cursor, query.limit)
    told = UnknownPage(
        as_of=snapshot.as_of, store_down_since=figures.down_since, total=int(keep.sum()), next=after,
        onts=await _onts(request, snapshot, line_rows(snapshot, rows, customers=False)),
    )  # fmt: skip
    return answer(request, told)


@router.get("/exports/unknown-onts", response_class=StreamingResponse, responses=FILE, summary="Unknown ONTs as a file")
async def unknown_file(request: Request, who: Exporter, query: Annotated[UnknownExport, Query()]) -> StreamingResponse:
    snapshot = await figures_in(request).current()
    keep = await asyncio.to_thread(_kept, snapshot, who, query)
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(snapshot.roster.rank[rows])]

    async def tables() -> AsyncIterator[pa.Table]:
        for start in range(0, len(rows), BATCH):
            lines = line_rows(snapshot, rows[start : start + BATCH], customers=False)
            told = [ont.model_dump() for ont in await _onts(request, snapshot, lines)]
            for ont in told:
                ont["same_serial"] = (ont["same_serial"] or {}).get("line_id")
            yield pa.Table.from_pylist(told, schema=COLUMNS)

    return file_of("unknown-onts", query.format, COLUMNS, tables())


def _kept(snapshot: Snapshot, who: Caller, query: UnknownFilters) -> Mask:
    wanted = LineFilters(area=query.area, device=query.device, pon=query.pon, q=query.q, known=False)
    return kept_rows(snapshot, who, wanted)


async def _onts(request: Request, snapshot: Snapshot, lines: Sequence[LineRow]) -> list[UnknownOnt]:
    parts, inventory = parts_in(request), snapshot.roster.inventory
    if not lines:
        return []
    since = await first_days(parts.store, [line.line_id for line in lines], parts.clock(), inventory.calendar.zone)
    serials: Serials | None = getattr(request.app.state, "serials", None)
    if serials is None or serials.inventory is not inventory:
        serials = await asyncio.to_thread(Serials, inventory)
        request.app.state.serials = serials
    out = []
    for line, same in zip(lines, serials.of([line.ont_serial for line in lines]), strict=True):
        file = inventory.files.get(line.device or "", USUAL)
        out.append(
            UnknownOnt(
                line_id=line.line_id, area=line.area, device=line.device, pon=line.pon,
                ont_index=index_of(line.line_id), ont_serial=line.ont_serial, state=line.state, rx_dbm=line.rx_dbm,
                olt_rx_dbm=line.olt_rx_dbm, margin_db=line.margin_db, good=line.good, since=since.get(line.line_id),
                last_reading=line.last_reading, same_serial=SameSerial(**vars(same)) if same else None,
                file=file.path or None, columns=",".join(file.columns), row=file_row(line, file),
            )
        )  # fmt: skip
    return out
