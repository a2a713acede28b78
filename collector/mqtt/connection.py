"""One connection to a broker: session, TLS, subscription, messages in, acknowledgements and messages out.

The only module that knows aiomqtt and paho. A session is kept at the broker under the client id, in MQTT 3.1.1 for as
long as the broker likes, in MQTT 5 for a week after the collector went away.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.mqtt.subscriptions import Subscriptions
from plant.inventory import Broker
from plant.secrets import SecretError, resolve

SESSION_KEPT_S = 7 * 86400
RECEIVE_MAXIMUM = 4000  # MQTT 5: unacknowledged messages the broker may have on the way to us; several times one put
READ_AT_ONCE = 100
CLOSED_EARLY = "the broker closes the connection before it answers; it may want TLS or a client certificate"
SUBSCRIBE_TOPIC = "subscribe-topic"  # user property of CONNACK (TR-369, MQTT binding)


class Message(NamedTuple):
    """A message that arrived. `reply_to` and `content_type` are MQTT 5 properties."""

    mid: int
    qos: int
    topic: str
    payload: bytes
    repeated: bool  # the broker sends it again: it had no acknowledgement
    retained: bool
    arrived: datetime
    reply_to: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. Properties are sent in MQTT 5 only."""

    topic: str
    payload: bytes
    reply_to: str | None = None
    content_type: str | None = None
    user_properties: tuple[tuple[str, str], ...] = ()


class Connection:
    """What a receiver does with a connection that is up."""

    def __init__(self, client: aiomqtt.Client, five: bool) -> None:
        self._client, self._five = client, five
        self._arrived: deque[Message] = deque()
        self._some = asyncio.Event()
        self.arrivals = 0
        self.reply_to: str | None = None  # the topic the broker gave us to be answered at (MQTT 5 response information)

    def on_message(self, _client: Any, _data: Any, m: Any) -> None:
        """paho's callback: keep the message until it is taken."""
        properties = getattr(m, "properties", None) if self._five else None
        self._arrived.append(
            Message(
                m.mid,
                m.qos,
                _topic(m),
                m.payload,
                m.dup,
                m.retain,
                datetime.now(UTC),
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "ContentType", None),
            )
        )
        self.arrivals += 1
        self._some.set()

    async def take(self, most: int) -> list[Message]:
        """Messages that have arrived, at least one and at most `most`, in their order."""
        while not self._arrived:
            self._some.clear()
            await self._some.wait()
        if len(self._arrived) <= most:
            messages = list(self._arrived)
            self._arrived.clear()
            return messages
        return [self._arrived.popleft() for _ in range(most)]

    async def lost(self) -> None:
        """Ends with MqttError when the connection does."""
        # on_message takes every message, so this iterator only ever ends with the connection.
        await anext(self._client.messages)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that the messages are ours now."""
        inner = self._client._client
        for m in messages:
            inner.ack(m.mid, m.qos)

    async def publish(self, out: Outgoing) -> None:
        """Publish with QoS 1 and wait for the broker to have it. Raises MqttError."""
        properties = None
        if self._five:
            properties = _properties(PacketTypes.PUBLISH)
            if out.reply_to is not None:
                properties.ResponseTopic = out.reply_to
            if out.content_type is not None:
                properties.ContentType = out.content_type
            if out.user_properties:
                properties.UserProperty = list(out.user_properties)
        await self._client.publish(out.topic, out.payload, qos=1, properties=properties)


@asynccontextmanager
async def connected(broker: Broker, client_id: str, subscriptions: Subscriptions) -> AsyncIterator[Connection]:
    """A connection with its subscription granted. Raises MqttError, OSError or ValueError with the reason."""
    given = {n: resolve(broker.credentials[n]) for n in ("username", "password") if n in broker.credentials}
    five = broker.protocol == "5"
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        identifier=client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        clean_session=None if five else False,
        clean_start=False if five else MQTT_CLEAN_START_FIRST_ONLY,
        properties=_connect_properties(broker) if five else None,
        tls_context=await asyncio.to_thread(tls_context, broker),
        username=given.get("username"),
        password=given.get("password"),
    )
    connection = Connection(client, five)
    granted = _with_our_callbacks(client, connection)
    async with client:
        connection.reply_to, more = told_topics(granted[-1] if granted else None)
        filters = [*_filters(broker), *more]
        await _subscribe(client, filters)
        for topic in subscriptions.before(client_id):
            if topic not in filters:
                await client.unsubscribe(topic)
        subscriptions.note(client_id, filters)
        yield connection


def _with_our_callbacks(client: aiomqtt.Client, connection: Connection) -> list[Any]:
    """Acknowledge by hand, and see what aiomqtt 2 keeps to itself: "sent again", properties, an early end.

    The list returned gets the properties of each CONNACK.
    """
    inner, loop = client._client, asyncio.get_running_loop()
    granted: list[Any] = []
    told_connect: Any = inner.on_connect
    told_disconnect: Any = inner.on_disconnect

    def on_connect(c: Any, data: Any, flags: Any, code: Any, properties: Any = None) -> None:
        granted.append(properties)
        told_connect(c, data, flags, code, properties)

    def on_disconnect(c: Any, data: Any, flags: Any, code: Any, properties: Any = None) -> None:
        if client._connected.done():
            told_disconnect(c, data, flags, code, properties)
        else:  # instead of waiting in vain for an answer
            client._connected.set_exception(aiomqtt.MqttError(CLOSED_EARLY))

    def write() -> None:
        try:
            inner.loop_write()
        except Exception as error:  # noqa: BLE001 - as in aiomqtt: whatever it is, the connection is gone
            if not client._disconnected.done():
                client._disconnected.set_exception(error)

    def on_socket_register_write(_client: Any, _data: Any, sock: Any) -> None:
        def watch() -> None:
            if sock.fileno() >= 0:  # aiomqtt does not look whether a broker that died had it closed meanwhile
                loop.add_writer(sock.fileno(), write)

        loop.call_soon_threadsafe(watch)

    told_open: Any = inner.on_socket_open

    def read(sock: Any) -> None:
        # aiomqtt reads one packet a turn of the loop: with many waiting, the turns cost more than the packets.
        try:
            for _ in range(READ_AT_ONCE):
                before = connection.arrivals
                inner.loop_read()
                if connection.arrivals == before and not _buffered(sock):
                    break
            else:
                if _buffered(sock):
                    loop.call_soon(read, sock)  # what TLS has unpacked already does not wake the loop
        except Exception as error:  # noqa: BLE001 - as in aiomqtt
            if not client._disconnected.done():
                client._disconnected.set_exception(error)

    def on_socket_open(c: Any, data: Any, sock: Any) -> None:
        told_open(c, data, sock)
        loop.call_soon_threadsafe(loop.add_reader, sock.fileno(), read, sock)  # instead of aiomqtt's

    inner.manual_ack_set(True)
    inner.on_socket_open = on_socket_open
    inner.on_message = connection.on_message
    inner.on_connect = on_connect
    inner.on_disconnect = on_disconnect
    inner.on_socket_register_write = on_socket_register_write
    return granted


def _buffered(sock: Any) -> bool:
    """Whether TLS has bytes that the loop does not know of."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _connect_properties(broker: Broker) -> Properties:
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_KEPT_S
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    if broker.usp is not None:
        properties.RequestResponseInformation = 1
        properties.UserProperty = [("usp-endpoint-id", broker.usp.endpoint_id)]
    return properties


