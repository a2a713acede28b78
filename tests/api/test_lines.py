"""Lines: filters, order, pages, one line's page and its history."""

from datetime import timedelta
from typing import Any

import pytest

from plant.batch import Batch
from plant.fields import fields
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, World


async def test_every_line_of_inventory_and_devices_is_listed_once(world: World) -> None:
    told = await world.json("/lines", limit=1000)
    ids = [line["line_id"] for line in told["lines"]]
    assert told["total"] == len(ids) == len(set(ids)) == 22
    assert ids == sorted(ids)
    stranger = next(line for line in told["lines"] if not line["known"])
    assert (stranger["line_id"], stranger["device"], stranger["pon"]) == ("OLT1/0/1/77", "OLT1", "0/1")
    assert stranger["area"] == "east"


async def test_figures_are_those_of_the_store_and_missing_ones_are_null(world: World) -> None:
    told = {line["line_id"]: line for line in (await world.json("/lines", limit=100))["lines"]}
    assert told["OLT1-1-3"]["rx_dbm"] == -28.3
    assert told["OLT1-1-5"]["rx_dbm"] is None
    assert told["OLT1-1-5"]["state"] == "los"
    assert told["OLT1-2-7"]["state"] is None
    assert told["OLT1-1-0"]["last_reading"] == "2026-11-02T01:00:00Z"


async def test_lines_are_judged_good_not_good_or_not_read_with_the_reason(world: World) -> None:
    told = {line["line_id"]: line for line in (await world.json("/lines", limit=100))["lines"]}
    assert (told["OLT1-1-0"]["good"], told["OLT1-1-0"]["why"]) == ("good", [])
    assert (told["OLT1-1-3"]["good"], told["OLT1-1-3"]["why"]) == ("not_good", ["weak"])
    assert (told["OLT1-1-5"]["good"], told["OLT1-1-5"]["why"]) == ("not_good", ["down"])
    assert (told["OLT1-2-7"]["good"], told["OLT1-2-7"]["why"]) == ("no_reading", [])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"area": "east"}, 17),
        ({"area": "west"}, 5),
        ({"grid": "g2"}, 8),
        ({"device": "OLT2"}, 4),
        ({"pon": "OLT1/0/1"}, 9),
        ({"state": "los"}, 1),
        ({"state": "no_reading"}, 2),
        ({"good": "not_good"}, 2),
        ({"known": "false"}, 1),
        ({"q": "hwtcolt2"}, 4),
        ({"q": "客户OLT11"}, 8),
        ({"q": "OLT1", "grid": "g1", "good": "good"}, 6),
        ({"area": "nowhere"}, 0),
    ],
)
async def test_filters_narrow_the_list(world: World, query: dict[str, str], count: int) -> None:
    assert (await world.json("/lines", **query))["total"] == count


@pytest.mark.parametrize(
    "sort", ["line_id", "-line_id", "rx_dbm", "-rx_dbm", "margin_db", "-margin_db", "last_reading"]
)
async def test_pages_of_any_order_hold_every_line_once(world: World, sort: str) -> None:
    whole = [line["line_id"] for line in (await world.json("/lines", sort=sort, limit=1000))["lines"]]
    paged: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        told = await world.json("/lines", sort=sort, limit=5, **cursor)
        paged += [line["line_id"] for line in told["lines"]]
        if told["next"] is None:
            break
        cursor = {"cursor": told["next"]}
    assert paged == whole
    assert len(set(paged)) == 22


async def test_the_worst_line_is_first_and_lines_without_figure_last(world: World) -> None:
    told = (await world.json("/lines", sort="rx_dbm", limit=100))["lines"]
    assert told[0]["line_id"] == "OLT1-1-3"
    seen = [line["rx_dbm"] for line in told]
    known = [value for value in seen if value is not None]
    assert known == sorted(known)
    assert seen[len(known) :] == [None] * (len(seen) - len(known))


async def test_a_cursor_that_is_none_or_of_another_order_is_refused(world: World) -> None:
    after = (await world.json("/lines", limit=5))["next"]
    for query in ({"cursor": "xx"}, {"cursor": after, "sort": "rx_dbm"}, {"cursor": "W10"}, {"cursor": "é"}):
        response = await world.get("/lines", **query)
        assert response.status_code == 422
        assert response.json()["remedy"] == "start again without `cursor`"


