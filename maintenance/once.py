"""Requests that carry a key are done once: the answer is kept for a day and given again to whoever asks the same.

A claim is one row, so of two at the same moment one does the work and the other waits for its answer. Where the work
itself is to survive a kill between its commit and the answer, it is given the key as well (`Ledger.open_by_hand`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from maintenance import database
from maintenance.tables import once as table

KEPT = timedelta(hours=24)
ABANDONED = timedelta(seconds=60)  # a claim without an answer for so long: whoever held it was killed


class OtherRequestError(Exception):
    """The key was used for another request."""


@dataclass(frozen=True)
class KeptAnswer:
    """What was answered the first time; `status` None while that is still being worked on."""

    status: int | None
    body: str


class Once:
    """Claims and answers in the ledger's database. Safe between threads and processes."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, scope: str, key: str, digest: str, now: datetime) -> KeptAnswer | None:
        """The answer there is, or None: the work is the caller's, who then calls `finish` or `release`.

        `scope` is whose key it is, `digest` that of all the request says. OtherRequestError where they do not fit.
        """
        with database.writing(self._engine) as connection:
            connection.execute(sa.delete(table).where(table.c.begun_at < now - KEPT))
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(table).values(scope=scope, key=key, digest=digest, begun_at=now))
                return None
            except sa.exc.IntegrityError:
                pass
            row = connection.execute(sa.select(table).where(*_this(scope, key)).with_for_update()).one()
            if row.digest != digest:
                raise OtherRequestError
            if row.status is None and row.begun_at <= now - ABANDONED:
                connection.execute(sa.update(table).where(*_this(scope, key)).values(begun_at=now))
                return None
            return KeptAnswer(row.status, row.body or "")

    def finish(self, scope: str, key: str, status: int, body: str) -> None:
        """Keep the answer."""
        with database.writing(self._engine) as connection:
            connection.execute(sa.update(table).where(*_this(scope, key)).values(status=status, body=body))

    def release(self, scope: str, key: str) -> None:
        """Nothing was done: the key may be used again."""
        with database.writing(self._engine) as connection:
            connection.execute(sa.delete(table).where(*_this(scope, key), table.c.status.is_(None)))


def _this(scope: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.scope == scope, table.c.key == key
