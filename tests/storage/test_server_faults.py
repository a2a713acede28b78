"""InfluxDB under faults: servers that are away, slow, full, of another version, or refuse who asks or what is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from plant.batch import Batch, StoreUnavailableError
from plant.matrix import ALL
from storage.influx import client
from storage.opening import open_store
from tests.influx import influx_server
from tests.influx_versions import Version2, Version3, fronting
from tests.parts import free_port

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)


async def test_a_server_that_is_not_there_is_said_to_be_away() -> None:
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        await open_store(f"influx1://127.0.0.1:{free_port()}/plant")


async def test_a_server_that_goes_away_and_comes_back_takes_the_same_batch(tmp_path: Path) -> None:
    batch = Batch.of("OLT", "optics", NOON, ["A"], {"rx_dbm": [-20.0]})
    with influx_server(tmp_path) as address:
        store = await open_store(f"influx1://{address}/plant")
        await store.append([batch])
    for call in (store.append([batch]), store.rollup(), store.latest(ALL, ["rx_dbm"]), store.lines_seen()):
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await call
    assert not (await store.status()).healthy
    with influx_server(tmp_path, port=int(address.rpartition(":")[2])):
        await store.append([batch])
        assert (await store.rollup()).daily_rows == 1
        assert (await store.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-20.0]
        assert (await store.status()).healthy
    await store.close()


async def test_a_wrong_password_is_said_plainly_and_never_shown(tmp_path: Path) -> None:
    with influx_server(tmp_path, auth=True) as address:
        for _ in range(50):
            try:
                with pytest.raises(StoreUnavailableError, match="refuses the user or password") as caught:
                    await open_store(f"influx1://{address}/plant", user="nobody", password="hunter2")
                break
            except AssertionError:
                await asyncio.sleep(0.1)
        assert "hunter2" not in str(caught.value)


async def test_users_of_the_database_are_enough_one_who_writes_and_one_who_reads(tmp_path: Path) -> None:
    with influx_server(tmp_path, auth=True) as address:
        async with httpx.AsyncClient(base_url=f"http://{address}") as server:
            for statement in (
                "CREATE USER chief WITH PASSWORD 'c' WITH ALL PRIVILEGES", "CREATE DATABASE plant",
                "CREATE USER writer WITH PASSWORD 'w'", "GRANT ALL ON plant TO writer",
                "CREATE USER reader WITH PASSWORD 'r'", "GRANT READ ON plant TO reader",
            ):  # fmt: skip
                (await server.post("/query", data={"q": statement}, auth=("chief", "c"))).raise_for_status()
        writer = await open_store(f"influx1://{address}/plant", user="writer", password="w")
        await writer.append([Batch.of("OLT", "optics", NOON, ["A"], {"rx_dbm": [-20.0]})])
        assert (await writer.rollup()).daily_rows == 1
        reader = await open_store(f"influx1://{address}/plant", user="reader", password="r", read_only=True)
        assert (await reader.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-20.0]
        assert (await reader.matrix(ALL, "rx_dbm", "max", NOON.date(), NOON.date())).values.tolist() == [[-20.0]]
        assert (await reader.lines_seen()).to_pylist() == ["A"]
        assert (await reader.status()).healthy
        with pytest.raises(StoreUnavailableError, match="read-only"):
            await reader.rollup()
        await writer.close()
        await reader.close()


async def test_one_bad_point_costs_one_point(tmp_path: Path) -> None:
    with influx_server(tmp_path) as address:
        store = await open_store(f"influx1://{address}/plant")
        await store._client.write(["reading,line_id=B rx_dbm=1i 1000000"])  # a type that the next points contradict
        moment = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        lines = [f"reading,line_id=A rx_dbm=-{n}.0 {int(NOON.timestamp() + n) * 1_000_000}" for n in range(20)]
        clash = f'reading,line_id=B rx_dbm="text" {int(moment.timestamp() * 1e6)}'
        await store._client.write([*lines[:7], clash, *lines[7:]])
        assert store._client.refused == 1
        table = await store.series("A", ["rx_dbm"], NOON, NOON + timedelta(hours=1), "raw")
        assert table.num_rows == 20
        await store.close()


@contextlib.asynccontextmanager
async def holding_back(address: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """What stands before a server and hands its answers on only while the event is set; HOST:PORT."""
    host, _, port = address.rpartition(":")
    flowing = asyncio.Event()
    pipes: set[asyncio.Task[None]] = set()

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter, gate: asyncio.Event | None) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if gate is not None:
                    await gate.wait()
                target.write(data)
                await target.drain()
        target.close()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        for one in (pipe(reader, behind_writer, None), pipe(behind_reader, writer, flowing)):
            task = asyncio.create_task(one)
            pipes.add(task)
            task.add_done_callback(pipes.discard)

    server = await asyncio.start_server(between, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", flowing
    finally:
        server.close()
        for task in pipes:
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)


async def test_a_slow_server_is_waited_for_and_one_that_never_answers_is_said_to_be_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_ANSWER_S", 2.0)
    batch = Batch.of("OLT", "optics", NOON, ["A"], {"rx_dbm": [-20.0]})
    with influx_server(tmp_path) as behind:
        async with holding_back(behind) as (address, flowing):
            flowing.set()
            store = await open_store(f"influx1://{address}/plant")
            flowing.clear()
            slow = asyncio.create_task(store.append([batch]))
            await asyncio.sleep(0.3)
            assert not slow.done()
            flowing.set()
            await slow
            flowing.clear()
            for call in (store.append([batch]), store.latest(ALL, ["rx_dbm"])):
                with pytest.raises(StoreUnavailableError, match="does not answer: ReadTimeout"):
                    await call
            assert not (await store.status()).healthy
            flowing.set()
            await store.append([batch])
            assert (await store.latest(ALL, ["rx_dbm"]))["rx_dbm"].to_pylist() == [-20.0]
            assert (await store.status()).healthy
            await store.close()


async def test_a_question_given_up_lets_go_of_a_slow_server(tmp_path: Path) -> None:
    with influx_server(tmp_path) as behind:
        async with holding_back(behind) as (address, flowing):
            flowing.set()
            store = await open_store(f"influx1://{address}/plant")
            flowing.clear()
            asked = [asyncio.create_task(store.latest(ALL, ["rx_dbm"])) for _ in range(5)]
            await asyncio.sleep(0.1)
            for task in asked:
                task.cancel()
            for outcome in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(outcome, asyncio.CancelledError)
            flowing.set()
            assert (await store.latest(ALL, ["rx_dbm"])).num_rows == 0
            await store.close()


async def test_a_server_out_of_series_keeps_the_readings_where_they_are(tmp_path: Path) -> None:
    few = Batch.of("OLT", "optics", NOON, ["A", "B"], {"rx_dbm": [-20.0, -21.0]})
    lines = [f"L{n:03d}" for n in range(300)]
    many = Batch.of("OLT", "optics", NOON, ["A", *lines], {"rx_dbm": [-19.0] + [-22.0] * 300})
    with influx_server(tmp_path, series=100) as address:
        store = await open_store(f"influx1://{address}/plant")
        await store.append([few])
        with pytest.raises(StoreUnavailableError, match=r"out of series: .*max-series-per-database.* set that limit"):
            await store.append([many])
        assert (await store.status()).figures["refused_points"] == 0
        await store.close()
    with influx_server(tmp_path) as address:  # the limit is gone, the spool hands the same readings on
        store = await open_store(f"influx1://{address}/plant")
        await store.append([many])
        kept = await store.latest(ALL, ["rx_dbm"])
        assert kept["line_id"].to_pylist() == ["A", "B", *lines]
        assert kept["rx_dbm"].to_pylist() == [-19.0, -21.0] + [-22.0] * 300
        await store.close()


async def test_a_server_of_another_version_is_named_with_the_address_it_wants(tmp_path: Path) -> None:
    with influx_server(tmp_path) as real:
        for kind, place in (("influx2", "org/plant"), ("influx3", "plant")):
            with pytest.raises(StoreUnavailableError, match=r"is InfluxDB 1\.[\d.]+.* write it as influx1://"):
                await open_store(f"{kind}://{real}/{place}", password="token")
        for version, told in ((Version2, "influx2://"), (Version3, "influx3://")):
            with fronting(version, real, told[:7]) as (address, _):
                wrong = "refuses the user or password" if version is Version3 else f"write it as {told}"
                with pytest.raises(StoreUnavailableError, match=wrong):
                    await open_store(f"influx1://{address}/plant")