async def test_an_unknown_filter_is_an_error_and_not_ignored(world: World) -> None:
    response = await world.get("/lines", aera="east")
    assert response.status_code == 422
    assert response.json()["errors"][0]["where"] == "query.aera"


async def test_a_lines_page_says_where_it_hangs_how_it_is_and_who_is_beside_it(world: World) -> None:
    told = await world.json("/lines/OLT1-1-3")
    assert [(c["level"], c["name"]) for c in told["breadcrumb"][:2]] == [("area", "东区"), ("grid", "One")]
    assert [c["level"] for c in told["breadcrumb"]] == [
        "area",
        "grid",
        "device",
        "pon",
        "splitter1",
        "splitter2",
        "line",
    ]
    rx = next(r for r in told["readings"] if r["field"] == "rx_dbm")
    assert rx == {"field": "rx_dbm", "value": -28.3, "unit": "dBm", "time": "2026-11-02T01:00:00Z", "reason": None}
    assert told["judgement"] == {"good": "not_good", "margin_db": -1.3, "why": ["weak"]}
    assert told["neighbours"]["place"] == "splitter:OLT1/0/1/S1/S1-0"
    assert [n["line_id"] for n in told["neighbours"]["lines"]] == ["OLT1-1-0", "OLT1-1-1", "OLT1-1-2"]
    assert [t["place"] for t in told["tickets"]] == ["line:OLT1-1-3"]


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("OLT1-1-3", {"rx_dbm": (-27, -8), "olt_rx_dbm": (-28, -8), "tx_dbm": (0.5, 5)}),
        ("OLT2-1-0", {"rx_dbm": (-30, -8), "olt_rx_dbm": (-32, -12), "tx_dbm": (0.5, 5)}),
        ("coax/g3/1", {"ds_snr_db": (30, None), "us_power_dbmv": (35, 51), "reflection_dbc": (None, -20)}),
        ("OLT1/0/1/77", {}),
    ],
)
async def test_a_lines_limits_are_those_it_is_judged_by(world: World, line: str, limits: dict[str, Any]) -> None:
    told = await world.json(f"/lines/{line}")
    found = {limit["field"]: (limit["low"], limit["high"]) for limit in told["limits"]}
    assert {name: found.get(name) for name in limits} == limits
    assert bool(found) == bool(limits)
    read = {r["field"]: r["value"] for r in told["readings"]}
    spare = [read[f] - found[f][0] for f in ("rx_dbm", "olt_rx_dbm") if f in found and read.get(f) is not None]
    if spare and told["judgement"]["margin_db"] is not None:
        assert told["judgement"]["margin_db"] == pytest.approx(min(spare), abs=0.01)


async def test_a_figure_that_is_missing_says_why(world: World, store: TelemetryStore) -> None:
    later = NOW + timedelta(hours=4)
    world.clock.forward(hours=4)
    dark = {"rx_dbm": [None], "temp_c": [None], "state": ["los"]}
    await store.append([Batch.of("OLT1", "optics", later, ["OLT1-1-0"], dark, ["temp_c:sentinel"])])
    told = {r["field"]: r for r in (await world.json("/lines/OLT1-1-0"))["readings"]}
    assert told["rx_dbm"]["reason"] == "not_up"
    assert told["ont_serial"]["reason"] == "not_in_last_poll"
    assert told["temp_c"]["reason"] == "sentinel"
    assert told["tx_dbm"]["reason"] == "never_read"
    assert told["tx_dbm"]["value"] is None
    assert told["state"]["reason"] is None


async def test_a_reading_that_came_after_the_reason_needs_none(world: World, store: TelemetryStore) -> None:
    for minutes, value, quality in ((30, None, "tx_dbm:sentinel"), (10, 2.5, None)):
        at = NOW - timedelta(minutes=minutes)
        await store.append([Batch.of("OLT1", "optics", at, ["OLT1-1-0"], {"tx_dbm": [value]}, [quality])])
    told = {r["field"]: r for r in (await world.json("/lines/OLT1-1-0"))["readings"]}
    assert (told["tx_dbm"]["value"], told["tx_dbm"]["reason"]) == (2.5, None)
    assert told["rx_dbm"]["reason"] is None, "an hour older is another tier, not a missed poll"


