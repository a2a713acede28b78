"""GET /health, /system, /healthz, /metrics, /openapi.json: the service about itself."""

import asyncio

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from api.answers import answer
from api.auth import MetricsReader, Reader, parts_in
from api.describe import errors
from api.healthy import health_of
from api.routes.context import figures_in
from api.rows import utc
from api.schemas.service import Alive, AreaName, FieldName, GridName, Health, StoreFigures, System
from plant.batch import StoreUnavailableError
from plant.fields import fields
from storage.protocol import StoreStatus

router = APIRouter(tags=["service"])


@router.get("/health", response_model=Health, responses=errors(), summary="How plant and service are")
async def health(request: Request, who: Reader) -> Response:
    """Lines and tickets of the caller's areas; the parts of the service are everybody's."""
    figures, parts = figures_in(request), parts_in(request)
    return answer(request, await health_of(parts, figures, request.app.state.standing, who.sight))


@router.get("/system", response_model=System, responses=errors(), summary="Version, store, zone, areas and fields")
async def system(request: Request, who: Reader) -> Response:
    """Answers also while the store is down."""
    figures, parts = figures_in(request), parts_in(request)
    try:
        status = await parts.store.status()
    except StoreUnavailableError as error:
        figures.store_failed(error)
        status = StoreStatus("unknown", healthy=False, detail=str(error), newest_reading=None)
    inventory = await asyncio.to_thread(parts.inventory)
    return answer(
        request,
        System(
            version=parts.settings.version,
            simulated=inventory.simulated,
            now=parts.clock(),
            zone=inventory.calendar.zone,
            started_at=request.app.state.started_at,
            figures_as_of=figures.as_of,
            store_down_since=figures.down_since,
            store=StoreFigures(
                kind=status.kind, healthy=status.healthy, detail=status.detail,
                newest_reading=utc(status.newest_reading),
                figures={k: float(v) for k, v in status.figures.items() if np.isfinite(v)},
            ),
            areas=[
                AreaName(
                    id=a.id, name=a.name,
                    grids=[GridName(id=g.id, name=g.name, engineer=g.engineer) for g in a.grids],
                )
                for a in inventory.areas.values()
                if who.sees_area(a.id)
            ],
            fields=[
                FieldName(name=f.name, of=f.of, kind=f.kind, unit=f.unit, decimals=f.decimals, en=f.en, zh=f.zh)
                for f in fields().values()
            ],
        ),
    )  # fmt: skip


@router.get(
    "/healthz",
    response_model=Alive,
    responses=errors(without=("not-signed-in", "not-allowed", "too-many", "invalid", "store-down")),
    summary="Is the process alive",
)
async def healthz(request: Request) -> Response:
    """For supervisors; asks nothing and needs no token."""
    return answer(request, Alive())


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=errors("collector-status"),
    summary="Figures in the Prometheus text format",
)
async def metrics(request: Request, _: MetricsReader) -> Response:
    """Give Prometheus a token of role operator. Also at /metrics."""
    text = await request.app.state.metrics.text(parts_in(request), figures_in(request), request.app.state.standing)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get(
    "/openapi.json",
    responses={**errors(), 200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    summary="This description",
)
async def openapi(request: Request, _: Reader) -> Response:
    return Response(request.app.state.openapi_json(), media_type="application/json")
