"""The body of a message in the form a receiver asked for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maintenance.hooks.subscriptions import Form


@dataclass(frozen=True)
class Event:
    """One change as the outbox holds it."""

    id: int
    at: datetime
    ticket_id: int
    version: int
    kind: str
    body: Mapping[str, Any]

    @property
    def ident(self) -> str:
        """The id a receiver sees: the same at every attempt."""
        return f"lightline-{self.id}"


Writer = Callable[[Event], dict[str, Any]]


def ours(event: Event) -> dict[str, Any]:
    """Our own form: type, time, and the ticket as it was after the change."""
    return {
        "type": event.kind,
        "timestamp": event.at.isoformat(),
        "data": {"sequence": event.version, **event.body},
    }


def written(event: Event, form: Form, writers: Mapping[Form, Writer]) -> bytes:
    """The bytes that are signed and sent."""
    return json.dumps(writers[form](event), ensure_ascii=False, separators=(",", ":")).encode()
