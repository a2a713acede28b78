"""GET /lines, /lines/{id}, /lines/{id}/series."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer, only
from api.auth import Caller, Reader, parts_in
from api.describe import SPARSE_TOO, errors
from api.judging import limits_of
from api.listing import page
from api.masking import about
from api.problems import ProblemError, not_found
from api.roster import Mask
from api.routes.context import figures_in, kept_in
from api.routes.tickets import unfinished_of_line
from api.rows import GOODS, line_rows, readings, rounded, utc
from api.schemas.lines import (
    Column,
    Crumb,
    Judgement,
    Limit,
    LineFilters,
    LinePage,
    LineRow,
    LinesPage,
    LinesQuery,
    Neighbours,
    Series,
    SeriesQuery,
)  # fmt: skip
from api.snapshot import LINE_FIELDS, Snapshot
from api.standing import Standing
from plant.fields import fields
from plant.tree import Level
from storage.protocol import Resolution
from storage.reading import EARLIEST, LATEST, resolution_for

router = APIRouter(tags=["lines"])
NEIGHBOURS = 64  # what hangs from the last splitter of any PON in use
LONGEST_RAW = timedelta(days=400)

LineId = Annotated[str, Path(description="A line's id; it may contain slashes.", min_length=1, max_length=500)]


@router.get(
    "/lines",
    response_model=LinesPage,
    responses={**errors(), 200: SPARSE_TOO},
    summary="Lines that meet filters, a page at a time",
)
async def lines(request: Request, who: Reader, query: Annotated[LinesQuery, Query()]) -> Response:
    """Worst first with `sort=margin_db`. Lines without the figure sorted by come last."""
    figures = figures_in(request)
    snapshot = await figures.current()
    wanted = only("lines", LineRow, query.fields)

    def build(snapshot: Snapshot) -> LinesPage:
        keep = kept_rows(snapshot, who, query)
        rows, after = page(snapshot, keep, query.sort, query.cursor, query.limit, query.skip)
        return LinesPage(
            as_of=snapshot.as_of,
            store_down_since=figures.down_since,
            total=int(keep.sum()),
            next=after,
            lines=line_rows(snapshot, rows, customers=who.may("customers")),
        )

    return await kept_in(request).give(request, who, snapshot, store_down=figures.is_down, build=build, only=wanted)


def kept_rows(snapshot: Snapshot, who: Caller, query: LineFilters) -> Mask:
    """Rows that the caller may see and that meet the filters."""
    roster = snapshot.roster
    keep = roster.within(who.sight)
    for wanted, level in ((query.area, "area"), (query.grid, "grid"), (query.device, "device"), (query.pon, "pon")):
        if wanted is not None:
            found: Level = getattr(roster.tree, level)
            keep &= found.codes == (found.names.index(wanted) if wanted in found.names else -2)
    if query.state is not None:
        state = snapshot.state
        hit = pc.is_null(state) if query.state == "no_reading" else pc.fill_null(pc.equal(state, query.state), False)
        keep &= np.asarray(hit.to_numpy(zero_copy_only=False), bool)
    if query.good is not None:
        keep &= snapshot.judged.good == {name: code for code, name in zip((0, 1, -1), GOODS, strict=True)}[query.good]
    if query.known is not None:
        keep &= (np.arange(len(roster)) < roster.known_count) == query.known
    if query.q is not None:
        keep &= roster.matching(query.q, customers=who.may("customers"))
    return keep


@router.get(
    "/lines/{line_id:path}/series",
    response_model=Series,
    responses=errors("not-found"),
    summary="One line's figures over time",
)
async def series(request: Request, who: Reader, line_id: LineId, query: Annotated[SeriesQuery, Query()]) -> Response:
    """`auto` gives readings for two days, hours for eighty and days beyond."""
    figures, parts = figures_in(request), parts_in(request)
    row_of(await figures.current(), who, line_id)
    end = _kept_time(query.end or parts.clock())
    start = _kept_time(query.start) if query.start else max(end - timedelta(days=1), EARLIEST)
    if start >= end:
        raise ProblemError(
            "invalid", "query.start: it is not before the end", remedy="give a start before the end",
            errors=[{"where": "query.start", "message": "not before the end"}],
        )  # fmt: skip
    level: Resolution = resolution_for(query.resolution, start, end)  # type: ignore[assignment]
    if level == "raw" and end - start > LONGEST_RAW:
        raise ProblemError(
            "invalid", f"query.resolution: readings of more than {LONGEST_RAW.days} days are not told one by one",
            remedy="ask for resolution=hour or day, or for less at once",
            errors=[{"where": "query.resolution", "message": "too long a time"}],
        )  # fmt: skip
    names = list(dict.fromkeys(query.fields.split(",")))
    table = await parts.store.series(line_id, names, start, end, level)
    columns = await asyncio.to_thread(_columns, table, names)
    return answer(
        request,
        Series(
            line_id=line_id, resolution=_told(level), start=start, end=end,
            times=[t for t in map(utc, table["time"].to_pylist()) if t], columns=columns,
        ),
    )  # fmt: skip


def _kept_time(moment: datetime) -> datetime:
    """The moment in UTC, moved into the years of which readings are kept."""
    return EARLIEST if moment <= EARLIEST else min(moment, LATEST).astimezone(UTC)


def _told(level: str) -> Literal["raw", "hour", "day"]:
    return "raw" if level == "raw" else "hour" if level == "hour" else "day"


def _columns(table: pa.Table, names: list[str]) -> list[Column]:
    known, out = fields(), []
    for column in table.column_names:
        if column == "time":
            continue
        name = next((n for n in sorted(names, key=len, reverse=True) if column == n or column.startswith(f"{n}_")), "")
        if not name:
            continue
        statistic = column.removeprefix(name).lstrip("_") or None
        values = table[column].to_pylist()
        if pa.types.is_floating(table[column].type):
            decimals = 4 if statistic and statistic.endswith("share") else known[name].decimals
            values = [round(v, decimals) if v is not None and np.isfinite(v) else None for v in values]
        level = statistic not in (None, "count", "changes") and known[name].kind == "state"
        unit = "" if statistic in ("count", "changes") or level else known[name].unit
        out.append(Column(field=name, statistic=statistic, unit=unit, values=values))
    return out


@router.get(
    "/lines/{line_id:path}", response_model=LinePage, responses=errors("not-found"), summary="One line's whole page"
)
async def line(request: Request, who: Reader, line_id: LineId) -> Response:
    """Where it hangs, its newest figures with their times, its judgement, unfinished tickets and neighbours."""
    figures, parts = figures_in(request), parts_in(request)
    snapshot = await figures.current()
    row = row_of(snapshot, who, line_id)
    standing: Standing = request.app.state.standing
    tickets = []
    if await standing.may_be_hit(line_id):
        tickets = await asyncio.to_thread(unfinished_of_line, parts, who, line_id)
    told_of = snapshot.reasons.told(line_id)
    told = snapshot.roster.table.slice(row, 1).to_pylist()[0]
    place, beside = snapshot.roster.beside(row)
    shown, *neighbours = line_rows(snapshot, [row, *beside[:NEIGHBOURS]], customers=who.may("customers"))
    newest = snapshot.newest(row)
    technology = told["technology"]
    names = [
        n for n in LINE_FIELDS
        if newest.get(n) is not None or (fields()[n].of == "coax") == (technology == "coax") or n == "state"
    ]  # fmt: skip
    return answer(
        request,
        LinePage(
            as_of=snapshot.as_of,
            store_down_since=figures.down_since,
            line=shown,
            breadcrumb=_breadcrumb(snapshot, line_id),
            installed=told["installed"].isoformat() if told["installed"] else None,
            retrofitted=told["retrofitted"].isoformat() if told["retrofitted"] else None,
            distance_m=rounded("distance_m", told["distance_m"]),
            lat=about(told["lat"]),
            lon=about(told["lon"]),
            readings=readings(newest, names, shown.last_reading, told_of),
            judgement=Judgement(good=shown.good, margin_db=shown.margin_db, why=shown.why),
            limits=[
                Limit(field=name, low=low, high=high, unit=fields()[name].unit)
                for name, (low, high) in limits_of(
                    snapshot.roster.inventory, told["device"], technology, figures.judging.settings.coverage
                ).items()
            ],
            tickets=tickets,
            neighbours=Neighbours(place=place, total=len(beside), lines=neighbours),
        ),
    )


def row_of(snapshot: Snapshot, who: Caller, line_id: str) -> int:
    """The line's row; a problem where there is none, or the caller may not see it."""
    row = snapshot.roster.tree.row.get(line_id)
    if row is not None:
        tree = snapshot.roster.tree
        area, grid = (level.names[at] if (at := level.codes[row]) >= 0 else None for level in (tree.area, tree.grid))
        if who.sees(area, grid):
            return row
    raise not_found("line", line_id, remedy="search with /api/v1/lines?q=")


def _breadcrumb(snapshot: Snapshot, line_id: str) -> list[Crumb]:
    names = snapshot.roster.names
    crumbs = snapshot.roster.tree.breadcrumb(line_id)
    return [Crumb(level=level, id=ident, name=names.get((level, ident))) for level, ident in crumbs]  # type: ignore[arg-type]
