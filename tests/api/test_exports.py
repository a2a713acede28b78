"""Files and maps: the same rows in every form, of what the caller may see; and pages with some fields only."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import yaml

from api import deprecation
from api.app import create_app
from api.exporting import MEDIA
from api.geo import hull
from api.schemas.lines import LineRow
from plant.inventory import LINE_SCHEMA
from storage.protocol import TelemetryStore
from tests.api.conftest import V1, World, make_inventory


def table_of(form: str, content: bytes) -> pa.Table:
    if form == "arrow":
        return pa.ipc.open_stream(content).read_all()
    if form == "parquet":
        return pq.read_table(io.BytesIO(content))
    return pacsv.read_csv(io.BytesIO(content))


async def export(world: World, what: str, form: str, role: str = "dispatcher", **query: Any) -> pa.Table:
    response = await world.get(f"/exports/{what}", role, **query, format=form)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == MEDIA[form]  # type: ignore[index]
    assert response.headers["content-disposition"].startswith(f'attachment; filename="lightline-{what}.')
    return table_of(form, response.content)


@pytest.mark.parametrize("form", ["arrow", "parquet", "csv"])
async def test_exported_lines_are_those_of_the_list(world: World, form: str) -> None:
    listed = (await world.json("/lines", "dispatcher", limit=100))["lines"]
    told = (await export(world, "lines", form)).to_pylist()
    assert [row["line_id"] for row in told] == [row["line_id"] for row in listed]
    for mine, theirs in zip(told, listed, strict=True):
        for name in ("area", "grid", "device", "state", "good", "known", "sold_mbps", "ont_serial", "customer_ref"):
            assert (mine[name] or None) == (theirs[name] or None), name
        if theirs["rx_dbm"] is not None:
            assert float(mine["rx_dbm"]) == pytest.approx(theirs["rx_dbm"], abs=0.005)


async def test_a_million_rows_are_never_in_memory_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a batch, the file is the same; parts leave while later ones are not made yet."""
    whole = await export(world, "lines", "arrow")
    monkeypatch.setattr("api.tables.ROWS", 3)
    for form in ("arrow", "parquet", "csv"):
        assert (await export(world, "lines", form)).num_rows == 22
    response = await world.get("/exports/lines", "dispatcher", format="arrow")
    assert len(list(pa.ipc.open_stream(response.content))) == 8
    assert pa.ipc.open_stream(response.content).read_all().combine_chunks() == whole.combine_chunks()


async def test_filters_areas_and_grids_hold_for_files(world: World) -> None:
    assert (await export(world, "lines", "arrow", area="west")).num_rows == 5
    assert (await export(world, "lines", "csv", areas=("west",))).num_rows == 5
    assert (await export(world, "lines", "csv", areas=("east",), grids=("g1",))).num_rows == 8
    assert set((await export(world, "tickets", "arrow", areas=("west",)))["area"].to_pylist()) == {"west"}
    assert (await export(world, "tickets", "arrow", areas=("east",), grids=("g2",))).num_rows == 0
    assert (await export(world, "lines", "arrow", role="planner"))["customer_ref"].null_count == 22


@pytest.mark.parametrize("form", ["arrow", "parquet", "csv"])
async def test_exported_tickets_are_those_of_the_list(world: World, form: str) -> None:
    listed = (await world.json("/tickets"))["tickets"]
    told = (await export(world, "tickets", form, role="admin")).to_pylist()
    assert [(r["id"], r["place"], r["title_zh"]) for r in told] == [
        (r["id"], r["place"], r["title_zh"]) for r in listed
    ]


async def test_exported_readings_are_those_of_the_series(world: World) -> None:
    series = await world.json("/lines/OLT1-1-3/series", "dispatcher", fields="rx_dbm")
    table = await export(world, "readings", "parquet", pon="OLT1/0/1", fields="rx_dbm,state")
    mine = table.filter(pa.compute.equal(table["line_id"], "OLT1-1-3"))
    assert mine["rx_dbm"].to_pylist() == pytest.approx(series["columns"][0]["values"], abs=0.005)
    assert set(mine["state"].to_pylist()) == {"up"}
    days = await export(world, "readings", "csv", pon="OLT1/0/1", resolution="day", fields="rx_dbm")
    assert {"rx_dbm_median", "rx_dbm_count"} <= set(days.column_names)
    for query in ({"fields": "nonsense"}, {"start": "2027-01-01T00:00:00Z"}, {"format": "xls"}):
        assert (await world.get("/exports/readings", "dispatcher", **query)).status_code == 422


