"""One broker: subscribe, decode, put on disk, and only then acknowledge."""

import asyncio
import contextlib
import random
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import aiomqtt
import structlog
from aiomqtt.exceptions import MqttConnectError

from collector.mqtt.connection import Connection, Message, Outgoing, connected
from collector.mqtt.forms import Form, form_of
from collector.mqtt.lines import PublishingLines
from collector.mqtt.reading import Reading
from collector.mqtt.refusals import RefusalLog, RefusedError
from collector.mqtt.subscriptions import Subscriptions
from collector.spool import Spool
from plant.inventory import Broker

log = structlog.get_logger(__name__)

MOST_MESSAGES = 1000  # in one put
REMEMBERED = 65_536  # arrival times kept for redelivered messages: more than can be in flight (packet ids are 16 bits)
SEND_EVERY_S = 0.2  # how late a question that is due may be
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0


@dataclass(frozen=True)
class BrokerStatus:
    """`state` is that of the connection; counts are since the start. `refused` and `samples` are by reason;
    `counts` holds what only some forms have, such as `ignored_parameters` (docs/collector.md)."""

    id: str
    host: str
    port: int
    state: Literal["connecting", "connected", "down", "stopped"] = "connecting"
    detail: str = ""
    since: datetime | None = None
    messages: int = 0
    readings: int = 0
    acknowledged: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    last_message: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Receiver:
    """Receives one broker's readings into the spool. A message is acknowledged once its readings are on disk."""

    def __init__(
        self,
        broker: Broker,
        lines: PublishingLines,
        spool: Spool,
        client_id: str,
        *,
        form: Form | None = None,
        first_retry_s: float = FIRST_RETRY_S,
        longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:
        """`client_id` must stay the same from run to run: the broker keeps the session under it.

        `form`: what decodes the messages, of the broker's own payload unless given.
        """
        self.broker = broker
        self.lines = lines  # replaced when the inventory changes
        self._spool, self._client_id = spool, client_id
        self._first_retry_s, self._longest_retry_s = first_retry_s, longest_retry_s
        self._subscriptions = Subscriptions(spool.folder)
        self._form = form or form_of(broker)
        self._refusals = RefusalLog(broker.id)
        self._outbox: deque[Outgoing] = deque()
        self._to_send = asyncio.Event()
        self._arrivals: OrderedDict[tuple[int, int], datetime] = OrderedDict()
        self._state: Literal["connecting", "connected", "down", "stopped"] = "connecting"
        self._detail = ""
        self._since: datetime | None = None
        self._messages = self._readings = self._acknowledged = 0
        self._last: datetime | None = None

    def status(self) -> BrokerStatus:
        b = self.broker
        return BrokerStatus(
            b.id, b.host, b.port, self._state, self._detail, self._since, self._messages, self._readings,
            self._acknowledged, dict(self._refusals.counts), dict(self._refusals.samples), self._last,
            dict(self._form.counts),
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`, coming back to a broker that went away."""
        failures = 0
        while not stop.is_set():
            try:
                async with connected(self.broker, self._client_id, self._subscriptions) as connection:
                    failures = 0
                    self._up()
                    await self._receive(connection, stop)
            except (aiomqtt.MqttError, OSError, ValueError, KeyError) as error:
                self._down(error)
                delay = min(self._longest_retry_s, self._first_retry_s * 2.0 ** min(failures, 20))
                failures += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), delay * random.uniform(0.7, 1.0))  # noqa: S311 - jitter
        self._state = "stopped"

    async def _receive(self, connection: Connection, stop: asyncio.Event) -> None:
        """Take what has arrived, put it on disk, acknowledge, until `stop`. Raises MqttError on disconnection."""
        lost = asyncio.ensure_future(connection.lost())
        stopping = asyncio.ensure_future(stop.wait())
        sending = asyncio.ensure_future(self._send(connection))
        arriving = asyncio.ensure_future(connection.take(MOST_MESSAGES))
        try:
            while not stop.is_set():
                await asyncio.wait({arriving, lost, sending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                ended = next((task for task in (lost, sending) if task.done()), None)
                if ended is not None:
                    ended.result()
                    return
                if not arriving.done():
                    return
                messages = arriving.result()
                if await self.take(messages, stop):
                    connection.acknowledge(messages)
                    self._acknowledged += len(messages)
                    self._outbox += self._form.replies()
                    if self._outbox:
                        self._to_send.set()
                arriving = asyncio.ensure_future(connection.take(MOST_MESSAGES))
        finally:
            for task in (lost, sending, stopping, arriving):
                task.cancel()
            await asyncio.gather(lost, sending, stopping, arriving, return_exceptions=True)

    async def _send(self, connection: Connection) -> None:
        """Publish answers, and questions when they are due. Raises MqttError."""
        self._outbox.clear()  # what was for another connection: who wants an answer asks again
        if connection.reply_to is not None:
            self._form.listen_at(connection.reply_to)
        while True:
            self._outbox += self._form.due()
            while self._outbox:
                await connection.publish(self._outbox.popleft())
            self._to_send.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._to_send.wait(), SEND_EVERY_S)

    async def take(self, messages: Sequence[Message], stop: asyncio.Event) -> bool:
        """Decode and put on disk; True when the messages may be acknowledged. Waits while the spool is full."""
        readings: list[Reading] = []
        topics: list[str] = []
        for m in messages:
            new = self._form.decode(m, self._arrival(m), partial(self._refusals.note, topic=m.topic))
            readings += new
            topics += [m.topic] * len(new)
        self._messages += len(messages)
        self._last = messages[-1].arrived
        if not readings:
            return True

        def refuse(position: int, refused: RefusedError) -> None:
            self._refusals.note(refused, topics[position])

        batch = self.lines.batch(f"mqtt:{self.broker.id}", readings, refuse)
        if batch is None:
            return True
        if not await self._spool.put_when_room([batch], stop):
            return False
        self._readings += len(batch)
        return True

    def _arrival(self, m: Message) -> datetime:
        """When the message first arrived: one that is sent again keeps its time, so that it counts once."""
        key = (m.mid, hash((m.topic, m.payload)))
        arrived = self._arrivals.get(key, m.arrived) if m.repeated else m.arrived
        self._arrivals[key] = arrived
        if len(self._arrivals) > REMEMBERED:
            self._arrivals.popitem(last=False)
        return arrived

    def _up(self) -> None:
        if self._state == "down":
            log.info("MQTT broker is back", broker=self.broker.id)
        self._state, self._detail, self._since = "connected", "", datetime.now(UTC)

    def _down(self, error: Exception) -> None:
        self._detail = _plain(error, self.broker)
        if self._state != "down":
            self._state, self._since = "down", datetime.now(UTC)
            log.error("MQTT broker cannot be used; trying again", broker=self.broker.id, why=self._detail)


def _plain(error: Exception, broker: Broker) -> str:
    where = f"{broker.host}:{broker.port}"
    if isinstance(error, MqttConnectError):
        return f"{where} refuses the connection ({error}); check the credentials and the broker's access rules"
    return f"{where}: {error or type(error).__name__}"
