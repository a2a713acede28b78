"""A process that collects from one broker into a SQLite store and is killed at any moment.

`python -m tests.collector.mqtt.collecting FOLDER PORT LINES PROTOCOL`
"""

import asyncio
import sys
from pathlib import Path
from typing import cast

from collector.drain import Drain
from collector.mqtt import PublishingLines, Receiver
from collector.spool import Spool
from plant.inventory import Broker, MqttProtocol
from tests.collector.plants import lines
from tests.collector.sinks import SqliteSink


async def main(folder: Path, port: int, count: int, protocol: MqttProtocol) -> None:
    spool = Spool(folder / "spool", 4 << 20, segment_bytes=64 << 10)
    known = PublishingLines(lines(*[(f"L{n}", "OLT-1", "0/1", f"HWTC{n:08X}", n) for n in range(count)]))
    broker = Broker("b1", "127.0.0.1", port, protocol=protocol)
    receiver = Receiver(broker, known, spool, "collector-under-fire", first_retry_s=0.05)
    stop = asyncio.Event()
    drain = Drain(spool, SqliteSink(folder / "store.sqlite"))
    await asyncio.gather(receiver.run(stop), drain.run(stop))


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), cast(MqttProtocol, sys.argv[4])))
