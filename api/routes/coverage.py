"""GET /coverage: the good rate by area, grid, device or PON."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response

from analyzer.coverage import Group, by_group
from api.auth import Caller, Reader
from api.describe import errors
from api.figures import Figures
from api.judging import limits
from api.routes.context import figures_in, kept_in
from api.rows import utc
from api.schemas.coverage import Coverage, CoverageQuery, Formula, Place
from api.schemas.coverage import Figures as Counted
from api.snapshot import Snapshot
from plant.tree import Level

router = APIRouter(tags=["coverage"])


@router.get("/coverage", response_model=Coverage, responses=errors(), summary="Good rate by place")
async def coverage(request: Request, who: Reader, query: Annotated[CoverageQuery, Query()]) -> Response:
    """Of the caller's areas. `formula` holds the parameters in force; docs/api.md explains them."""
    figures = figures_in(request)
    snapshot = await figures.current()
    return await kept_in(request).give(
        request, who, snapshot, store_down=figures.is_down, build=lambda of: _coverage(figures, of, who, query)
    )


def _coverage(figures: Figures, snapshot: Snapshot, who: Caller, query: CoverageQuery) -> Coverage:
    roster = snapshot.roster
    inside = roster.within(who.sight)
    wanted = np.zeros(len(roster), bool)
    wanted[roster.tree.rows(area=query.area, grid=query.grid, device=query.device)] = True
    inside &= wanted
    level: Level = getattr(roster.tree, query.by)
    # group 0 holds the lines of which the level is not known
    codes = np.where(inside, level.codes + 1, -1).astype(np.int64)
    groups = by_group(snapshot.judged.verdict, codes, len(level.names) + 1)
    whole = by_group(snapshot.judged.verdict, np.where(inside, 0, -1).astype(np.int64), 1)[0]
    names = roster.names
    places = [
        Place(id=ident, name=names.get((query.by, ident or "")), **_counted(group).model_dump())
        for ident, group in zip((None, *level.names), groups, strict=True)
        if group.lines or (ident is not None and query.by == "area" and _asked(who, query, ident))
    ]
    return Coverage(
        as_of=snapshot.as_of,
        store_down_since=figures.down_since,
        newest_reading=utc(snapshot.judged.newest),
        by=query.by,
        total=_counted(whole),
        places=sorted(places, key=lambda p: (p.id is None, p.id or "")),
        formula=Formula(**limits(figures.judging.settings)),
    )


def _asked(who: Caller, query: CoverageQuery, area: str) -> bool:
    """Whether an area without lines belongs into the answer."""
    return who.sees_area(area) and query.area in (None, area) and query.grid is None and query.device is None


def _counted(group: Group) -> Counted:
    return Counted(
        lines=group.lines,
        read=group.read,
        good=group.good,
        no_reading=group.lines - group.read,
        good_rate=group.rate,
        why_not=dict(group.reasons),
    )