async def test_a_ports_missing_figure_says_why(world: World, store: TelemetryStore) -> None:
    dark = Batch.of("OLT1", "pon", NOW, ["pon:OLT1/0/1"], {"pon_temp_c": [None]}, ["pon_temp_c:out_of_range"])
    await store.append([dark])
    told = {r["field"]: r["reason"] for r in (await world.json("/pons/OLT1/0/1"))["readings"]}
    assert (told["pon_temp_c"], told["pon_tx_dbm"], told["pon_bias_ma"]) == ("out_of_range", None, "never_read")


async def test_ids_with_slashes_are_found(world: World) -> None:
    assert (await world.json("/lines/OLT1/0/1/77"))["line"]["known"] is False
    assert (await world.json("/lines/coax%2Fg3%2F1"))["line"]["technology"] == "coax"
    assert (await world.json("/lines/OLT1/0/1/77/series"))["columns"][0]["values"] == [-20.5, -20.5]


async def test_a_line_there_is_none_of_is_404_with_a_remedy(world: World) -> None:
    response = await world.get("/lines/nobody")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["remedy"] == "search with /api/v1/lines?q="


async def test_series_give_readings_and_hours_and_days(world: World) -> None:
    raw = await world.json("/lines/OLT1-1-3/series", fields="rx_dbm,state")
    assert raw["resolution"] == "raw"
    assert raw["times"] == ["2026-11-02T00:00:00Z", "2026-11-02T01:00:00Z"]
    assert {c["field"]: c["values"] for c in raw["columns"]} == {"rx_dbm": [-28.3, -28.3], "state": ["up", "up"]}
    hours = await world.json("/lines/OLT1-1-3/series", fields="rx_dbm,state", resolution="hour")
    told = {(c["field"], c["statistic"]): c for c in hours["columns"]}
    assert told["rx_dbm", "median"]["values"] == [-28.3, -28.3]
    assert told["rx_dbm", "count"]["unit"] == ""
    assert told["state", "up_share"]["values"] == [1.0, 1.0]
    days = await world.json("/lines/OLT1-1-3/series", resolution="day", start=(NOW - timedelta(days=3)).isoformat())
    assert len(days["times"]) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"fields": "rx"},
        {"start": "yesterday"},
        {"start": "2026-11-01T00:00:00"},
        {"start": "2026-11-02T02:00:00Z", "end": "2026-11-01T00:00:00Z"},
        {"start": "2020-01-01T00:00:00Z", "resolution": "raw"},
        {"end": "1700000000"},
    ],
)
async def test_a_history_that_cannot_be_asked_for_is_refused_with_a_reason(world: World, query: dict[str, str]) -> None:
    response = await world.get("/lines/OLT1-1-3/series", **query)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("query")


async def test_times_at_the_edge_of_the_calendar_break_nothing(world: World) -> None:
    for start, end in (
        ("0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00+14:00"),
        ("9999-12-31T00:00:00-12:00", "9999-12-31T23:59:59-12:00"),
        ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
    ):
        response = await world.get("/lines/OLT1-1-3/series", start=start, end=end)
        assert response.status_code in (200, 422), response.text
    assert (await world.get("/lines/OLT1-1-3/series", end="0001-01-01T00:00:00Z")).status_code == 422


async def test_customers_are_masked_and_found_only_by_those_who_need_them(world: World) -> None:
    for role, shown in (("technician", True), ("dispatcher", True), ("viewer", False), ("planner", False)):
        line = (await world.json("/lines/OLT1-1-0", role))["line"]
        assert line["customer_ref"] == ("•••10" if shown else None)
        assert ((await world.json("/lines", role, q="客户OLT110"))["total"] == 1) is shown


def test_every_field_is_known_to_the_pages() -> None:
    from api.snapshot import LINE_FIELDS, PON_FIELDS  # noqa: PLC0415

    assert {*LINE_FIELDS, *PON_FIELDS} == set(fields())


async def test_a_window_into_the_list_is_what_paging_would_have_come_to(world: World) -> None:
    for sort in ("line_id", "margin_db", "-rx_dbm"):
        whole = [row["line_id"] for row in (await world.json("/lines", sort=sort, limit=1000))["lines"]]
        for skip, limit in ((0, 5), (7, 5), (20, 5), (22, 5), (10**6, 5)):
            told = await world.json("/lines", sort=sort, skip=skip, limit=limit)
            assert [row["line_id"] for row in told["lines"]] == whole[skip : skip + limit]
            assert told["total"] == len(whole)
            assert (told["next"] is None) == (skip + limit >= len(whole))
