"""The USP form of a broker's messages: notifications are answered, agents asked, and what they say becomes readings."""

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from collector.mqtt import bulk
from collector.mqtt.connection import Message, Outgoing
from collector.mqtt.document import parse
from collector.mqtt.reading import Reading
from collector.mqtt.refusals import Refusal, RefusedError
from collector.mqtt.tr181 import figures, model
from collector.mqtt.usp.agents import Address, Agent, Agents
from collector.mqtt.usp.messages import (
    LONGEST_ID,
    ErrorMsg,
    GetResp,
    Notify,
    Record,
    UnsupportedError,
    get,
    notify_resp,
    read_message,
    read_record,
    record,
)
from collector.mqtt.usp.wire import WireError
from plant.inventory import Broker, UspController

MAX_BYTES = 256 << 10
CONTENT_TYPES = ("usp.msg", "application/vnd.bbf.usp.msg")  # TR-369 R-MQTT.27a
REPLY_TO = "/reply-to="  # TR-369 R-MQTT.24: how an MQTT 3.1.1 endpoint says where it listens
SETTLE_S = 5.0
Refuse = Callable[[RefusedError], None]


class UspForm:
    """A controller towards the agents of one broker. Decodes their messages, and has answers and questions to send."""

    def __init__(
        self,
        broker: Broker,
        usp: UspController,
        *,
        settle_s: float = SETTLE_S,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._us, self._topic, self._five = usp.endpoint_id, broker.topic, broker.protocol == "5"
        self._listening = {broker.topic}
        self._clock = clock
        chance = chance or random.Random()  # noqa: S311 - jitter is no secret
        self._agents = Agents(usp.every_s, usp.gets_per_s, settle_s, chance)
        self._paths = model().paths()
        self._replies: list[Outgoing] = []
        self._run = uuid.uuid4().hex[:8]  # message ids differ from those of the run before
        self._asked = 0
        self.counts: Counter[str] = Counter(agents=0, asked=0, answered=0, unanswered=0)

    def decode(self, m: Message, arrived: datetime, refuse: Refuse) -> list[Reading]:
        try:
            return self._decode(m, arrived, refuse)
        except RefusedError as refused:
            refuse(refused)
        except WireError as error:
            refuse(RefusedError(Refusal.NOT_USP, str(error)))
        except UnsupportedError as error:
            refuse(RefusedError(Refusal.UNSUPPORTED, str(error)))
        return []

    def replies(self) -> Sequence[Outgoing]:
        ready, self._replies = self._replies, []
        return ready

    def due(self) -> Sequence[Outgoing]:
        """Questions that may go now."""
        out = [self._question(endpoint, agent) for endpoint, agent in self._agents.due(self._clock())]
        self.counts["asked"] += len(out)
        self.counts["unanswered"] = self._agents.unanswered
        return out

    def listen_at(self, reply_to: str) -> None:
        """The broker gave us another topic to be answered at."""
        self._topic = reply_to
        self._listening.add(reply_to)

    def _question(self, endpoint: str, agent: Agent) -> Outgoing:
        self._asked += 1
        msg_id = f"{self._run}-{self._asked}"
        return self._outgoing(endpoint, agent, msg_id, get(msg_id, self._paths))

    def _outgoing(self, endpoint: str, agent: Agent, msg_id: str, message: bytes) -> Outgoing:
        topic = agent.address.topic
        if agent.address.suffixed or not self._five:
            topic += REPLY_TO + self._topic.replace("/", "%2F")
        # usp-err-id is gone since USP 1.2, and demanded before it (R-MQTT.29).
        properties = (("usp-err-id", f"{endpoint}/{msg_id}"),)
        payload = record(endpoint, self._us, agent.version, message)
        return Outgoing(topic, payload, self._topic, CONTENT_TYPES[0], properties)

    def _decode(self, m: Message, arrived: datetime, refuse: Refuse) -> list[Reading]:
        if len(m.payload) > MAX_BYTES:
            raise RefusedError(Refusal.TOO_LARGE, f"{len(m.payload)} bytes, at most {MAX_BYTES} are taken")
        if m.retained:
            raise RefusedError(Refusal.RETAINED_WITHOUT_TIME, "a retained record does not say when it was true")
        if m.content_type is not None and m.content_type not in CONTENT_TYPES:
            text = m.payload[:120].decode("utf-8", "replace") if m.content_type.endswith("usp.error") else ""
            reason = Refusal.USP_ERROR if text else Refusal.NOT_USP
            raise RefusedError(reason, f'content type "{m.content_type[:60]}" {text}')
        said = read_record(m.payload)
        if said.to_id != self._us or said.from_id == self._us:
            raise RefusedError(Refusal.NOT_FOR_US, f'from "{said.from_id}" to "{said.to_id}"; we are "{self._us}"')
        if said.kind == "disconnect":
            self._agents.gone(said.from_id)
            self.counts["agents"] = len(self._agents)
            return []
        message = None if said.message is None else read_message(said.message)
        agent = self._heard(m, said)
        if isinstance(message, Notify):
            return self._notified(said.from_id, agent, message, arrived, refuse)
        if isinstance(message, GetResp):
            return self._answered(said.from_id, agent, message, arrived)
        if isinstance(message, ErrorMsg):
            if agent is not None:
                self._agents.answered(said.from_id, self._clock())
            raise RefusedError(Refusal.USP_ERROR, f'"{said.from_id}" answers {message.code} {message.text[:100]}')
        if message is not None:
            raise RefusedError(Refusal.UNSUPPORTED, f'"{said.from_id}" sends a message of type {message.msg_type}')
        return []

    def _heard(self, m: Message, said: Record) -> Agent | None:
        """The agent with the address it gave, None where nobody knows one."""
        address = self._address(m, said)
        if address is None:
            return self._agents.get(said.from_id)
        agent = self._agents.heard(said.from_id, address, said.version, self._clock())
        self._agents.alive(said.from_id, self._clock())
        self.counts["agents"] = len(self._agents)
        return agent

    def _address(self, m: Message, said: Record) -> Address | None:
        if m.reply_to is not None:
            return self._checked(m.reply_to, suffixed=False)
        _, suffix, quoted = m.topic.rpartition(REPLY_TO)
        if suffix:
            return self._checked(quoted.replace("%2F", "/").replace("%2f", "/"), suffixed=True)
        # A connect record names what the agent subscribed to, which may be a filter.
        topic = said.subscribed_topic
        if topic is None or "+" in topic or "#" in topic:
            return None
        return self._checked(topic, suffixed=not self._five)

    def _checked(self, topic: str, *, suffixed: bool) -> Address:
        """An agent's topic. We would publish to it: not to a filter, not to the broker's own, and not to ourselves."""
        wrong = "+" in topic or "#" in topic or topic.startswith("$") or not 0 < len(topic) <= LONGEST_ID
        ours = any(f"{topic}/".startswith(f"{own}/") for own in self._listening)
        if wrong or ours or not topic.isprintable():
            raise RefusedError(Refusal.NO_REPLY_TOPIC, f'"{topic[:80]}" is no topic to answer at')
        return Address(topic, suffixed)

    def _notified(
        self, endpoint: str, agent: Agent | None, said: Notify, arrived: datetime, refuse: Refuse
    ) -> list[Reading]:
        now = self._clock()
        if agent is None:
            refuse(RefusedError(Refusal.NO_REPLY_TOPIC, f'"{endpoint}" does not say where it listens'))
        else:
            if said.serial:
                agent.serial = said.serial[:LONGEST_ID]
            if said.name in ("Boot!", "OnBoardRequest"):
                self._agents.started(endpoint, now)
            if said.send_resp:
                answer = notify_resp(said.msg_id, said.subscription_id)
                self._replies.append(self._outgoing(endpoint, agent, said.msg_id, answer))
        if said.name == "ValueChange":
            # One port's speed does not say which port is the fastest: only what stands alone is taken.
            alone = not said.path.startswith("Device.Ethernet.")
            return self._readings(endpoint, agent, said.parameters, arrived) if alone else []
        given = dict(said.parameters)
        if said.name == "Push!" and "Data" in given:
            document = parse(given["Data"].encode("utf-8"), bulk.MAX_BYTES)
            names = self._names(endpoint, agent)
            return bulk.readings(document, names, arrived, retained=False, refuse=refuse, ignored=self._ignored)
        if said.name == "Boot!":
            return self._readings(endpoint, agent, _parameter_map(given.get("ParameterMap", "")), arrived)
        return []

    def _answered(self, endpoint: str, agent: Agent | None, said: GetResp, arrived: datetime) -> list[Reading]:
        self.counts["answered"] += 1
        if agent is not None:
            self._agents.answered(endpoint, self._clock())
        readings = self._readings(endpoint, agent, said.parameters, arrived)
        if not readings:
            raise RefusedError(Refusal.NO_READING, f'"{endpoint}" has none of the parameters ({said.failed} errors)')
        return readings

    def _readings(
        self, endpoint: str, agent: Agent | None, parameters: Sequence[tuple[str, Any]], arrived: datetime
    ) -> list[Reading]:
        found = figures(parameters)
        self._ignored(found.ignored)
        if agent is not None and found.serials:
            agent.serial = found.serials[0]
        if not found.values:
            return []
        first, *others = (*found.serials, *self._names(endpoint, agent))
        return [Reading(first, None, arrived, found.values, found.quality, tuple(others))]

    def _names(self, endpoint: str, agent: Agent | None) -> tuple[str, ...]:
        """What a line may know the agent by: the serial it told us, the instance in its endpoint id, all of that."""
        instance = unquote(endpoint.split(":", 2)[-1])
        names = [instance, instance.rpartition("-")[2], endpoint]
        if agent is not None and agent.serial:
            names.insert(0, agent.serial)
        return tuple(dict.fromkeys(name for name in names if name))

    def _ignored(self, parameters: int) -> None:
        if parameters:
            self.counts["ignored_parameters"] += parameters


def _parameter_map(text: str) -> list[tuple[str, Any]]:
    """Boot parameters, a JSON object of path and value in the event's ParameterMap; nothing where it is none."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [(k, v) for k, v in said.items() if not isinstance(v, dict | list)] if isinstance(said, dict) else []
