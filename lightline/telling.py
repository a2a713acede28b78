"""The two that tell: the postman of webhooks and the herald of messages, over one ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from api.tmf.trouble import notification
from maintenance.hooks.messages import Writer, ours
from maintenance.hooks.postman import Postman
from maintenance.hooks.subscriptions import Form, Subscriptions
from maintenance.ledger import Ledger
from maintenance.notices.herald import Herald


@dataclass(frozen=True)
class Told:
    """What one round came to."""

    delivered: int
    refused: int
    unreachable: int
    messages: int


class Teller:
    """Rounds of both, one after the other; neither waits for the other's receivers for long."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        writers: dict[Form, Writer] = {"lightline": ours, "tmf621": notification}
        self._postman = Postman(ledger.engine, ledger.rules.hooks, clock, writers=writers)
        self._herald = Herald(ledger.engine, ledger.rules.notices, clock)
        self._subscriptions = Subscriptions(ledger.engine)

    def round(self) -> Told:
        messages = self._herald.tell()
        done = self._postman.deliver()
        return Told(done.delivered, done.refused, done.unreachable, messages)

    def stop(self) -> None:
        """End the round in hand soon."""
        self._postman.stop()

    def forget(self) -> None:
        self._postman.forget()

    def troubles(self) -> list[str]:
        """A sentence for each system or person that cannot be told."""
        return [*self._subscriptions.troubles(), *self._herald.troubles()]
