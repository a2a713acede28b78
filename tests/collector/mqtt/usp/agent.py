"""A USP agent of the tests' own, for MQTT 3.1.1 and 5, with its own reading of the published schema (TR-369).

It shares no code with the collector: bytes are put together and taken apart here by field number.
"""

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

Value = bytes | str | int | list[bytes]


def put(number: int, value: bytes | str | int) -> bytes:
    """One field: text and bytes by length, whole numbers as varints."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def fixed32(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + value.to_bytes(4, "little")


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def taken(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """(number, value) of a message's fields."""

    def number_at(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 0x80:
                return value, at

    at = 0
    while at < len(data):
        tag, at = number_at(at)
        if tag & 7 == 0:
            value, at = number_at(at)
            yield tag >> 3, value
        elif tag & 7 == 5:
            yield tag >> 3, int.from_bytes(data[at : at + 4], "little")
            at += 4
        else:
            assert tag & 7 == 2
            size, at = number_at(at)
            yield tag >> 3, data[at : at + size]
            at += size


def only(data: bytes, *numbers: int) -> bytes:
    """The message found by descending the field numbers; fails where one is not there."""
    for number in numbers:
        (data,) = [v for n, v in taken(data) if n == number and isinstance(v, bytes)]
    return data


def pairs(number: int, said: dict[str, str]) -> bytes:
    """A map of texts."""
    return b"".join(put(number, put(1, k) + put(2, v)) for k, v in said.items())


def record(from_id: str, to_id: str, kind: int, content: bytes, version: str = "1.3") -> bytes:
    return put(1, version) + put(2, to_id) + put(3, from_id) + put(kind, content)


def message(msg_id: str, msg_type: int, body: bytes) -> bytes:
    return put(1, put(1, msg_id) + (put(2, msg_type) if msg_type else b"")) + put(2, body)


def notify(msg_id: str, kind: int, content: bytes, subscription: str = "", send_resp: bool = True) -> bytes:
    said = (put(1, subscription) if subscription else b"") + (put(2, 1) if send_resp else b"") + put(kind, content)
    return message(msg_id, 3, put(1, put(8, said)))


def event(name: str, parameters: dict[str, str], path: str = "Device.") -> bytes:
    return put(1, path) + put(2, name) + pairs(3, parameters)


def onboarding(serial: str) -> bytes:
    return put(1, "00256D") + put(2, "ONT") + put(3, serial) + put(4, "1.0,1.1,1.2,1.3")


def no_session(payload: bytes) -> bytes:
    return put(2, payload)


class UspAgent:
    """`model`: path → value, what the agent answers a Get from."""

    def __init__(self, endpoint: str, protocol: str, controller: tuple[str, str], model: dict[str, str]) -> None:
        """`controller`: its endpoint id and its topic."""
        self.endpoint, self.five = endpoint, protocol == "5"
        self.controller, self.controller_topic = controller
        self.topic = f"usp/agent/{endpoint.replace(':', '-')}"
        self.model = model
        self.answered: list[str] = []  # subscription ids of NotifyResp
        self.asked: list[list[str]] = []  # paths of every Get
        self.seen: list[tuple[str, str | None, str | None]] = []  # topic, response topic, content type
        self.silent = False  # reads and says nothing

    @asynccontextmanager
    async def running(self, port: int) -> AsyncIterator["UspAgent"]:
        version = aiomqtt.ProtocolVersion.V5 if self.five else aiomqtt.ProtocolVersion.V311
        async with aiomqtt.Client("127.0.0.1", port, identifier=self.endpoint, protocol=version) as client:
            self._client = client
            await client.subscribe(self.topic if self.five else f"{self.topic}/#", qos=1)
            answering = asyncio.create_task(self._answer())
            try:
                yield self
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)

    async def say(self, data: bytes) -> None:
        """Publish a record, with the topic to answer at as TR-369 wants it in this version of MQTT."""
        if self.five:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = self.topic
            properties.ContentType = "usp.msg"
            await self._client.publish(self.controller_topic, data, qos=1, properties=properties)
        else:
            quoted = self.topic.replace("/", "%2F")
            await self._client.publish(f"{self.controller_topic}/reply-to={quoted}", data, qos=1)

    async def send(self, message_: bytes) -> None:
        await self.say(record(self.endpoint, self.controller, 7, no_session(message_)))

    async def connect(self) -> None:
        await self.say(
            record(self.endpoint, self.controller, 10, (put(1, 1) if self.five else b"") + put(2, self.topic))
        )

    async def onboard(self, serial: str) -> None:
        await self.send(notify("onboard-1", 8, onboarding(serial)))

    async def boot(self) -> None:
        said = {"Cause": "LocalReboot", "CommandKey": "", "FirmwareUpdated": "false", "ParameterMap": "{}"}
        await self.send(notify("boot-1", 3, event("Boot!", said), "sub-boot"))

    async def _answer(self) -> None:
        async for m in self._client.messages:
            properties = m.properties
            self.seen.append(
                (str(m.topic), getattr(properties, "ResponseTopic", None), getattr(properties, "ContentType", None))
            )
            assert isinstance(m.payload, bytes)
            fields = dict(taken(m.payload))
            assert fields[2] == self.endpoint.encode()
            assert fields[3] == self.controller.encode()
            said = only(m.payload, 7, 2)
            msg_id, msg_type = (dict(taken(only(said, 1))).get(n, 0) for n in (1, 2))
            if msg_type == 16:
                self.answered.append(dict(taken(only(said, 2, 2, 8))).get(1, b"").decode())  # type: ignore[union-attr]
            elif msg_type == 1 and not self.silent:
                assert isinstance(msg_id, bytes)
                paths = [v.decode() for n, v in taken(only(said, 2, 1, 1)) if n == 1 and isinstance(v, bytes)]
                self.asked.append(paths)
                await self.send(message(msg_id.decode(), 2, put(2, put(1, self._results(paths)))))
            elif msg_type == 1:
                self.asked.append([])

    def _results(self, paths: list[str]) -> bytes:
        out = b""
        for path in paths:
            found = {p: v for p, v in self.model.items() if fnmatch.fnmatchcase(p, path)}
            if found:
                resolved = b"".join(
                    put(4, put(1, p.rpartition(".")[0] + ".") + pairs(2, {p.rpartition(".")[2]: v}))
                    for p, v in found.items()
                )
                out += put(1, put(1, path) + resolved)
            else:
                out += put(1, put(1, path) + fixed32(2, 7026) + put(3, "Path is invalid"))
        return out
