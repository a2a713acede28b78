"""Long faults of store and disk, over and over; each prints what was accepted and what was lost: nothing."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.drain import Drain
from collector.spool import SegmentLog, Spool, SpoolFullError
from collector.spool.record import payload_of
from plant.batch import Batch, StoreUnavailableError
from tests.collector.spool.batches import batch, number_of
from tests.collector.spool.test_segments import fill, numbers
from tests.collector.spool.test_segments import small_disk as small_disk  # noqa: PLC0414 - a fixture

SECONDS, PUTTERS = 45.0, 8
ROUNDS = 200


class Comes:
    """A store that is there for a while and away for a while, and tells what it was given, how often."""

    def __init__(self) -> None:
        self.there = True
        self.outages = 0
        self.taken: dict[int, int] = {}

    async def append(self, batches: Sequence[Batch]) -> None:
        if not self.there:
            raise StoreUnavailableError("away for the test")
        for one in batches:
            self.taken[number_of(one)] = self.taken.get(number_of(one), 0) + 1

    async def come_and_go(self, stop: asyncio.Event) -> None:
        chance = random.Random(5)
        while not stop.is_set():
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            self.there = not self.there
            self.outages += not self.there
        self.there = True


@pytest.mark.soak
@pytest.mark.timeout(180)
async def test_a_store_that_comes_and_goes_at_full_rate(tmp_path: Path) -> None:
    """The spool is small: it fills up in every outage, refuses, and goes on."""
    spool, store, stop = Spool(tmp_path / "spool", 1 << 20, segment_bytes=64 << 10), Comes(), asyncio.Event()
    drain = Drain(spool, store, first_retry_s=0.02, longest_retry_s=0.2)
    kept: set[int] = set()
    refused = 0

    async def put(first: int) -> None:
        nonlocal refused
        n = first
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                await spool.put([batch(n)])
            except SpoolFullError:
                refused += 1
                await spool.room(stop)
                continue
            kept.add(n)
            n += PUTTERS

    background = [asyncio.create_task(drain.run(stop)), asyncio.create_task(store.come_and_go(stop))]
    await asyncio.gather(*(put(n) for n in range(PUTTERS)))
    stop.set()
    await asyncio.gather(*background)
    store.there = True
    assert await drain.empty(30)
    await spool.close()
    lost, twice = len(kept - store.taken.keys()), sum(1 for times in store.taken.values() if times > 1)
    print(f"\nstore away {store.outages} times in {SECONDS:.0f} s at full rate: {len(kept)} batches accepted,")
    print(f"{refused} refused for want of room, {lost} lost, {twice} delivered twice")
    assert (lost, twice) == (0, 0)
    assert refused > 0
    assert store.outages > 5


@pytest.mark.soak
def test_a_torn_last_record_two_hundred_times(tmp_path: Path) -> None:
    """The file ends at any byte of its last record: what was acknowledged before it is there, and it takes more."""
    chance = random.Random(11)
    torn = 0
    kept: list[int] = []
    number = 0
    for _ in range(ROUNDS):
        log = SegmentLog(tmp_path / "spool", 1 << 30, segment_bytes=32 << 10)
        torn += log.torn_bytes > 0
        for _ in range(chance.randrange(1, 6)):
            log.append([payload_of(batch(number))])
            kept.append(number)
            number += 1
        segment = max((tmp_path / "spool").glob("*.seg"))
        before = segment.stat().st_size
        log.append([payload_of(batch(number))])  # not acknowledged: the power goes while it is written
        number += 1
        log.close()
        last = max((tmp_path / "spool").glob("*.seg"))
        start = before if last == segment else 0
        os.truncate(last, chance.randrange(start, last.stat().st_size))
    log = SegmentLog(tmp_path / "spool", 1 << 30, segment_bytes=32 << 10)
    found = numbers(log, len(kept))
    log.close()
    lost = len(set(kept) - set(found))
    print(f"\n{ROUNDS} torn ends ({torn} found torn): {len(kept)} acknowledged, {lost} lost")
    assert found == kept


@pytest.mark.soak
def test_a_full_disk_again_and_again(small_disk: Path) -> None:
    """Filled to the last byte and emptied: what was accepted comes out, in order, and nothing half written."""
    kept = out = 0
    for _ in range(ROUNDS):
        log = SegmentLog(small_disk / "spool", 1 << 30, segment_bytes=64 << 10)
        full = fill(log)
        assert full > 0
        found = numbers(log)
        assert found == list(range(full))
        log.commit(log.next_seq)
        out += len(found)
        kept += full
        log.close()
    print(f"\na disk full {ROUNDS} times: {kept} accepted, {kept - out} lost")
