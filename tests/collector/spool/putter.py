"""A process that puts numbered batches, says which ones were kept, drains them, and is killed at any moment.

`python -m tests.collector.spool.putter FOLDER FIRST`: numbers from FIRST on; one line `kept N` on standard output after
each put that returned.
"""

import asyncio
import sys
from pathlib import Path

from collector.drain import Drain
from collector.spool import Spool
from tests.collector.sinks import SqliteSink
from tests.collector.spool.batches import batch


async def main(folder: Path, first: int) -> None:
    spool = Spool(folder / "spool", 1 << 20, segment_bytes=16 << 10)
    drain = Drain(spool, SqliteSink(folder / "store.sqlite"), max_records=7)
    stop = asyncio.Event()
    draining = asyncio.create_task(drain.run(stop))

    async def put(start: int) -> None:
        for n in range(start, start + 100_000, 4):
            if await spool.put_when_room([batch(n)]):
                sys.stdout.write(f"kept {n}\n")
                sys.stdout.flush()

    await asyncio.gather(*(put(first + n) for n in range(4)))
    await draining


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
