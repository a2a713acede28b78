"""The asynchronous spool: what `put` promises to the pollers and the brokers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.spool import BatchTooLargeError, Spool, SpoolFullError
from tests.collector.spool.batches import batch, number_of


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 64 << 10, segment_bytes=8 << 10)
    yield opened
    await opened.close()


async def test_puts_at_once_share_the_disk_and_are_all_kept(spool: Spool) -> None:
    await asyncio.gather(*(spool.put([batch(n)]) for n in range(50)))
    group = await spool.read()
    assert group is not None
    assert sorted(number_of(b) for b in group.batches) == list(range(50))
    assert len(list(spool.folder.glob("*.seg"))) <= 50


async def test_empty_batches_are_nothing(spool: Spool) -> None:
    await spool.put([batch(1, rows=0)])
    assert await spool.read() is None


async def test_full_is_said_until_room_is_made(spool: Spool) -> None:
    kept = 0
    with pytest.raises(SpoolFullError):  # noqa: PT012 - fills until it refuses
        while True:
            await spool.put([batch(kept)])
            kept += 1
    assert spool.status().full
    assert "takes no more" in spool.status().detail
    waiting = asyncio.create_task(spool.put_when_room([batch(kept)]))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    group = await spool.read()
    assert group is not None
    assert len(group.batches) == kept
    await spool.commit(group.next_seq)
    assert await waiting
    assert not spool.full
    group = await spool.read()
    assert group is not None
    assert [number_of(b) for b in group.batches] == [kept]


async def test_one_that_fits_is_kept_beside_one_that_does_not(spool: Spool) -> None:
    small, large = await asyncio.gather(
        spool.put([batch(1)]), spool.put([batch(n, 200) for n in range(60)]), return_exceptions=True
    )
    assert small is None
    assert isinstance(large, BatchTooLargeError)
    group = await spool.read()
    assert group is not None
    assert [number_of(b) for b in group.batches] == [1]


async def test_stop_ends_the_wait_for_room(spool: Spool) -> None:
    with pytest.raises(SpoolFullError):  # noqa: PT012
        while True:
            await spool.put([batch(1)])
    stop = asyncio.Event()
    waiting = asyncio.create_task(spool.put_when_room([batch(2)], stop))
    await asyncio.sleep(0.02)
    stop.set()
    assert await waiting is False
