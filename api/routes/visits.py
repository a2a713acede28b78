"""GET /visits, POST /visits/{id}/steps, photos: a technician's day, also where there is no reception."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.answers import answer
from api.auth import Caller, Reader, TicketWorker, parts_in
from api.describe import errors
from api.masking import about
from api.once import HEADER
from api.parts import Parts
from api.problems import ProblemError, not_found
from api.routes.context import figures_in
from api.routes.tickets import TicketId, codes_of, possible_of, ticket_row, visible, whole
from api.rows import line_rows
from api.schemas.tickets import LogEntry
from api.schemas.visits import Day, DayQuery, Photo, SiteVisit, StepRequest, StepTaken, VisitLine, VisitSeries
from api.snapshot import Snapshot
from maintenance.field import FieldStep, take_step
from maintenance.ledger import Ticket
from maintenance.photos import Photos
from maintenance.transitions import TO_DO
from plant.batch import StoreUnavailableError

router = APIRouter(tags=["visits"])

MOST, LINES_SHOWN, LOG_SHOWN, DAYS = 20, 20, 10, 60
DRAWN = ("rx_dbm", "olt_rx_dbm")
BINARY = {"type": "string", "format": "binary"}
GOING = tuple(sorted(TO_DO - {"proposed", "open"}))
Key = Annotated[str, Header(alias=HEADER, min_length=1, max_length=120, pattern=r"^[!-~]+$",
                            description="Of this step, made by the phone: told twice, it is done once.")]  # fmt: skip
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get(
    "/visits", response_model=Day, responses=errors(), summary="A technician's visits, all of each in one answer"
)
async def day(request: Request, who: Reader, query: Annotated[DayQuery, Query()]) -> Response:
    """Where, what to bring, evidence to draw, what may be done and answered. POST /lines/{id}/poll asks a line now."""
    parts, engineer = parts_in(request), query.engineer or who.name
    snapshot = await figures_in(request).current()

    def mine() -> list[Ticket]:
        found = parts.ledger.queue(parts.clock(), engineer=engineer, limit=1000)
        found = [t for t in found if t.state in GOING and who.sees(t.area, t.grid)]
        late = max((t.appointment_at for t in found if t.appointment_at), default=parts.clock())
        return sorted(found, key=lambda t: (t.appointment_at is None, t.appointment_at or late))[:MOST]

    tickets = await asyncio.to_thread(mine)
    codes = codes_of(parts.ledger.rules)
    visits = [await _visit(parts, who, snapshot, ticket) for ticket in tickets]
    return answer(
        request,
        Day(as_of=snapshot.as_of, engineer=engineer, visits=visits, cause_codes=codes["cause_code"],
            action_codes=codes["action_code"]),
    )  # fmt: skip


@router.post(
    "/visits/{ticket_id}/steps", response_model=StepTaken, responses=errors("not-found", "conflict", "cross-site"),
    summary="Take what was done on site, now or later",
)  # fmt: skip
async def step(request: Request, who: TicketWorker, ticket_id: TicketId, done: StepRequest, key: Key) -> Response:
    """Done where the ticket still allows it, even if it has gone on; else kept in its log. Nothing is lost, nothing
    is done twice."""
    parts = parts_in(request)

    def take() -> StepTaken:
        visible(parts, who, ticket_id)
        given = done.model_dump(exclude={"action", "version", "note", "done_at"}, exclude_none=True)
        told = FieldStep(key, done.action, done.version, done.done_at, done.note, given)
        taken = take_step(parts.ledger.engine, parts.ledger.rules, ticket_id, told, actor=who.name, role=who.role,
                          now=parts.clock())  # fmt: skip
        return StepTaken(outcome=taken.outcome, why=taken.why, ticket=whole(parts, who, ticket_id))

    told = await asyncio.to_thread(take)
    request.app.state.standing.forget()
    return answer(request, told)


@router.post(
    "/visits/{ticket_id}/photos", status_code=201, response_model=Photo,
    responses=errors("not-found", "cross-site"), summary="Add a photo to a ticket",
    openapi_extra={"requestBody": {"required": True, "content": {
        kind: {"schema": BINARY} for kind in ("image/jpeg", "image/png", "image/webp")
    }}},
)  # fmt: skip
async def add_photo(request: Request, who: TicketWorker, ticket_id: TicketId) -> Response:
    """Judged by its content, not by its name; kept without place, time and maker's notes. The same one again is the
    same photo."""
    parts = parts_in(request)
    sent = await request.body()

    def add() -> Photo:
        visible(parts, who, ticket_id)
        added = _photos(parts).add(ticket_id, sent, actor=who.name, now=parts.clock())
        return _photo(added.to_json())

    told = await asyncio.to_thread(add)
    return Response(told.model_dump_json(), 201, media_type="application/json")


@router.get(
    "/visits/{ticket_id}/photos/{digest}", response_class=Response,
    responses={**errors("not-found"), 200: {"content": {"image/jpeg": {"schema": BINARY}}}},
    summary="One photo of a ticket",
)  # fmt: skip
async def photo(request: Request, who: Reader, ticket_id: TicketId, digest: Digest) -> Response:
    parts = parts_in(request)

    def read() -> bytes | None:
        visible(parts, who, ticket_id)
        return _photos(parts).read(ticket_id, digest)

    found = await asyncio.to_thread(read)
    if found is None:
        raise not_found("photo", digest, remedy="see `photos` of the visit")
    return Response(found, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


async def _visit(parts: Parts, who: Caller, snapshot: Snapshot, ticket: Ticket) -> SiteVisit:
    rules, ledger = parts.ledger.rules, parts.ledger
    log = await asyncio.to_thread(ledger.log, ticket.id)
    photos = [] if parts.settings.photos is None else await asyncio.to_thread(_photos(parts).of, ticket.id)
    return SiteVisit(
        ticket=ticket_row(ticket, parts),
        lines=_lines(snapshot, ticket.lines[:LINES_SHOWN]),
        bring_en=rules.causes[ticket.cause].bring_en,
        bring_zh=rules.causes[ticket.cause].bring_zh,
        evidence=dict(ticket.evidence),
        series=await _series(parts, ticket.lines[0]) if ticket.lines else None,
        possible=possible_of(ticket, who, rules),
        photos=[_photo(one.to_json()) for one in photos],
        log=[LogEntry(**entry.to_json()) for entry in log[-LOG_SHOWN:]],
    )


def _lines(snapshot: Snapshot, ids: tuple[str, ...]) -> list[VisitLine]:
    rows = [row for line in ids if (row := snapshot.roster.tree.row.get(line)) is not None]
    shown = line_rows(snapshot, rows, customers=False)
    places = snapshot.roster.table.take(rows).select(["lat", "lon"]).to_pylist() if rows else []
    names = [n for n in VisitLine.model_fields if n not in ("lat", "lon")]
    return [
        VisitLine(**{n: getattr(row, n) for n in names}, lat=about(place["lat"]), lon=about(place["lon"]))
        for row, place in zip(shown, places, strict=True)
    ]


async def _series(parts: Parts, line: str) -> VisitSeries | None:
    now = parts.clock()
    try:
        table = await parts.store.series(line, DRAWN, now - timedelta(days=DAYS), now, "day")
    except StoreUnavailableError:
        return None  # the visit is as true without the picture
    days = [at.date().isoformat() for at in table["time"].to_pylist()]

    def of(name: str) -> list[float | None]:
        found = next((c for c in (f"{name}_median", name) if c in table.column_names), None)
        values = table[found].to_pylist() if found else [None] * len(days)
        return [None if v is None or v != v else round(v, 2) for v in values]  # noqa: PLR0124  NaN is no reading

    return VisitSeries(line_id=line, days=days, rx_dbm=of("rx_dbm"), olt_rx_dbm=of("olt_rx_dbm"))


def _photos(parts: Parts) -> Photos:
    if parts.settings.photos is None:
        raise ProblemError("not-found", "this service keeps no photos", remedy="start it with `lightline serve`")
    return Photos(parts.ledger.engine, parts.settings.photos)


def _photo(told: dict[str, Any]) -> Photo:
    return Photo(**{name: value for name, value in told.items() if name != "ticket_id"})
