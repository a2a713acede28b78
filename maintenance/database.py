"""Opening the ledger's database: SQLite or PostgreSQL, migrated, with one way to begin a write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from maintenance.errors import InputError, LedgerVersionError

log = structlog.get_logger(__name__)

BUSY_SECONDS = 30
_ADVISORY = 7_164_337  # PostgreSQL: the lock under which migrations and the taking of findings go one at a time


def connect(url: str) -> sa.Engine:
    """An engine for `url` (sqlite:///PATH or postgresql://…), not migrated yet.

    Raises InputError naming what is wrong with the address; never shows its password.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as e:
        raise InputError("the ledger's address is not readable; write sqlite:///PATH or postgresql://HOST/NAME") from e
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    elif parsed.drivername == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise InputError("a ledger in memory would be lost; name a file: sqlite:///PATH/ledger.sqlite")
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        _tame_sqlite(engine)
    else:
        raise InputError(
            f"the ledger cannot live in {parsed.drivername}; write sqlite:///PATH or postgresql://HOST/NAME"
        )
    return engine


def _tame_sqlite(engine: sa.Engine) -> None:
    """WAL, foreign keys, durable commits; BEGIN by us, since the driver would begin too late for a clean snapshot."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def writing(engine: sa.Engine, *, alone: bool = False) -> Iterator[sa.Connection]:
    """A transaction that writes: all of it or nothing. `alone` keeps others `alone` out (SQLite: all)."""
    with engine.execution_options(writing=True).begin() as connection:
        if alone and engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY)))
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that reads one consistent state."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.execution_options(**options).begin() as connection:
        yield connection


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the database forwards (or back) to `revision`, in one transaction.

    Raises LedgerVersionError when a newer Lightline has written it.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision: n for n, script in enumerate(reversed(list(scripts.walk_revisions())))}
    with writing(engine, alone=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise LedgerVersionError(
                f"the ledger is at revision {current}, this Lightline knows those up to {scripts.get_current_head()};"
                " it was written by a newer version: install that one, or restore a backup"
            )
        target = scripts.get_current_head() if revision == "head" else revision
        if current == target:
            return
        config.attributes["connection"] = connection
        backwards = target == "base" or (current is not None and known[current] > known[str(target)])
        (command.downgrade if backwards else command.upgrade)(config, str(target))
        log.info("ledger_migrated", before=current, after=target)
