"""GET /health/history, GET /changes: the overview's figures day by day, and what changed since yesterday."""

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from api.answers import answer
from api.auth import Reader, parts_in
from api.collecting import collector_of
from api.days import DayFigures, Days, devices_read_today, figures_of
from api.describe import errors
from api.healthy import health_of
from api.problems import ProblemError
from api.recent import ORDER, changes_since
from api.routes.context import figures_in
from api.schemas.overview import DayOfHealth, HealthHistory, HistoryQuery, RecentChanges, RecentKind, RecentQuery

router = APIRouter(tags=["service"])
DAY, LONGEST = timedelta(days=1), timedelta(days=30)


@router.get(
    "/health/history", response_model=HealthHistory, responses=errors(), summary="The figures of health, day by day"
)
async def history(request: Request, who: Reader, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Of the caller's areas. Days that are over are counted from what store and ledger hold, so none is missing."""
    figures, parts, state = figures_in(request), parts_in(request), request.app.state
    snapshot = await figures.current()
    zone = snapshot.roster.inventory.calendar.zone
    today = parts.clock().astimezone(ZoneInfo(zone)).date()
    days: Days = state.days
    past = await days.before(today, snapshot)
    health = await health_of(parts, figures, state.standing, who.sight)
    begun = datetime(today.year, today.month, today.day, tzinfo=ZoneInfo(zone))

    def build() -> list[DayOfHealth]:
        first = len(past.days) - (query.days - 1)
        told = [_told(past.days[at], figures_of(past, at, who.sight)) for at in range(first, len(past.days))]
        read, known = devices_read_today(snapshot, who.sight, begun)
        lines, tickets = health.lines, health.tickets
        now = DayFigures(
            lines.total, lines.by_state.get("up", 0), lines.good, lines.not_good, lines.at_risk, tickets.unfinished,
            tickets.overdue, known, read,
        )  # fmt: skip
        return [*told, _told(today, now)]

    out = await asyncio.to_thread(build)
    return answer(
        request,
        HealthHistory(
            as_of=snapshot.as_of, store_down_since=figures.down_since, zone=zone,
            since=next((day.day for day in out if day.good_rate is not None), None), days=out,
        ),
    )  # fmt: skip


@router.get("/changes", response_model=RecentChanges, responses=errors(), summary="What changed since a moment")
async def changes(request: Request, who: Reader, query: Annotated[RecentQuery, Query()]) -> Response:
    """Since yesterday, if no moment is given: what was found, raised and repaired, silent devices, swaps and moves."""
    figures, parts = figures_in(request), parts_in(request)
    snapshot, now = await figures.current(), parts.clock()
    since = max(query.since or now - DAY, now - LONGEST)
    try:
        status = await collector_of(parts)
    except ProblemError:
        status = None  # health says what is wrong with it
    found = await asyncio.to_thread(changes_since, parts, snapshot, status, who, since)
    totals = Counter(change.kind for change in found)
    shown: Counter[str] = Counter()
    told = []
    for change in found:
        shown[change.kind] += 1
        if shown[change.kind] <= query.limit:
            told.append(change)
    kinds = [RecentKind(kind=kind, total=totals[kind]) for kind in ORDER if totals[kind]]
    return answer(request, RecentChanges(since=since, kinds=kinds, changes=told))


def _told(day: date, of: DayFigures) -> DayOfHealth:
    judged = (of.good or 0) + (of.not_good or 0)
    return DayOfHealth(
        day=day.isoformat(), good_rate=of.good / judged if of.good is not None and judged else None, **vars(of)
    )
