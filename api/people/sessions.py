"""The console's sessions, kept here: a browser holds a random name of its session and nothing else."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

import sqlalchemy as sa

from api.people.limits import limits
from api.people.moments import digest, moment, seconds
from api.people.tables import sessions

Way = Literal["token", "password", "second_factor", "directory"]


@dataclass(frozen=True)
class Session:
    """A browser that is signed in. `id` names it to its owner and opens nothing."""

    id: str
    token_id: str | None
    user_id: str | None
    way: Way
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str


@dataclass(frozen=True)
class Visitor:
    """Where a session is opened from."""

    address: str
    agent: str


class Sessions:
    """A session ends after `hours`, after `idle` without a request, with its token or user, or when it is told to."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def open(
        self, now: datetime, ends: datetime, way: Way, visitor: Visitor, *, token_id: str | None = None,
        user_id: str | None = None, replaces: str | None = None,
    ) -> str:  # fmt: skip
        """The secret for a cookie. `replaces`: the secret the browser came with, which opens nothing from now on."""
        secret = secrets.token_urlsafe(32)
        row = {
            "digest": digest(secret), "id": secrets.token_hex(6), "token_id": token_id, "user_id": user_id, "way": way,
            "created_at": seconds(now), "seen_at": seconds(now), "expires_at": seconds(ends),
            "address": visitor.address[:64], "agent": visitor.agent[:200],
        }  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires_at <= seconds(now)))
            if replaces is not None:
                connection.execute(sa.delete(sessions).where(sessions.c.digest == digest(replaces)))
            connection.execute(sa.insert(sessions).values(row))
        return secret

    def find(self, secret: str, now: datetime, idle: timedelta) -> Session | None:
        """The session, if it has not ended; that it is in use is written once a minute."""
        at = seconds(now)
        oldest = at - idle.total_seconds()
        query = sa.select(sessions).where(
            sessions.c.digest == digest(secret), sessions.c.expires_at > at, sessions.c.seen_at > oldest
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        if at - row["seen_at"] >= limits().sessions.touched_s:
            with self._engine.begin() as connection:
                connection.execute(sa.update(sessions).where(sessions.c.id == row["id"]).values(seen_at=at))
        return _session(row)

    def known(self, session_id: str, now: datetime) -> Session | None:
        """A session by its public id, if it has not ended; looking does not count as using it."""
        query = sa.select(sessions).where(sessions.c.id == session_id, sessions.c.expires_at > seconds(now))
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _session(row) if row else None

    def of_user(self, user_id: str, now: datetime, idle: timedelta) -> list[Session]:
        """Those that have not ended, newest first."""
        query = sa.select(sessions).where(
            sessions.c.user_id == user_id, sessions.c.expires_at > seconds(now),
            sessions.c.seen_at > seconds(now) - idle.total_seconds(),
        )  # fmt: skip
        with self._engine.connect() as connection:
            return [_session(r) for r in connection.execute(query.order_by(sessions.c.created_at.desc())).mappings()]

    def close(self, secret: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.digest == digest(secret)))

    def end(self, user_id: str, *, only: str | None = None, keep: str | None = None) -> int:
        """End a user's sessions: one, all, or all but one, by their ids; how many."""
        ended = sa.delete(sessions).where(sessions.c.user_id == user_id)
        if only is not None:
            ended = ended.where(sessions.c.id == only)
        if keep is not None:
            ended = ended.where(sessions.c.id != keep)
        with self._engine.begin() as connection:
            return int(connection.execute(ended).rowcount)


def _session(row: sa.RowMapping) -> Session:
    return Session(
        id=row["id"], token_id=row["token_id"], user_id=row["user_id"], way=cast(Way, row["way"]),
        created_at=cast(datetime, moment(row["created_at"])), seen_at=cast(datetime, moment(row["seen_at"])),
        expires_at=cast(datetime, moment(row["expires_at"])), address=row["address"], agent=row["agent"],
    )  # fmt: skip
