"""GET /exports/lines, /exports/tickets, /exports/readings: much at once, as a stream of Arrow, Parquet or CSV."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import Annotated

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from api.auth import Exporter, parts_in
from api.describe import Responses, errors
from api.exporting import ENDINGS, MEDIA, Format, streamed
from api.problems import ProblemError
from api.routes.context import figures_in
from api.routes.lines import kept_rows
from api.routes.tickets import UNFINISHED, areas_of, ticket_row
from api.schemas.exports import LinesExport, ReadingsExport, TicketsExport
from api.tables import LINES, MOMENT, TICKETS, line_tables, reading_tables, ticket_table
from plant.fields import fields
from storage.reading import EARLIEST, LATEST
from storage.schema import column_type, statistics

router = APIRouter(tags=["exports"], prefix="/exports")
PAGE = 1000
MOST_LINES = 5000  # of readings: each line is a question to the store

FILE: Responses = {
    **errors(),
    200: {
        "description": "The file, as it is made: its length is not known before its end.",
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string", "contentMediaType": media}}
            for media in MEDIA.values()
        },
    },
}


@router.get("/lines", response_class=StreamingResponse, responses=FILE, summary="Lines as a file")
async def lines(request: Request, who: Exporter, query: Annotated[LinesExport, Query()]) -> StreamingResponse:
    """With the filters of the list, by id; customers' references masked."""
    snapshot = await figures_in(request).current()
    rows = await asyncio.to_thread(lambda: np.flatnonzero(kept_rows(snapshot, who, query)))
    rows = rows[np.argsort(snapshot.roster.rank[rows])]
    return file_of("lines", query.format, LINES, line_tables(snapshot, rows, customers=who.may("customers")))


@router.get("/tickets", response_class=StreamingResponse, responses=FILE, summary="Tickets as a file")
async def tickets(request: Request, who: Exporter, query: Annotated[TicketsExport, Query()]) -> StreamingResponse:
    parts = parts_in(request)
    areas = areas_of(who, query.area)

    async def pages() -> AsyncIterator[pa.Table]:
        after: int | None = None
        while areas != ():
            found = await asyncio.to_thread(
                parts.ledger.tickets, state=UNFINISHED if query.state == "unfinished" else query.state, area=areas,
                limit=PAGE, after=after,
            )  # fmt: skip
            seen = [ticket_row(t, parts) for t in found if who.sees(t.area, t.grid)]
            if seen:
                yield ticket_table(seen)
            if len(found) < PAGE:
                return
            after = found[-1].id

    return file_of("tickets", query.format, TICKETS, pages())


@router.get("/readings", response_class=StreamingResponse, responses=FILE, summary="Readings of lines as a file")
async def readings(request: Request, who: Exporter, query: Annotated[ReadingsExport, Query()]) -> StreamingResponse:
    """Line by line and by time; `hour` and `day` give every statistic of a field."""
    parts = parts_in(request)
    snapshot = await figures_in(request).current()
    rows = await asyncio.to_thread(lambda: np.flatnonzero(kept_rows(snapshot, who, query)))
    if len(rows) > MOST_LINES:
        raise _wrong("query", f"these are {len(rows)} lines; {MOST_LINES} can be exported at once")
    rows = rows[np.argsort(snapshot.roster.rank[rows])]
    end = min(max(query.end or parts.clock(), EARLIEST), LATEST).astimezone(UTC)
    start = min(max(query.start or end - timedelta(days=1), EARLIEST), LATEST).astimezone(UTC)
    if start >= end:
        raise _wrong("query.start", "it is not before the end")
    names = list(dict.fromkeys(query.fields.split(",")))
    known = fields()
    columns = (
        [(n, known[n].arrow) for n in names]
        if query.resolution == "raw"
        else [(f"{n}_{s}", column_type(known[n], s)) for n in names for s in statistics(known[n])]
    )
    schema = pa.schema([("line_id", pa.string()), ("time", MOMENT), *columns])
    ids = [str(snapshot.roster.tree.line_ids[row]) for row in rows]
    tables = reading_tables(parts.store, ids, names, start, end, query.resolution, schema)
    # the first before the answer begins: a store that is down is still a 503
    return file_of("readings", query.format, schema, _begun(await anext(tables, None), tables))


async def _begun(first: pa.Table | None, rest: AsyncIterator[pa.Table]) -> AsyncIterator[pa.Table]:
    if first is not None:
        yield first
    async for table in rest:
        yield table


def file_of(name: str, form: Format, schema: pa.Schema, tables: AsyncIterator[pa.Table]) -> StreamingResponse:
    """The tables as a file of that name, as they come."""
    headers = {"Content-Disposition": f'attachment; filename="lightline-{name}.{ENDINGS[form]}"'}
    return StreamingResponse(streamed(form, schema, tables), media_type=MEDIA[form], headers=headers)


def _wrong(where: str, why: str) -> ProblemError:
    return ProblemError(
        "invalid", f"{where}: {why}", remedy="ask for less at once, with `area`, `grid`, `device`, `pon`, `start`",
        errors=[{"where": where, "message": why}],
    )  # fmt: skip
