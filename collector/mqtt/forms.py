"""The forms a payload may have: our own JSON, TR-181 bulk data, USP; named by the inventory or told apart."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from collector.mqtt import bulk, payload
from collector.mqtt.connection import Message, Outgoing
from collector.mqtt.document import parse
from collector.mqtt.reading import Reading, line_fields
from collector.mqtt.refusals import RefusedError
from collector.mqtt.usp import UspForm
from plant.inventory import Broker, PayloadForm
from plant.serials import LONGEST


class Form(Protocol):
    """Decodes the messages of one broker."""

    counts: Counter[str]  # what else to say of the broker, by name

    def decode(self, m: Message, arrived: datetime, refuse: Callable[[RefusedError], None]) -> list[Reading]:
        """Readings of a message; what cannot be taken goes to `refuse`. `arrived`: when it first came."""

    def replies(self) -> Sequence[Outgoing]:
        """What to publish now that the messages decoded so far are on disk; each is handed out once."""

    def due(self) -> Sequence[Outgoing]:
        """What to publish because its time has come."""

    def listen_at(self, reply_to: str) -> None:
        """The broker names the topic where we are answered."""


class JsonForm:
    """Our JSON and TR-181 bulk data. `auto` tells them apart by what is in the document."""

    def __init__(self, form: PayloadForm) -> None:
        self._form = form
        self._fields = line_fields()
        self._most = bulk.MAX_BYTES if form == "tr181" else payload.MAX_BYTES
        self.counts: Counter[str] = Counter()

    def decode(self, m: Message, arrived: datetime, refuse: Callable[[RefusedError], None]) -> list[Reading]:
        try:
            document = parse(m.payload, self._most)
        except RefusedError as refused:
            refuse(refused)
            return []
        if self._form == "tr181" or (self._form == "auto" and bulk.is_report(document)):
            names = tuple(level for level in reversed(m.topic.split("/")) if 0 < len(level) <= LONGEST)
            return bulk.readings(
                document, names, arrived, retained=m.retained, refuse=refuse, ignored=self._ignored
            )  # fmt: skip
        return payload.readings(
            m.topic, document, arrived, retained=m.retained, known=self._fields, refuse=refuse
        )  # fmt: skip

    def replies(self) -> Sequence[Outgoing]:
        return ()

    def due(self) -> Sequence[Outgoing]:
        return ()

    def listen_at(self, reply_to: str) -> None:
        """Nobody answers us here."""

    def _ignored(self, parameters: int) -> None:
        self.counts["ignored_parameters"] += parameters


def form_of(broker: Broker) -> Form:
    return JsonForm(broker.payload) if broker.usp is None else UspForm(broker, broker.usp)