async def test_no_text_becomes_a_formula_in_a_spreadsheet(
    make_world: Callable[..., World], store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "fine", 'a,"b\nc']
    inventory = make_inventory()
    rows = [{"line_id": text, "grid": "g1"} for text in evil]
    lines = pa.concat_tables([inventory.lines, pa.Table.from_pylist(rows, schema=LINE_SCHEMA)])
    world = make_world(store)
    changed = replace(inventory, lines=lines)
    object.__setattr__(world.parts, "inventory", lambda: changed)
    response = await world.get("/exports/lines", "dispatcher", format="csv")
    told = pacsv.read_csv(io.BytesIO(response.content), parse_options=pacsv.ParseOptions(newlines_in_values=True))[
        "line_id"
    ].to_pylist()
    for text in evil:
        harmless = text in ("fine", 'a,"b\nc')
        assert (text in told) is harmless
        assert harmless or f"'{text}" in told
    assert set(evil) <= set((await export(world, "lines", "arrow"))["line_id"].to_pylist())  # where nothing runs it


async def test_lines_on_a_map_are_rounded_and_limited(world: World) -> None:
    response = await world.get("/maps/lines", limit=5)
    assert response.headers["content-type"] == "application/geo+json"
    first = response.json()
    rest = await world.json("/maps/lines", cursor=first["next"])
    features = [*first["features"], *rest["features"]]
    assert (len(first["features"]), len(features), rest["next"]) == (5, 8, None)
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [113.36, 23.13]}
    assert features[3]["properties"]["good"] == "not_good"
    assert "customer" not in response.text
    assert (await world.json("/maps/lines", areas=("west",)))["features"] == []


async def test_grids_on_a_map_enclose_their_lines(world: World) -> None:
    grids = {f["id"]: f for f in (await world.json("/maps/grids"))["features"]}
    assert set(grids) == {"east/g1", "east/g2", "west/g3"}
    ring = grids["east/g1"]["geometry"]["coordinates"][0]
    assert (grids["east/g1"]["geometry"]["type"], ring[0]) == ("Polygon", ring[-1])
    assert grids["east/g1"]["properties"] == {
        "area": "east", "grid": "g1", "lines": 8, "good": 6, "not_good": 2, "no_reading": 0,
    }  # fmt: skip
    assert grids["west/g3"]["geometry"] is None
    assert [f["id"] for f in (await world.json("/maps/grids", areas=("east",), grids=("g2",)))["features"]] == [
        "east/g2"
    ]


@pytest.mark.parametrize(
    ("points", "ring"),
    [([[0, 0], [2, 0], [2, 2], [0, 2], [1, 1]], [[0, 0], [2, 0], [2, 2], [0, 2]]), ([[1, 1]], [[1, 1]]),
     ([[0, 0], [1, 1]], [[0, 0], [1, 1]]), ([[0, 0], [1, 1], [2, 2]], [[0, 0], [2, 2]])],
)  # fmt: skip
def test_a_hull_goes_around_counter_clockwise(points: list[list[float]], ring: list[list[float]]) -> None:
    import numpy as np  # noqa: PLC0415

    assert hull(np.array(points, float)) == ring


@pytest.mark.parametrize("path", ["/lines", "/tickets", "/devices"])
async def test_a_page_with_some_fields_has_those_and_no_others(world: World, path: str) -> None:
    member = path.removeprefix("/")
    whole = await world.json(path)
    name = {"lines": "line_id", "tickets": "place", "devices": "host"}[member]
    response = await world.get(path, fields=f"{name},state")
    assert response.headers["content-type"] == "application/vnd.lightline.sparse+json"
    assert response.json() == {**whole, member: [{name: r[name], "state": r["state"]} for r in whole[member]]}
    assert len(response.content) < len(json.dumps(whole)) / 2
    assert (await world.json(path)) == whole  # the kept answer of one is not that of the other
    assert (await world.get(path, fields="password")).status_code == 422
    async with world.client() as client:
        tag = {"If-None-Match": response.headers["etag"]}
        assert (await client.get(f"{V1}{path}?fields={name},state", headers=tag)).status_code == 304
    assert set(LineRow.model_fields) >= {"line_id"}


async def test_a_deprecated_route_says_since_when_until_when_and_what_instead(
    make_world: Callable[..., World], store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = yaml.safe_load("{route: 'GET /lines/{line_id}', since: 2027-01-01, ends: 2027-07-01, instead: GET /new}")
    monkeypatch.setattr("api.app.deprecated", lambda: (deprecation.Deprecated.model_validate(row),))
    world = make_world(store)
    headers = (await world.get("/lines/OLT1-1-0")).headers
    assert (headers["deprecation"], headers["sunset"]) == ("@1798761600", "Thu, 01 Jul 2027 00:00:00 GMT")
    assert "deprecation" not in (await world.get("/lines")).headers
    told = create_app(world.parts).openapi()["paths"][f"{V1}/lines/{{line_id}}"]["get"]
    assert told["deprecated"] is True
    assert "GET /new" in told["description"]
    with pytest.raises(ValueError, match="180 days"):
        deprecation.Deprecated.model_validate({**row, "ends": row["since"]})


def test_what_is_deprecated_is_there(world: World) -> None:
    paths = create_app(world.parts).openapi()["paths"]
    for row in deprecation.deprecated():
        method, _, path = row.route.partition(" ")
        assert paths[V1 + path][method.lower()]["deprecated"] is True
