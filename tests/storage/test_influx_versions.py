"""InfluxDB 2.x and 3 at the wire: what every store promises, and what their APIs say of tokens, times and errors."""

import functools
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pyarrow as pa
import pytest

from plant.batch import Batch, StoreUnavailableError
from plant.matrix import ALL
from storage.influx import asking
from storage.influx.store import InfluxStore
from storage.opening import open_store
from storage.protocol import MovableStore
from storage.retention import Retention
from tests.influx_versions import ORG, TOKEN, Front, Reply, Version2, Version3, fronting
from tests.storage import test_conformance
from tests.storage.test_conformance import *  # noqa: F403 - all that is promised is asked of these too

del test_of_many_lines_too_the_later_value_wins  # noqa: F821 - about size, which is not the versions'

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)
KINDS = {"influx2": Version2, "influx3": Version3}
_numbers = itertools.count()


@pytest.fixture(params=list(KINDS))
def front(request: pytest.FixtureRequest, influx: str) -> Iterator[tuple[str, Any]]:
    with fronting(KINDS[request.param], influx, f"{request.param}{next(_numbers)}") as (address, front):
        yield f"{request.param}://{address}/{f'{ORG}/' if request.param == 'influx2' else ''}plant", front


@pytest.fixture
def url(front: tuple[str, Front]) -> str:
    return front[0]


@pytest.fixture(autouse=True)
def with_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    opening: Callable[..., Awaitable[MovableStore]] = functools.partial(open_store, password=TOKEN)
    monkeypatch.setattr(test_conformance, "open_store", opening)


@pytest.fixture
async def store(url: str) -> Any:
    opened = await open_store(url, password=TOKEN)
    yield opened
    await opened.close()


def readings(count: int = 3) -> Batch:
    return Batch.of(
        "OLT", "optics", NOON, [f"L{n}" for n in range(count)], {"rx_dbm": [-20.0 - n for n in range(count)]}
    )


async def test_writes_are_gzipped_with_token_place_and_microseconds(store: InfluxStore, front: tuple[str, Any]) -> None:
    await store.append([readings()])
    (write,) = [r for r in front[1].requests if "/write" in r.path and r.lines[0].startswith("reading,")]
    assert write.lines[0] == f"reading,line_id=L0 rx_dbm=-20 {int(NOON.timestamp() * 1e6)}"
    assert write.headers["content-encoding"] == "gzip"
    if isinstance(front[1], Version2):
        assert write.query == {"org": ORG, "bucket": "plant", "precision": "us"}
    else:
        assert write.query == {"db": "plant", "precision": "microsecond", "accept_partial": "true"}


async def test_a_wrong_token_is_said_plainly_and_never_shown(front: tuple[str, Any]) -> None:
    with pytest.raises(StoreUnavailableError, match="refuses the user or password") as caught:
        await open_store(front[0], password="hunter2")
    assert "hunter2" not in str(caught.value)


async def test_an_overloaded_server_is_asked_again_when_it_says(
    store: InfluxStore, front: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asking.asyncio, "sleep", sleep)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    front[1].next_answers = [
        Reply(429, {"code": "too many requests", "message": "slow down"}, {"Retry-After": "7"}),
        Reply(503, {"code": "unavailable", "message": "later"}, {"Retry-After": soon}),
        Reply(503, {"code": "unavailable", "message": "later"}),
    ]
    await store.append([readings()])
    assert waits[0] == 7
    assert 7 < waits[1] <= 9
    assert 1 < waits[2] < 3
    assert (await store.latest(ALL, ["rx_dbm"])).num_rows == 3
    front[1].next_answers = [Reply(503, {"code": "unavailable", "message": "full"})] * 5
    with pytest.raises(StoreUnavailableError, match="overloaded"):
        await store.append([readings()])


