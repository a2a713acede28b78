"""create_app: the parts, behind HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api import openapi, problems
from api.answers import KeptAnswers
from api.attempts import FailedAttempts
from api.auditing import note_change
from api.console import Console
from api.days import Days
from api.deprecation import Retiring, deprecated
from api.figures import Figures
from api.metrics import Metrics
from api.newest import Newest
from api.parts import Parts
from api.people.directory import Directory
from api.rates import Rates
from api.routes import (
    account,
    asking,
    board,
    coverage,
    customers,
    desk,
    directory,
    events,
    exports,
    hooks,
    line_past,
    lines,
    lists,
    maps,
    modes,
    overview,
    people,
    planning,
    plans,
    plant,
    reviews,
    service,
    sessions,
    settings,
    splitters,
    strangers,
    tickets,
    tmf621,
    tmf642,
    views,
    visits,
)  # fmt: skip
from api.security import Guard
from api.standing import Standing

V1 = "/api/v1"
# Looked through in this order, so what is asked most goes first; a line's id takes in all that follows it, so what
# hangs from a line goes before it.
ROUTERS = (
    service, coverage, customers, line_past, lines, asking, tickets, plant, strangers, splitters, planning, reviews,
    hooks, tmf621, tmf642, settings, sessions, directory, account, people, events, overview, exports, maps, visits,
    desk, modes, views, plans, board, lists,
)  # fmt: skip


def create_app(parts: Parts) -> FastAPI:
    """The application. Whoever opened the parts closes them after it has ended."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.figures.close()
        await app.state.standing.close()

    app = FastAPI(title="Lightline", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.parts = parts
    app.state.kept = KeptAnswers()
    app.state.figures = Figures(parts, app.state.kept.renew)
    app.state.days = Days(parts, app.state.figures.judging)
    app.state.attempts = FailedAttempts()
    app.state.rates = Rates(parts.settings.rate_per_s, parts.settings.rate_burst)
    app.state.directory = Directory(parts.settings.directory) if parts.settings.directory is not None else None
    app.state.newest = Newest(parts)
    app.state.standing = Standing(parts, app.state.newest)
    app.state.metrics = Metrics()
    app.state.started_at = parts.clock()
    for module in ROUTERS:
        app.include_router(module.router, prefix=V1)
    # where probes and Prometheus look by default
    app.add_api_route("/healthz", service.healthz, include_in_schema=False)
    app.add_api_route("/metrics", service.metrics, include_in_schema=False)
    problems.install(app)
    retiring = Retiring(deprecated())
    openapi.install(app, retiring)
    if parts.settings.console is not None:
        app.mount("/", Console(parts.settings.console), name="console")
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(
        Guard,
        hosts=parts.settings.allowed_hosts,
        max_body=parts.settings.max_body,
        max_photo=parts.settings.max_photo,
        observe=app.state.metrics.observe,
        changed=partial(note_change, parts),
        retiring=retiring,
    )
    return app
