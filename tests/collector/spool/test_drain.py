"""From the spool to a store: nothing twice, nothing lost, one bad batch stops nobody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pytest

from collector.drain import Drain
from collector.spool import Spool
from tests.collector.sinks import SqliteSink
from tests.collector.spool.batches import batch


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20, segment_bytes=16 << 10)
    yield opened
    await opened.close()


@pytest.fixture
def sink(tmp_path: Path) -> SqliteSink:
    return SqliteSink(tmp_path / "store.sqlite")


async def test_everything_put_reaches_the_store_once(spool: Spool, sink: SqliteSink) -> None:
    await spool.put([batch(n) for n in range(300)])
    drain = Drain(spool, sink, max_records=40)
    assert await drain.empty(5)
    assert len(sink.values("rx_dbm")) == 300
    assert sink.calls == 8
    assert drain.status().rows == 300


async def test_a_store_that_is_down_is_told_once_and_caught_up_with(spool: Spool, sink: SqliteSink) -> None:
    sink.available = False
    drain = Drain(spool, sink, first_retry_s=0.02, longest_retry_s=0.05)
    stop = asyncio.Event()
    running = asyncio.create_task(drain.run(stop))
    await spool.put([batch(n) for n in range(10)])
    while sink.calls < 3:
        await asyncio.sleep(0.01)
    status = drain.status()
    assert status.state == "store_unavailable"
    assert "down for the test" in status.detail
    assert spool.status().records == 10
    sink.available = True
    while spool.status().records:
        await asyncio.sleep(0.01)
    assert drain.status().state == "delivering"
    assert drain.status().detail == ""
    stop.set()
    await running
    assert len(sink.values("rx_dbm")) == 10


async def test_a_batch_the_store_refuses_for_good_is_set_aside_and_the_rest_goes_on(
    spool: Spool, sink: SqliteSink
) -> None:
    sink.refuses = {"OLT-13", "OLT-77"}
    await spool.put([batch(n) for n in range(100)])
    drain = Drain(spool, sink)
    assert await drain.empty(5)
    assert len(sink.values("rx_dbm")) == 98
    files = sorted((spool.folder / "set_aside").glob("*.arrows"))
    devices = set()
    for path in files:
        with pa.ipc.open_stream(path) as reader:
            devices.add(reader.schema.metadata[b"device"].decode())
    assert devices == sink.refuses
    assert spool.status().set_aside == drain.status().set_aside == 2


async def test_stopping_delivers_what_is_there(spool: Spool, sink: SqliteSink) -> None:
    await spool.put([batch(n) for n in range(50)])
    stop = asyncio.Event()
    stop.set()
    await Drain(spool, sink, max_records=8).run(stop)
    assert len(sink.values("rx_dbm")) == 50
