"""What the sessions kept at the brokers are subscribed to, remembered on disk.

A session keeps its subscriptions, and no broker lists them: without this, a topic or a share that was changed in the
inventory would go on delivering beside the new one.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

FILE = "subscriptions.json"


class Subscriptions:
    """Topic filters by client id, in one file of a folder that one process owns."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def before(self, client_id: str) -> list[str]:
        """The filters of the session as it was left; none where nothing is known."""
        return self._read().get(client_id, [])

    def note(self, client_id: str, filters: Sequence[str]) -> None:
        """Remember what the session has now. A disk that refuses is told, and no reason not to receive."""
        known = self._read()
        if known.get(client_id) == list(filters):
            return
        aside = self._path.with_name(f".{FILE}")
        try:
            aside.write_text(json.dumps({**known, client_id: list(filters)}), encoding="utf-8")
            aside.replace(self._path)
        except OSError as error:
            log.warning("MQTT subscriptions cannot be remembered", path=str(self._path), why=str(error))

    def _read(self) -> dict[str, list[str]]:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(said, dict):
            return {}
        return {k: [f for f in v if isinstance(f, str)] for k, v in said.items() if isinstance(v, list)}
