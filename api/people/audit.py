"""The audit: who signed in or tried to, who changed what, whose data was shown. Only ever added to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from api.people.tables import audit

Outcome = Literal["done", "refused"]


@dataclass(frozen=True)
class Entry:
    """`way`: how the actor was known: password, directory, token, command, or none."""

    id: int
    at: datetime
    actor: str
    role: str
    way: str
    event: str
    outcome: Outcome
    target: str
    address: str
    detail: Mapping[str, Any]


class Audit:
    """The log in the file of people; its triggers refuse to change or remove a line."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(
        self,
        event: str,
        now: datetime,
        *,
        actor: str = "",
        role: str = "",
        way: str = "none",
        outcome: Outcome = "done",
        target: str = "",
        address: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        row = {
            "at": int(now.timestamp()), "actor": actor[:100], "role": role, "way": way, "event": event,
            "outcome": outcome, "target": target[:300], "address": address[:64], "detail": dict(detail or {}),
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.insert(audit).values(row))

    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        actor: str | None = None,
        event: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
    ) -> list[Entry]:
        """Newest first; `before` is the number of the last one of the page before."""
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
        for column, value in (("actor", actor), ("event", event), ("outcome", outcome)):
            if value is not None:
                query = query.where(audit.c[column] == value.replace("\x00", ""))
        if before is not None:
            query = query.where(audit.c.id < before)
        if since is not None:
            query = query.where(audit.c.at >= int(since.timestamp()))
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [Entry(**{**row, "at": datetime.fromtimestamp(row["at"], UTC)}) for row in rows]
