"""The forms that the file of people has had, and the steps between them, both ways.

The form's number is SQLite's `user_version`. A step runs in one transaction: it happens wholly or not at all.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Step:
    """From the form before to this one, and back."""

    up: tuple[str, ...]
    down: tuple[str, ...]


_TOKENS_1 = """CREATE TABLE IF NOT EXISTS tokens (
    id VARCHAR(12) NOT NULL PRIMARY KEY, digest VARCHAR(64) NOT NULL, name VARCHAR(100) NOT NULL,
    role VARCHAR(16) NOT NULL, areas JSON NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER,
    revoked_at INTEGER, last_used_at INTEGER)"""
_SESSIONS_1 = """CREATE TABLE IF NOT EXISTS sessions (
    digest VARCHAR(64) NOT NULL PRIMARY KEY,
    token_id VARCHAR(12) NOT NULL REFERENCES tokens (id) ON DELETE CASCADE, expires_at INTEGER NOT NULL)"""

STEPS: tuple[Step, ...] = (
    Step((_TOKENS_1, _SESSIONS_1), ("DROP TABLE sessions", "DROP TABLE tokens")),
    Step(
        (
            """CREATE TABLE users (
    id VARCHAR(12) NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, key VARCHAR(200) NOT NULL UNIQUE,
    role VARCHAR(16) NOT NULL, areas JSON NOT NULL, grids JSON NOT NULL,
    state VARCHAR(16) NOT NULL CHECK (state IN ('active', 'disabled')), password VARCHAR(200),
    must_change BOOLEAN NOT NULL, totp VARCHAR(64), totp_begun VARCHAR(64), totp_step INTEGER, issuer VARCHAR(500),
    subject VARCHAR(255), created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL, signed_in_at INTEGER,
    UNIQUE (issuer, subject))""",
            """CREATE TABLE recovery_codes (
    user_id VARCHAR(12) NOT NULL REFERENCES users (id) ON DELETE CASCADE, digest VARCHAR(64) NOT NULL,
    PRIMARY KEY (user_id, digest))""",
            "ALTER TABLE tokens ADD COLUMN grids JSON NOT NULL DEFAULT '[]'",
            "ALTER TABLE tokens ADD COLUMN rights JSON",
            "ALTER TABLE tokens ADD COLUMN user_id VARCHAR(12) REFERENCES users (id) ON DELETE CASCADE",
            # whoever is signed in signs in again: a session now knows more than it was told then
            "DROP TABLE sessions",
            """CREATE TABLE sessions (
    digest VARCHAR(64) NOT NULL PRIMARY KEY, id VARCHAR(12) NOT NULL UNIQUE,
    token_id VARCHAR(12) REFERENCES tokens (id) ON DELETE CASCADE,
    user_id VARCHAR(12) REFERENCES users (id) ON DELETE CASCADE,
    way VARCHAR(16) NOT NULL, created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    address VARCHAR(64) NOT NULL, agent VARCHAR(200) NOT NULL, CHECK ((token_id IS NULL) <> (user_id IS NULL)))""",
            """CREATE TABLE failures (
    key VARCHAR(80) NOT NULL PRIMARY KEY, count INTEGER NOT NULL, last_at INTEGER NOT NULL)""",
            """CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor VARCHAR(100) NOT NULL, role VARCHAR(16) NOT NULL,
    way VARCHAR(16) NOT NULL, event VARCHAR(40) NOT NULL, outcome VARCHAR(16) NOT NULL, target VARCHAR(300) NOT NULL,
    address VARCHAR(64) NOT NULL, detail JSON NOT NULL)""",
            """CREATE TRIGGER audit_stands BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END""",
            """CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END""",
        ),
        (
            "DROP TABLE audit",
            "DROP TABLE failures",
            "DROP TABLE sessions",
            _SESSIONS_1,
            # a limited token must not come back with more than it had: what the older form cannot say, it loses
            "DELETE FROM tokens WHERE user_id IS NOT NULL OR rights IS NOT NULL OR grids <> '[]'",
            "CREATE TABLE kept AS SELECT id, digest, name, role, areas, created_at, expires_at, revoked_at,"
            " last_used_at FROM tokens",
            "DROP TABLE tokens",
            _TOKENS_1,
            "INSERT INTO tokens SELECT * FROM kept",
            "DROP TABLE kept",
            "DROP TABLE recovery_codes",
            "DROP TABLE users",
        ),
    ),
)  # fmt: skip
NEWEST = len(STEPS)


def migrate(engine: sa.Engine, to: int = NEWEST) -> int:
    """Bring the file to form `to` (0 to NEWEST), up or down; the form it had. ValueError for one of a newer version."""
    with engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        level, raw.isolation_level = raw.isolation_level, None  # DDL in a transaction, which the driver would split
        try:
            raw.execute("PRAGMA foreign_keys = OFF")  # tables are replaced under those that refer to them
            raw.execute("BEGIN IMMEDIATE")
            found = int(raw.execute("PRAGMA user_version").fetchone()[0])
            if found > NEWEST:
                raise ValueError(f"it was written by a newer Lightline (form {found}); upgrade this one")
            if not 0 <= to <= NEWEST:
                raise ValueError(f"there is no form {to}; forms go from 0 to {NEWEST}")
            for statement in _statements(found, to):
                raw.execute(statement)
            raw.execute(f"PRAGMA user_version = {to}")
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        finally:
            raw.execute("PRAGMA foreign_keys = ON")
            raw.isolation_level = level
    return found


def _statements(found: int, to: int) -> list[str]:
    if to >= found:
        return [s for step in STEPS[found:to] for s in step.up]
    return [s for step in reversed(STEPS[to:found]) for s in step.down]
