"""GET /reviews and /retrofit/next: the standing reports, and which old lines come next."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.answers import answer
from api.auth import Caller, Reader, parts_in
from api.describe import errors
from api.judging import Judged
from api.parts import Parts
from api.routes.context import figures_in
from api.schemas.base import Query as QueryBase
from api.schemas.reviews import (
    TARGET,
    DepartmentRate,
    LateTicket,
    NextLineRow,
    NextLines,
    RecurringRow,
    ReviewPage,
    VisitsRow,
    WeekRow,
)  # fmt: skip
from api.snapshot import Snapshot
from maintenance import database, records
from maintenance.next_lines import next_lines
from maintenance.review import review

router = APIRouter(tags=["planning"])
SHOWN = 200  # of late tickets
YEAR = timedelta(days=365)


class NextQuery(QueryBase):
    limit: int = Field(default=20, ge=1, le=200)


@router.get("/reviews", response_model=ReviewPage, responses=errors(), summary="Weekly visits and monthly review")
async def reviews(request: Request, who: Reader) -> Response:
    """Counted from the ledger's log; of the tickets that the caller may see."""
    return answer(request, await asyncio.to_thread(_review, parts_in(request), who))


@router.get("/retrofit/next", response_model=NextLines, responses=errors(), summary="Which old lines come next")
async def following(request: Request, who: Reader, query: Annotated[NextQuery, Query()]) -> Response:
    """Old lines without a planned day: first those that are not good, then those that were repaired most."""
    snapshot = await figures_in(request).current()
    return answer(request, await asyncio.to_thread(_next, parts_in(request), snapshot, who, query.limit))


def _review(parts: Parts, who: Caller) -> ReviewPage:
    now, zone, rules = parts.clock(), parts.inventory().calendar.zone, parts.ledger.rules
    jobs = [kind for kind, row in rules.by_hand.kinds.items() if row.job]
    with database.reading(parts.ledger.engine) as connection:
        told = review(records.whole_log(connection), now, zone, days=rules.taking.repeat_days, jobs=jobs, sees=who.sees)
    late = [t for t in parts.ledger.every(overdue_at=now) if who.sees(t.area, t.grid)]
    late.sort(key=lambda t: (t.deadline, t.id))
    return ReviewPage(
        day=now.astimezone(ZoneInfo(zone)).date(), days=told.days, target=TARGET,
        on_time=[
            DepartmentRate(
                month=m.told.month, department=m.department, work=m.told.work, due=m.told.due, on_time=m.told.on_time,
                rate=round(m.told.rate, 4),
            )
            for m in told.months
        ],
        weeks=[WeekRow(**vars(week)) for week in told.weeks],
        visits=[VisitsRow(**month.to_json()) for month in told.visits],
        lines=[_again(one) for one in told.lines], nodes=[_again(one) for one in told.nodes],
        causes=[_again(one) for one in told.causes],
        late=[
            LateTicket(
                ticket=t.id, place=t.place, cause=t.cause, grade=t.grade, state=t.state, area=t.area,
                department=t.department, engineer=t.engineer, deadline=t.deadline,
            )
            for t in late[:SHOWN]
        ],
        late_total=len(late),
    )  # fmt: skip


def _again(one: object) -> RecurringRow:
    return RecurringRow(**vars(one))


def _next(parts: Parts, snapshot: Snapshot, who: Caller, limit: int) -> NextLines:
    now, tree = parts.clock(), snapshot.roster.tree
    seen = snapshot.roster.within(who.sight)
    bad = {tree.line_ids[row] for row in np.flatnonzero(snapshot.judged.good == Judged.NOT_GOOD)}
    repairs: Counter[str] = Counter()
    with database.reading(parts.ledger.engine) as connection:
        lines: list[str] = []
        for entry in records.whole_log(connection):
            lines = entry.after.get("lines", [] if entry.version == 1 else lines)
            if entry.action == "resolve" and entry.at >= now - YEAR:
                repairs.update(lines)
    inventory = snapshot.roster.inventory
    today = now.astimezone(ZoneInfo(inventory.calendar.zone)).date()
    rows = []
    for found in next_lines(inventory, today, bad, repairs, len(seen)):
        row = tree.row[found.line_id]
        if not seen[row]:
            continue
        area = tree.area.codes[row]
        rows.append(
            NextLineRow(
                line_id=found.line_id, area=tree.area.names[area] if area >= 0 else None, grid=found.grid,
                bad=found.bad, why=snapshot.judged.why(row), repairs=found.repairs, age_years=found.age_years,
                together=found.together,
            )
        )  # fmt: skip
        if len(rows) == limit:
            break
    return NextLines(lines=rows)
