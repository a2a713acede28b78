"""Why a figure is missing is asked of the store once, however many look at the line."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from api.absence import Asked, Told, reasons_once
from plant.batch import Reason

NOW = datetime(2026, 11, 2, 2, tzinfo=UTC)


class Store:
    """Answers when it is let; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.let = 0, asyncio.Event()

    async def series(self, *_: Any) -> pa.Table:
        self.asked += 1
        await self.let.wait()
        return pa.table(
            {
                "time": pa.array([NOW - timedelta(hours=2), NOW - timedelta(hours=1)], pa.timestamp("us", tz="UTC")),
                "quality": ["rx_dbm:sentinel", "rx_dbm:stale,tx_dbm:no_such_reason"],
            }
        )


async def test_many_ask_the_store_once_and_who_leaves_takes_nothing_from_the_others() -> None:
    store, asked = Store(), Asked()
    waiting = [asyncio.create_task(reasons_once(asked, store, "L1", NOW)) for _ in range(50)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting[0].cancel()
    store.let.set()
    told = await asyncio.gather(*waiting[1:])
    assert store.asked == 1
    assert told == [{"rx_dbm": Told(Reason.STALE, NOW - timedelta(hours=1))}] * 49
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    await reasons_once(asked, store, "L2", NOW)  # type: ignore[arg-type]
    assert store.asked == 2