def told_topics(properties: Any) -> tuple[str | None, list[str]]:
    """From CONNACK's properties: the topic to be answered at, and topics to subscribe to (TR-369 R-MQTT.12, 15)."""
    if properties is None:
        return None, []
    reply_to = getattr(properties, "ResponseInformation", None)
    more = [value for name, value in getattr(properties, "UserProperty", []) if name == SUBSCRIBE_TOPIC]
    if reply_to is not None and reply_to not in more:
        more.append(reply_to)
    return reply_to, more


def _filters(broker: Broker) -> list[str]:
    """The broker's topic; a controller's topic with what MQTT 3.1.1 agents append to it ("/reply-to=…")."""
    topic = f"{broker.topic}/#" if broker.usp is not None else broker.topic
    return [f"$share/{broker.share}/{topic}" if broker.share else topic]


async def _subscribe(client: aiomqtt.Client, filters: Sequence[str]) -> None:
    for topic in filters:
        granted = await client.subscribe(topic, qos=1)
        if any(int(getattr(code, "value", code)) >= 128 for code in granted):  # type: ignore[arg-type]
            raise aiomqtt.MqttError(f'the broker does not let us subscribe to "{topic}"')


def tls_context(broker: Broker) -> ssl.SSLContext | None:
    """What the connection trusts and shows, None for a plain one. Raises SecretError with the file that is wrong."""
    if not broker.tls:
        return None
    ca, certificate, key = (_path(reference) for reference in (broker.ca, broker.certificate, broker.key))
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise SecretError(f"{ca} is no file of certificates ({_why(error)})") from None
    if certificate is not None:
        try:
            # An empty password: a key that has one must not make a service ask at a terminal.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            raise SecretError(f"{certificate} and {key} are no certificate with its key ({_why(error)})") from None
    return context


def _path(reference: str | None) -> str | None:
    return None if reference is None else reference.removeprefix("file:")


def _why(error: OSError) -> str:
    return (error.reason or str(error)) if isinstance(error, ssl.SSLError) else (error.strerror or str(error))


def _topic(message: Any) -> str:
    try:
        return str(message.topic)
    except UnicodeDecodeError:
        return "?"  # not to be allowed by any broker, and no reason to stop
