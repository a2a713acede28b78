"""Run the parts of the service as processes: start, watch, restart with growing delay, stop together."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from lightline.stopping import SUPERVISED, wait

log = structlog.get_logger(__name__)

GRACE_S = 3.0  # Ctrl-C ends everything within five seconds on a busy machine too: so long to finish, then SIGKILL
STEADY_S = 60.0  # a part that ran this long starts again at the shortest delay
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 60.0


@dataclass(frozen=True)
class Part:
    """A process of the service: `lightline <arguments>` or another Python module."""

    name: str
    arguments: Sequence[str]
    module: str = "lightline"
    environment: Mapping[str, str] | None = None  # all of it; that of the supervisor where None
    folder: Path | None = None  # where it runs

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", self.module, *self.arguments]


async def supervise(parts: Sequence[Part], stop: asyncio.Event) -> None:
    """Keep every part running until `stop`, then end them all within GRACE_S and a little."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(_keep_running(part, stop))


async def _keep_running(part: Part, stop: asyncio.Event) -> None:
    delay = FIRST_DELAY_S
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        started = loop.time()
        process = await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.PIPE,
            env={**(os.environ if part.environment is None else part.environment), SUPERVISED: "1"},
            cwd=part.folder,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the parts in order
        )
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if process.returncode is None:
                await _end(part, process)
            await ended
        if stop.is_set():
            return
        if loop.time() - started > STEADY_S:
            delay = FIRST_DELAY_S
        log.error("part ended by itself; starting it again", part=part.name, code=process.returncode, in_s=delay)
        if await wait(stop, delay):
            return
        delay = min(delay * 2, LONGEST_DELAY_S)


async def _end(part: Part, process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        log.warning("part did not stop in time; killing it", part=part.name, after_s=GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
