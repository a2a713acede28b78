"""Tasks of the collector that go on whatever happens in them, and how they are ended."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

log = structlog.get_logger(__name__)

CRASH_PAUSE_S = 5.0
GRACE_S = 1.0  # for what is in flight when the service is stopped


async def kept(name: str, work: Callable[[], Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Run a part; should it fall over by a mistake of ours, say so and start it again."""
    while not stop.is_set():
        try:
            await work()
        except Exception:
            log.exception("part of the collector fell over; starting it again", part=name, in_s=CRASH_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), CRASH_PAUSE_S)
        else:
            return


async def end(tasks: Sequence[asyncio.Task[None]], grace_s: float = GRACE_S) -> None:
    """Let tasks finish for a moment, then cancel them."""
    if not tasks:
        return
    _, left = await asyncio.wait(tasks, timeout=grace_s)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
