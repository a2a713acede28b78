"""Tokens of people and programs, and the console's sessions, in an SQLite file of their own. Only hashes are kept."""

import hashlib
import hmac
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from api.roles import ROLES, Role

PREFIX = "ll"
SCHEMA_VERSION = 1
MOST_RECENT = 1000  # tokens remembered
LAST_USED_STEP = timedelta(minutes=1)  # a token in use is written this often, not at every request

_metadata = sa.MetaData()
_tokens = sa.Table(
    "tokens",
    _metadata,
    sa.Column("id", sa.String(12), primary_key=True),  # the public part of the token
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("areas", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),  # seconds since 1970, as all times here
    sa.Column("expires_at", sa.Integer),
    sa.Column("revoked_at", sa.Integer),
    sa.Column("last_used_at", sa.Integer),
)
_sessions = sa.Table(
    "sessions",
    _metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("token_id", sa.String(12), sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    sa.Column("expires_at", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class Token:
    """What is known of a token; never its secret. `areas` empty means all areas."""

    id: str
    name: str
    role: Role
    areas: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class TokenStore:
    """Tokens in the file at `path`, made on first use, readable by its owner only. Safe between threads and processes.

    A token is 256 random bits behind a public id, so a plain hash cannot be guessed back and needs no slow hashing.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})
        sa.event.listen(self._engine, "connect", _pragmas)
        with self._engine.begin() as connection:
            found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if found > SCHEMA_VERSION:
                raise ValueError(f"{path} was written by a newer Lightline (version {found}); upgrade this one")
            _metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # SQLite counts on it the changes that any other connection of any process commits
        self._watch = sqlite3.connect(path, timeout=1, check_same_thread=False, isolation_level=None)
        self._guard = threading.Lock()
        self._version = -1
        self._recent: dict[str, Token] = {}

    def create(
        self,
        name: str,
        role: str,
        *,
        areas: Sequence[str] = (),
        expires_at: datetime | None = None,
        now: datetime | None = None,
    ) -> str:
        """Make a token and return it, once. ValueError for an unusable name or role or an expiry without zone."""
        name, now = name.strip(), now or datetime.now(UTC)
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise ValueError("a token needs a name of 1 to 100 printable characters: who or what uses it")
        if role not in ROLES:
            raise ValueError(f'role "{role[:40]}" is not among: {", ".join(ROLES)}')
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
            raise ValueError("the token's expiry must be a time with zone that is still to come")
        ident, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": ident,
            "digest": _digest(secret),
            "name": name,
            "role": role,
            "areas": sorted(set(areas)),
            "created_at": _seconds(now),
            "expires_at": _seconds(expires_at) if expires_at else None,
        }
        with self._engine.begin() as connection:
            connection.execute(sa.insert(_tokens).values(row))
        return f"{PREFIX}_{ident}_{secret}"

    def list(self) -> tuple[Token, ...]:
        """All tokens ever made, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_tokens).order_by(_tokens.c.created_at, _tokens.c.id)).mappings()
            return tuple(_token(row) for row in rows)

    def revoke(self, token_id: str, now: datetime | None = None) -> bool:
        """End a token and every session opened with it. False when there is none of that id still in force."""
        at = _seconds(now or datetime.now(UTC))
        with self._engine.begin() as connection:
            found = connection.execute(
                sa.update(_tokens).where(_tokens.c.id == token_id, _tokens.c.revoked_at.is_(None)).values(revoked_at=at)
            )
            connection.execute(sa.delete(_sessions).where(_sessions.c.token_id == token_id))
            return found.rowcount == 1

    def recall(self, text: str, now: datetime) -> Token | None:
        """A token verified lately, as long as nothing in the file has changed since: microseconds, no wait.

        None says nothing: ask `verify`.
        """
        with self._guard:
            self._forget_what_changed()
            token = self._recent.get(_digest(text))
        if token is None or token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP:
            return None
        return token if token.expires_at is None or now < token.expires_at else None

    def _remember(self, text: str, token: Token | None, version: int) -> Token | None:
        """Keep what was verified, unless the file changed meanwhile."""
        with self._guard:
            self._forget_what_changed()
            if token is not None and version == self._version and len(self._recent) < MOST_RECENT:
                self._recent[_digest(text)] = token
        return token

    def _seen(self) -> int:
        with self._guard:
            self._forget_what_changed()
            return self._version

    def _forget_what_changed(self) -> None:
        version = int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            self._recent.clear()
            self._version = version

    def verify(self, text: str, now: datetime) -> Token | None:
        """The token that `text` is, if it is in force. Compared in constant time."""
        version = self._seen()
        ident, secret = parts_of(text)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_tokens).where(_tokens.c.id == ident)).mappings().one_or_none()
        kept = row["digest"] if row else "0" * 64
        right = hmac.compare_digest(kept, _digest(secret))
        if row is None or not right:
            return None
        return self._remember(text, self._in_force(row, now), version)

    def open_session(self, token: Token, now: datetime, hours: float) -> tuple[str, datetime]:
        """A session's secret for a cookie, and when it ends: after `hours`, or with the token."""
        ends = now + timedelta(hours=hours)
        if token.expires_at is not None:
            ends = min(ends, token.expires_at)
        secret = secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.expires_at <= _seconds(now)))
            connection.execute(
                sa.insert(_sessions).values(digest=_digest(secret), token_id=token.id, expires_at=_seconds(ends))
            )
        return secret, ends

    def verify_session(self, secret: str, now: datetime) -> Token | None:
        """The token a session was opened with, if both are in force."""
        query = (
            sa.select(_tokens)
            .join(_sessions, _sessions.c.token_id == _tokens.c.id)
            .where(_sessions.c.digest == _digest(secret), _sessions.c.expires_at > _seconds(now))
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return self._in_force(row, now) if row else None

    def close_session(self, secret: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_sessions).where(_sessions.c.digest == _digest(secret)))

    def close(self) -> None:
        self._watch.close()
        self._engine.dispose()

    def _in_force(self, row: sa.RowMapping, now: datetime) -> Token | None:
        token = _token(row)
        if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.update(_tokens).where(_tokens.c.id == token.id).values(last_used_at=_seconds(now))
                )
        return token


def parts_of(text: str) -> tuple[str, str]:
    """The public id and the secret of a token as it is written; both empty where it is none."""
    prefix, _, rest = text.partition("_")
    ident, _, secret = rest.partition("_")
    return (ident, secret) if prefix == PREFIX and len(ident) == 12 else ("", "")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def _token(row: sa.RowMapping) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        role=cast(Role, row["role"]),
        areas=tuple(row["areas"]),
        created_at=datetime.fromtimestamp(row["created_at"], UTC),
        expires_at=_moment(row["expires_at"]),
        revoked_at=_moment(row["revoked_at"]),
        last_used_at=_moment(row["last_used_at"]),
    )


def _pragmas(connection: Any, _: object) -> None:
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
