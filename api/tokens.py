"""Tokens of people and programs, in the SQLite file of people. Only hashes are kept."""

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

from api.people import schema
from api.people.moments import digest, moment, seconds
from api.people.people import People
from api.people.tables import sessions, tokens, users
from api.people.users import checked_role
from api.roles import RIGHTS, Right, Role, may

PREFIX = "ll"
MOST_RECENT = 1000  # tokens remembered
LAST_USED_STEP = timedelta(minutes=1)  # a token in use is written this often, not at every request


@dataclass(frozen=True)
class Token:
    """What is known of a token; never its secret. `areas` empty: all; `grids` empty: all of the areas.

    Of a personal token role, areas and grids are the user's as they are now. `rights` None: all of the role.
    """

    id: str
    name: str
    role: Role
    areas: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    grids: tuple[str, ...] = ()
    rights: tuple[Right, ...] | None = None
    user_id: str | None = None


class TokenStore:
    """Tokens in the file at `path`, made on first use, readable by its owner only. Safe between threads and processes.

    `people`: the users, sessions, failures and audit of the same file.

    A token is 256 random bits behind a public id, so a plain hash cannot be guessed back and needs no slow hashing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o600, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})
        sa.event.listen(self._engine, "connect", _pragmas)
        try:
            schema.migrate(self._engine)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        self.people = People(self._engine)
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
        grids: Sequence[str] = (),
        rights: Sequence[Right] | None = None,
        user_id: str | None = None,
        expires_at: datetime | None = None,
        now: datetime | None = None,
    ) -> str:
        """Make a token and return it, once. ValueError for an unusable name, role or right or an expiry without zone.

        With `user_id` it is that user's: it can do what he can, as far as `rights` go, and ends with him.
        """
        name, now = name.strip(), now or datetime.now(UTC)
        if not 1 <= len(name) <= 100 or not name.isprintable():
            raise ValueError("a token needs a name of 1 to 100 printable characters: who or what uses it")
        known = checked_role(role)
        strange = [r for r in rights or () if r not in RIGHTS or not may(known, r)]
        if strange:
            raise ValueError(f'role {known} has no right "{strange[0][:40]}"; a token can only have less than its role')
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= now):
            raise ValueError("the token's expiry must be a time with zone that is still to come")
        ident, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {
            "id": ident,
            "digest": digest(secret),
            "name": name,
            "role": role,
            "areas": sorted(set(areas)),
            "grids": sorted(set(grids)),
            "rights": sorted(set(rights)) if rights is not None else None,
            "user_id": user_id,
            "created_at": seconds(now),
            "expires_at": seconds(expires_at) if expires_at else None,
        }
        with self._engine.begin() as connection:
            connection.execute(sa.insert(tokens).values(row))
        return f"{PREFIX}_{ident}_{secret}"

    def list(self, user_id: str | None = None) -> tuple[Token, ...]:
        """All tokens ever made, or those of a user, oldest first."""
        query = _QUERY.order_by(tokens.c.created_at, tokens.c.id)
        if user_id is not None:
            query = query.where(tokens.c.user_id == user_id)
        with self._engine.connect() as connection:
            return tuple(_token(row) for row in connection.execute(query).mappings())

    def revoke(self, token_id: str, now: datetime | None = None, *, user_id: str | None = None) -> bool:
        """End a token and every session opened with it. False when there is none of that id (of the user) in force."""
        at = seconds(now or datetime.now(UTC))
        with self._engine.begin() as connection:
            which = sa.update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            if user_id is not None:
                which = which.where(tokens.c.user_id == user_id)
            found = connection.execute(which.values(revoked_at=at)).rowcount == 1
            if found:
                connection.execute(sa.delete(sessions).where(sessions.c.token_id == token_id))
            return found

    def recall(self, text: str, now: datetime) -> Token | None:
        """A token verified lately, as long as nothing in the file has changed since: microseconds, no wait.

        None says nothing: ask `verify`.
        """
        with self._guard:
            self._forget_what_changed()
            token = self._recent.get(digest(text))
        if token is None or token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP:
            return None
        return token if token.expires_at is None or now < token.expires_at else None

    def _remember(self, text: str, token: Token | None, version: int) -> Token | None:
        """Keep what was verified, unless the file changed meanwhile."""
        with self._guard:
            self._forget_what_changed()
            if token is not None and version == self._version and len(self._recent) < MOST_RECENT:
                self._recent[digest(text)] = token
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
            row = connection.execute(_QUERY.where(tokens.c.id == ident)).mappings().one_or_none()
        kept = row["digest"] if row else "0" * 64
        right = hmac.compare_digest(kept, digest(secret))
        if row is None or not right:
            return None
        return self._remember(text, self._in_force(row, now), version)

    def in_force(self, token_id: str, now: datetime) -> Token | None:
        """The token of a session that was opened with it."""
        with self._engine.connect() as connection:
            row = connection.execute(_QUERY.where(tokens.c.id == token_id)).mappings().one_or_none()
        return self._in_force(row, now) if row else None

    def close(self) -> None:
        self._watch.close()
        self._engine.dispose()

    def _in_force(self, row: sa.RowMapping, now: datetime) -> Token | None:
        token = _token(row)
        if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.user_id is not None and row["user_state"] != "active":
            return None
        if token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP:
            with self._engine.begin() as connection:
                connection.execute(sa.update(tokens).where(tokens.c.id == token.id).values(last_used_at=seconds(now)))
        return token


def parts_of(text: str) -> tuple[str, str]:
    """The public id and the secret of a token as it is written; both empty where it is none."""
    prefix, _, rest = text.partition("_")
    ident, _, secret = rest.partition("_")
    return (ident, secret) if prefix == PREFIX and len(ident) == 12 else ("", "")


_USERS = {name: users.c[name].label(f"user_{name}") for name in ("role", "areas", "grids", "state")}
_QUERY = sa.select(tokens, *_USERS.values()).join_from(tokens, users, tokens.c.user_id == users.c.id, isouter=True)


def _token(row: sa.RowMapping) -> Token:
    of = "user_" if row["user_id"] is not None and row["user_role"] is not None else ""
    return Token(
        id=row["id"],
        name=row["name"],
        role=cast(Role, row[f"{of}role"]),
        areas=tuple(row[f"{of}areas"]),
        grids=tuple(row[f"{of}grids"]),
        rights=tuple(row["rights"]) if row["rights"] is not None else None,
        user_id=row["user_id"],
        created_at=cast(datetime, moment(row["created_at"])),
        expires_at=moment(row["expires_at"]),
        revoked_at=moment(row["revoked_at"]),
        last_used_at=moment(row["last_used_at"]),
    )


def _pragmas(connection: Any, _: object) -> None:
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
