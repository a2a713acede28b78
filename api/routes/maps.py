"""GET /maps/lines, /maps/grids: GeoJSON of what the caller may see."""

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from api.answers import GEOJSON, answer
from api.auth import Caller, Reader
from api.describe import errors
from api.geo import Points, hull, rounded
from api.listing import page
from api.roster import Mask, Rows
from api.routes.context import figures_in
from api.routes.lines import kept_rows
from api.rows import GOODS, line_counts
from api.schemas.exports import (
    Geometry,
    GridFeature,
    GridMap,
    GridProperties,
    LineFeature,
    LineMap,
    LineProperties,
    MapQuery,
)
from api.snapshot import Snapshot

router = APIRouter(tags=["exports"], prefix="/maps")


class GeoJson(JSONResponse):
    media_type = GEOJSON


@router.get("/lines", response_model=LineMap, response_class=GeoJson, responses=errors(), summary="Lines on a map")
async def lines(request: Request, who: Reader, query: Annotated[MapQuery, Query()]) -> Response:
    """With the filters of the list; places are rounded to about a hundred metres."""
    snapshot = await figures_in(request).current()

    def build() -> LineMap:
        placed = _places(snapshot)
        keep = kept_rows(snapshot, who, query) & ~np.isnan(placed).any(axis=1)
        rows, after = page(snapshot, keep, "line_id", query.cursor, query.limit)
        return LineMap(type="FeatureCollection", features=_features(snapshot, rows, placed), next=after)

    return answer(request, await asyncio.to_thread(build), media=GEOJSON)


@router.get("/grids", response_model=GridMap, response_class=GeoJson, responses=errors(), summary="Grids on a map")
async def grids(request: Request, who: Reader) -> Response:
    """Each with what encloses its lines and how these are."""
    snapshot = await figures_in(request).current()
    return answer(request, await asyncio.to_thread(_grids, snapshot, who), media=GEOJSON)


def _features(snapshot: Snapshot, rows: Rows, placed: Points) -> list[LineFeature]:
    tree = snapshot.roster.tree
    states = snapshot.state.take(rows).to_pylist()
    points = rounded(placed[rows])
    out = []
    for row, state, (lon, lat) in zip(rows, states, points, strict=True):
        margin = float(snapshot.judged.margin_db[row])
        area, grid = (level.names[at] if (at := level.codes[row]) >= 0 else None for level in (tree.area, tree.grid))
        out.append(
            LineFeature(
                type="Feature",
                id=str(tree.line_ids[row]),
                geometry=Geometry(type="Point", coordinates=[float(lon), float(lat)]),
                properties=LineProperties(
                    area=area, grid=grid, state=state, good=GOODS[int(snapshot.judged.good[row])],
                    margin_db=None if np.isnan(margin) else round(margin, 2),
                ),
            )
        )  # fmt: skip
    return out


def _grids(snapshot: Snapshot, who: Caller) -> GridMap:
    tree, placed = snapshot.roster.tree, _places(snapshot)
    seen: Mask = snapshot.roster.within(who.sight)
    home = {g.id: area.id for area in snapshot.roster.inventory.areas.values() for g in area.grids}
    features = []
    for code, name in enumerate(tree.grid.names):
        rows = np.flatnonzero(seen & (tree.grid.codes == code))
        if not len(rows):
            continue
        known = placed[rows]
        counts = line_counts(snapshot, rows)
        area = home.get(name)
        features.append(
            GridFeature(
                type="Feature",
                id=f"{area}/{name}",
                geometry=_enclosing(known[~np.isnan(known).any(axis=1)]),
                properties=GridProperties(
                    area=area, grid=name, lines=counts.total, good=counts.good, not_good=counts.not_good,
                    no_reading=counts.no_reading,
                ),
            )
        )  # fmt: skip
    return GridMap(type="FeatureCollection", features=features)


def _enclosing(points: Points) -> Geometry | None:
    if not len(points):
        return None
    ring = hull(rounded(points))
    if len(ring) < 3:
        return Geometry(type="Point", coordinates=[round(float(v), 3) for v in np.mean(ring, axis=0)])
    return Geometry(type="Polygon", coordinates=[[*ring, ring[0]]])


def _places(snapshot: Snapshot) -> Points:
    """Rows × (longitude, latitude), NaN where no place is known."""
    table = snapshot.roster.table
    return np.column_stack([table[n].to_numpy().astype(np.float64) for n in ("lon", "lat")])
