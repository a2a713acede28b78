"""GET /ledger/export, POST /ledger/import, GET /on-time: the ledger as lists, and what it comes to."""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.answers import answer
from api.auth import Exporter, Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import ProblemError
from api.reach import Scope, chosen_areas, scope_of
from api.routes.tickets import UNFINISHED
from api.schemas.plans import ExportQuery, ImportAnswer, ImportQuery, OnTimeAnswer, OnTimeQuery, OnTimeRow, RejectedRow
from maintenance.lists.exporting import write
from maintenance.lists.reading import read

router = APIRouter(tags=["tickets"])

MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_FILES = {media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA.values()}


@router.get(
    "/ledger/export", responses={**errors(), 200: {"content": _FILES}}, summary="Tickets as a list for a spreadsheet",
    response_class=Response,
)  # fmt: skip
async def export(request: Request, who: Exporter, query: Annotated[ExportQuery, Query()]) -> Response:
    """Opens right in Excel, Chinese text too; nothing in it is run as a formula. Times are local."""
    parts = parts_in(request)
    scope = scope_of(who, query.area, query.grid)
    body = await asyncio.to_thread(_exported, parts, scope, query)
    headers = {"Content-Disposition": f'attachment; filename="tickets.{query.format}"'}
    return Response(body, headers=headers, media_type=MEDIA[query.format])


def _exported(parts: Parts, scope: Scope | None, query: ExportQuery) -> bytes:
    wanted: dict[str, Any] = {
        **(scope or {}), "state": UNFINISHED if query.state == "unfinished" else query.state, "grade": query.grade,
        "department": query.department, "engineer": query.engineer, "escalation": query.escalation, "text": query.q,
        "overdue_at": parts.clock() if query.overdue else None,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="lightline-export-") as folder:
        path = Path(folder) / f"tickets.{query.format}"
        write(path, () if scope is None else parts.ledger.every(**wanted), parts.inventory().calendar.zone)
        return path.read_bytes()


@router.post(
    "/ledger/import", response_model=ImportAnswer, responses=errors("cross-site", "other-request", "busy"),
    summary="Open a ticket for each row of a list",
    openapi_extra={"requestBody": {"required": True, "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
async def take_in(
    request: Request, who: TicketWorker, query: Annotated[ImportQuery, Query()], key: IdempotencyKey = None
) -> Response:
    """The body is the file. Titles in its first row: place or line, note; also kind, grade, cause, engineer, reference,
    or their Chinese names. Each rejected row is told with its number; the same row again opens nothing."""
    parts = parts_in(request)
    if not who.sight.whole:
        raise ProblemError("not-allowed", "a list may name any place; it is taken from those who see the whole plant")
    data = await request.body()

    def taken() -> ImportAnswer:
        with tempfile.TemporaryDirectory(prefix="lightline-import-") as folder:
            path = Path(folder) / f"list.{query.format}"
            path.write_bytes(data)
            report = parts.ledger.import_list(
                read(path), parts.inventory(), actor=who.name, role=who.role, now=parts.clock()
            )
        rejected = [RejectedRow(row=r.row, why=r.why) for r in report.rejected]
        return ImportAnswer(rows=report.rows, opened=report.opened, known=report.known, rejected=rejected)

    async def work(_: str | None) -> Response:
        told = await asyncio.to_thread(taken)
        request.app.state.standing.forget()
        return answer(request, told)

    return await once(request, who, key, work)


@router.get("/on-time", response_model=OnTimeAnswer, responses=errors("not-found"), summary="On-time rates by month")
async def on_time(request: Request, who: Reader, query: Annotated[OnTimeQuery, Query()]) -> Response:
    """Installations and maintenance, from the log alone: what was promised, and what lasted."""
    parts = parts_in(request)

    def count() -> OnTimeAnswer:
        areas = chosen_areas(who, parts.inventory(), None if query.area is None else [query.area])
        now = parts.clock()
        months = parts.ledger.on_time(now, areas, query.months)
        return OnTimeAnswer(as_of=now, months=[OnTimeRow(**month.to_json()) for month in months])

    return answer(request, await asyncio.to_thread(count))
