"""ONTs that publish their own figures: JSON readings to a broker, many ONTs on one connection."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import aiomqtt
import numpy as np
import orjson
import structlog

from simulator.layout import FAR
from simulator.world import World

log = structlog.get_logger(__name__)

TOPIC = "lightline/ont/{serial}/reading"
FIELDS = ("rx_dbm", "tx_dbm", "bias_ma", "voltage_v", "temp_c")
_AGAIN_S = 5.0


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes


def messages(world: World, second: int) -> list[Message]:
    """What the ONTs that publish say at a moment; an ONT that is down says nothing."""
    lines, units = world.layout.lines, world.layout.units
    times = np.array([second], np.int64)
    when = datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
    out: list[Message] = []
    for olt in world.olts:
        own = np.flatnonzero(lines.mqtt[olt.lines])
        if not len(own):
            continue
        told = world.told(olt, times)
        for row in own.tolist():
            line = olt.lines.start + row
            if not told.up[row, 0] or lines.born_at[line] > second:
                continue
            generation = int(lines.swapped_at[line] != FAR and lines.swapped_at[line] <= second)
            reading: dict[str, object] = {"time": when}
            for name in FIELDS:
                value = float(told.line[name][row, 0])
                if value == value:  # noqa: PLR0124 — NaN: no reading
                    reading[name] = round(value, 3)
            reading["state"] = "up"
            reading["eth_speed_mbps"] = 1000
            serial = str(units.serial[generation, line])
            out.append(Message(TOPIC.format(serial=serial), orjson.dumps(reading)))
    return out


async def publish(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 1883,
    every_s: float = 300.0,
    rate: float = 200.0,
    rounds: int | None = None,
    clock: Callable[[], float] = time.time,
    username: str | None = None,
    password: str | None = None,
) -> int:
    """Publish all ONTs' readings every `every_s` at QoS 1, at most `rate` a second; the number published.

    Runs until cancelled, or for so many `rounds`. A broker that goes away is tried again; what could not be
    published in between is not made up for, as with real ONTs.
    """
    published = 0
    done = 0
    while rounds is None or done < rounds:
        try:
            async with _client(host, port, username, password) as client:
                while rounds is None or done < rounds:
                    for message in messages(world, int(clock())):
                        await client.publish(message.topic, message.payload, qos=1)
                        published += 1
                        await asyncio.sleep(1 / rate)
                    done += 1
                    if rounds is None or done < rounds:
                        await asyncio.sleep(every_s)
        except aiomqtt.MqttError as error:
            log.warning("broker_away", host=host, port=port, error=str(error), again_s=_AGAIN_S)
            await asyncio.sleep(_AGAIN_S)
    return published


@asynccontextmanager
async def _client(host: str, port: int, username: str | None, password: str | None) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(host, port, username=username, password=password, identifier="lightline-onts") as client:
        yield client
