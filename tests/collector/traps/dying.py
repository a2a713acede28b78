"""A process that listens for traps and is killed by itself: before its readings are on disk, or before it answers.

`python -m tests.collector.traps.dying FOLDER PORT never|before_disk|before_answer`
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from collector.drain import Drain
from collector.identity import Identity
from collector.spool import Spool
from collector.traps.listeners import TrapListeners
from plant.batch import Batch
from tests.collector.sinks import SqliteSink
from tests.collector.traps.conftest import Polled, olt, only_bdcom, world


class Dying(Spool):
    when = "never"

    async def put(self, batches: Sequence[Batch]) -> None:
        if batches and self.when == "before_disk":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().put(batches)
        if batches and self.when == "before_answer":
            os.kill(os.getpid(), signal.SIGKILL)


async def ready(listeners: TrapListeners) -> None:
    while listeners.status()[0].state != "listening":
        await asyncio.sleep(0.01)
    print("listening", flush=True)


async def main(folder: Path, port: int, when: str) -> None:
    spool = Dying(folder / "spool", 4 << 20)
    spool.when = when
    v3 = {"user": "noc", "auth": "sha256", "auth_key": "env:TEST_A", "priv": "aes128", "priv_key": "env:TEST_P"}
    plant = world(port, olt(), credentials={"community": "env:TEST_TRAP", **v3})
    listeners = TrapListeners(plant, spool, Identity(plant.lines), only_bdcom(folder), lambda _: Polled())
    stop = asyncio.Event()
    drain = Drain(spool, SqliteSink(folder / "store.sqlite"))
    await asyncio.gather(listeners.run(stop), drain.run(stop), ready(listeners))


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
