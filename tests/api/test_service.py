"""Health, coverage, retrofit, system, metrics; a store that goes away; the same values from both stores."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from analyzer.settings import Settings
from plant.batch import Batch
from storage.opening import open_store
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, World, readings
from tests.influx import influx_server


async def test_health_counts_lines_tickets_and_parts(world: World) -> None:
    told = await world.json("/health")
    assert told["lines"]["total"] == 22
    assert told["lines"]["by_state"] == {"up": 19, "los": 1, "no_reading": 2}
    assert (told["lines"]["good"], told["lines"]["not_good"], told["lines"]["no_reading"]) == (18, 2, 2)
    assert told["lines"]["good_rate"] == pytest.approx(18 / 20)
    assert told["lines"]["at_risk"] == 2
    assert told["tickets"]["unfinished"] == 2
    assert told["simulated"] is True


async def test_coverage_counts_each_line_once_at_every_level(world: World) -> None:
    whole = (await world.json("/coverage"))["total"]
    assert (whole["lines"], whole["read"], whole["good"]) == (22, 20, 18)
    assert whole["why_not"] == {"down": 1, "weak": 1, "overload": 0, "errors": 0, "slow": 0, "coax_level": 0}
    for level in ("area", "grid", "device", "pon"):
        told = await world.json("/coverage", by=level)
        for figure in ("lines", "read", "good", "no_reading"):
            assert sum(p[figure] for p in told["places"]) == whole[figure], (level, figure)
    names = {p["id"]: (p["name"], p["good_rate"]) for p in (await world.json("/coverage"))["places"]}
    assert names == {"east": ("东区", 14 / 16), "west": ("西区", 1.0)}


async def test_coverage_can_be_narrowed_and_carries_its_formula(world: World) -> None:
    told = await world.json("/coverage", by="pon", device="OLT1", grid="g1")
    assert [(p["id"], p["lines"]) for p in told["places"]] == [("OLT1/0/1", 8)]
    limits = Settings.load().coverage
    assert told["formula"]["margin_db"] == limits.margin_db
    assert told["formula"]["coax_us_power_dbmv"] == list(limits.coax_us_power_dbmv)


async def test_uncorrectable_errors_of_the_day_make_a_line_not_good(world: World, store: TelemetryStore) -> None:
    await store.append([Batch.of("OLT1", "errors", NOW, ["OLT1-1-0"], {"fec_uncorrected": [500]})])
    await store.rollup()
    assert (await world.json("/lines/OLT1-1-0"))["judgement"]["why"] == ["errors"]


async def test_a_line_silent_for_days_while_others_are_read_has_no_reading(world: World, store: TelemetryStore) -> None:
    world.clock.forward(days=3)
    await store.append([Batch.of("OLT2", "optics", world.clock(), ["OLT2-1-0"], {"rx_dbm": [-19.0], "state": ["up"]})])
    told = (await world.json("/coverage"))["total"]
    assert (told["lines"], told["read"]) == (22, 1)


async def test_retrofit_counts_old_lines_and_covered_homes_against_the_target(world: World) -> None:
    told = await world.json("/retrofit")
    west = next(a for a in told["areas"] if a["area"] == "west")
    assert (west["done"], west["to_do"]) == (4, 1)
    assert (told["covered_hosts"]["target"], told["covered_hosts"]["done"]) == (1000, 240)
    assert told["covered_hosts"]["forecast"]["mid"] is not None


async def test_system_says_what_runs_and_that_it_is_simulated(world: World) -> None:
    told = await world.json("/system")
    assert (told["version"], told["simulated"], told["zone"]) == ("0.1.0", True, "Asia/Shanghai")
    assert told["store"]["healthy"]
    assert told["store"]["newest_reading"] == "2026-11-02T01:00:00Z"
    assert {f["name"]: f["unit"] for f in told["fields"]}["rx_dbm"] == "dBm"


async def test_metrics_are_what_prometheus_reads_and_name_no_line(world: World) -> None:
    await world.json("/lines/OLT1-1-0", "operator")
    text = (await world.get("/metrics", "operator")).text
    found = {f.name: f for f in text_string_to_metric_families(text)}
    lines = {s.labels["state"]: s.value for s in found["lightline_lines"].samples}
    assert lines == {"up": 19, "los": 1, "no_reading": 2}
    assert found["lightline_store_up"].samples[0].value == 1
    routes = {s.labels["route"] for s in found["lightline_http_requests"].samples}
    assert "/lines/{line_id:path}" in routes
    assert "OLT1-1-0" not in text


async def test_the_same_answer_is_not_sent_twice(world: World) -> None:
    async with world.client() as client:
        for path in ("/api/v1/retrofit", "/api/v1/tickets", "/api/v1/coverage"):
            first = await client.get(path)
            again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
            if path != "/api/v1/coverage":  # whose figures may have been read anew
                assert (again.status_code, again.content) == (304, b"")
            other = await client.get(path, headers={"If-None-Match": 'W/"other"'})
            assert other.status_code == 200


@asynccontextmanager
async def influx_world(make_world: Callable[..., World], address: str) -> AsyncIterator[World]:
    store = await open_store(f"influx1://{address}/plant")
    await store.append(readings())
    await store.rollup()
    yield make_world(store)
    await store.close()


async def test_both_stores_give_the_same_answers(
    make_world: Callable[..., World], store: TelemetryStore, tmp_path: Path
) -> None:
    embedded = make_world(store)
    (tmp_path / "influx").mkdir()
    with influx_server(tmp_path / "influx") as address:
        async with influx_world(make_world, address) as influx:
            for path, query in (
                ("/lines", {"limit": 100}),
                ("/lines/OLT1-1-3", {}),
                ("/lines/OLT1-1-3/series", {"fields": "rx_dbm,olt_rx_dbm,state,fec_uncorrected"}),
                ("/lines/OLT1-1-3/series", {"fields": "rx_dbm,state", "resolution": "hour"}),
                ("/coverage", {}),
                ("/pons/OLT1/0/1", {}),
                ("/devices/OLT1", {}),
            ):
                assert await embedded.json(path, **query) == await influx.json(path, **query), path


async def test_a_store_that_goes_away_is_said_since_when_and_the_figures_stand(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    with influx_server(tmp_path) as address:
        store = await open_store(f"influx1://{address}/plant")
        await store.append(readings())
        world = make_world(store)
        before = await world.json("/lines")
        assert before["store_down_since"] is None
    world.clock.forward(minutes=5)
    response = await world.get("/lines/OLT1-1-3/series")
    assert response.status_code == 503
    assert response.json()["since"] == "2026-11-02T02:05:00+00:00"
    world.clock.forward(minutes=5)
    after = await world.json("/lines")
    assert (after["lines"], after["as_of"]) == (before["lines"], before["as_of"])
    assert after["store_down_since"] == "2026-11-02T02:05:00Z"
    assert (await world.json("/health"))["state"] == "down"
    assert (await world.json("/system"))["store"]["healthy"] is False
    assert "lightline_store_up 0.0" in (await world.get("/metrics")).text
    cold = make_world(store)
    response = await cold.get("/lines")
    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert (await cold.get("/healthz")).status_code == 200
    assert (await cold.get("/tickets")).status_code == 200
    await store.close()