async def test_of_a_write_refused_in_part_only_the_bad_point_is_lost(
    store: InfluxStore, front: tuple[str, Any]
) -> None:
    await store.append([readings()])
    good = [f"reading,line_id=N{n} rx_dbm=-1{n} {int(NOON.timestamp() * 1e6)}" for n in range(8)]
    bad = f'reading,line_id=L1 rx_dbm="text" {int(NOON.timestamp() * 1e6)}'
    await store._client.write([*good[:5], bad, *good[5:]])
    assert (await store.status()).figures["refused_points"] == 1
    kept = await store.latest(ALL, ["rx_dbm"])
    assert dict(zip(kept["line_id"].to_pylist(), kept["rx_dbm"].to_pylist(), strict=True)) == {
        "L0": -20.0, "L1": -21.0, "L2": -22.0, **{f"N{n}": float(f"-1{n}") for n in range(8)},
    }  # fmt: skip


async def test_a_body_too_large_goes_in_halves_and_nothing_is_lost(store: InfluxStore, front: tuple[str, Any]) -> None:
    front[1].next_answers = [Reply(413, {"code": "request too large", "message": "too large"})] * 2
    await store.append([readings(8)])
    assert (await store.latest(ALL, ["rx_dbm"])).num_rows == 8
    assert (await store.status()).figures["refused_points"] == 0


async def test_a_place_that_is_gone_is_said_and_keeps_the_readings_where_they_are(
    store: InfluxStore, front: tuple[str, Any]
) -> None:
    front[1].next_answers = [Reply(404, {"code": "not found", "message": 'bucket "plant" not found', "error": "gone"})]
    with pytest.raises(StoreUnavailableError, match="404"):
        await store.append([readings()])


async def test_a_bucket_made_by_hand_is_mapped_at_the_first_start(influx: str) -> None:
    with fronting(Version2, influx, f"hand{next(_numbers)}") as (address, front):
        front.buckets["plant"] = {"id": "0b9", "name": "plant", "orgID": "0a", "retentionRules": []}
        front.make("plant")
        url = f"influx2://{address}/{ORG}/plant"
        with pytest.raises(StoreUnavailableError, match="has no database"):
            await open_store(url, password=TOKEN, read_only=True)
        store = await open_store(url, password=TOKEN)
        await store.append([readings()])
        assert (await store.latest(ALL, ["rx_dbm"])).num_rows == 3
        await store.close()


async def test_policies_are_made_on_request_and_everything_is_found_in_them(front: tuple[str, Any]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    kept = Retention(raw_days=30, hourly_days=60)
    store = await open_store(front[0], password=TOKEN, retention=kept, policies=True)
    await store.append([Batch.of("OLT", "optics", now, ["L1"], {"rx_dbm": [-20.0]})])
    await store.append([Batch.of("OLT", "optics", now - timedelta(days=40), ["L1"], {"rx_dbm": [-30.0]})])
    assert (await store.rollup()).daily_rows == 1  # the old day may have lost its other readings: left as it is
    reader = await open_store(front[0], password=TOKEN, read_only=True)
    span = (now - timedelta(days=2), now + timedelta(days=2))
    for resolution in ("raw", "hour", "day"):
        assert (await reader.series("L1", ["rx_dbm"], *span, resolution)).num_rows == 1  # type: ignore[arg-type]
    assert (await reader.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-20.0]
    assert isinstance(await reader.rows("day", ["L1"], *span), pa.Table)
    await reader.close()
    await store.close()
    again = await open_store(front[0], password=TOKEN, retention=Retention(raw_days=50), policies=True)
    await again.close()
    if isinstance(front[1], Version2):
        rules = {n: b["retentionRules"][0]["everySeconds"] for n, b in front[1].buckets.items()}
        assert rules == {"plant": 0, "plant/raw": 50 * 86_400, "plant/hourly": 0, "plant/daily": 0}
    else:
        assert front[1].databases == {"plant": None, "plant/raw": "30d", "plant/hourly": "60d", "plant/daily": None}


@pytest.mark.parametrize(
    "address",
    ["influx2://h:1/bucket", "influx3://h:1/", "influx3://h:1/a/b", "influx4://h:1/a", "influx2://:1/a/b", "x"],
)
async def test_an_address_of_another_form_is_refused_with_those_there_are(address: str) -> None:
    with pytest.raises(ValueError, match="influx2://HOST:PORT/ORG/BUCKET"):
        await open_store(address)
