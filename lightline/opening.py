"""Opening what the settings name: telemetry store, spool, ledger, tokens. What cannot be opened is a UserError."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import structlog

from api.tokens import TokenStore
from collector.spool import Spool, SpoolLockedError
from lightline.problem import UserError
from lightline.settings import Settings
from maintenance.errors import LedgerError
from maintenance.ledger import Ledger
from maintenance.rules import Rules
from plant.batch import Batch, StoreUnavailableError
from plant.inventory import Inventory
from plant.matrix import Matrix, Scope
from plant.secrets import SecretError, resolve
from storage.opening import open_store
from storage.protocol import Resolution, RollupReport, StoreStatus, TelemetryStore
from storage.retention import FOR_EVER, Retention

log = structlog.get_logger(__name__)


class WaitingStore:
    """A TelemetryStore that need not be there yet: each call opens it first, as long as it was not reached.

    A database may start after Lightline, and a reader before the first reading was written.
    """

    def __init__(
        self,
        url: str,
        *,
        zone: str,
        read_only: bool,
        user: str | None = None,
        password: str | None = None,
        retention: Retention = FOR_EVER,
        policies: bool = False,
    ) -> None:
        self._policies = policies
        self._url, self._zone, self._read_only, self._retention = url, zone, read_only, retention
        self._user, self._password = user, password
        self._store: TelemetryStore | None = None
        self._opening = asyncio.Lock()

    async def opened(self) -> TelemetryStore:
        """The store itself. StoreUnavailableError while it cannot be reached; ValueError for a wrong address."""
        async with self._opening:
            if self._store is None:
                self._store = await open_store(
                    self._url, zone=self._zone, read_only=self._read_only, user=self._user, password=self._password,
                    retention=self._retention, policies=self._policies,
                )  # fmt: skip
            return self._store

    async def append(self, batches: Sequence[Batch]) -> None:
        await (await self.opened()).append(batches)

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        return await (await self.opened()).latest(scope, fields)

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        return await (await self.opened()).series(line_id, fields, start, end, resolution)

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        return await (await self.opened()).matrix(scope, field, statistic, first, last)

    async def reasons(self, start: datetime, end: datetime) -> pa.Table:
        return await (await self.opened()).reasons(start, end)

    async def lines_seen(self) -> pa.Array:
        return await (await self.opened()).lines_seen()

    async def rollup(self) -> RollupReport:
        return await (await self.opened()).rollup()

    async def status(self) -> StoreStatus:
        try:
            return await (await self.opened()).status()
        except StoreUnavailableError as error:
            return StoreStatus(self._url.partition(":")[0], healthy=False, detail=str(error), newest_reading=None)

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()


async def open_telemetry(
    settings: Settings, inventory: Inventory, *, read_only: bool, wait: bool = True
) -> WaitingStore:
    """The telemetry store of the settings, opened where it can be.

    Where it cannot be reached now, `wait` decides: go on and open it later, or raise UserError.
    """
    user, password = store_credentials(settings)
    store = WaitingStore(
        settings.store_url, zone=inventory.calendar.zone, read_only=read_only, user=user, password=password,
        retention=settings.retention, policies=settings.influx_policies,
    )  # fmt: skip
    try:
        await store.opened()
    except ValueError as error:
        raise UserError(f"the telemetry store: {error}") from None
    except StoreUnavailableError as error:
        if not wait:
            raise UserError(f"the telemetry store cannot be used now: {error}") from None
        log.warning("the telemetry store cannot be reached yet; going on without", why=str(error))
    return store


def store_credentials(settings: Settings) -> tuple[str | None, str | None]:
    """User and password of the telemetry store, as its references tell now."""
    try:
        return (
            resolve(settings.store_user) if settings.store_user else None,
            resolve(settings.store_password) if settings.store_password else None,
        )
    except SecretError as error:
        raise UserError(f"the telemetry store's credentials: {error}") from None


def open_spool(settings: Settings) -> Spool:
    """The spool in the data folder, which one process owns."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return Spool(settings.spool_path, settings.spool_mb << 20)
    except SpoolLockedError as error:
        raise UserError(
            f"{error}; another collector runs on {settings.data}: stop it, or name another --data"
        ) from None
    except OSError as error:
        raise UserError(f"the spool in {settings.spool_path} cannot be used: {error.strerror or error}") from None


def open_ledger(settings: Settings) -> Ledger:
    """The ledger, migrated."""
    try:
        Path(settings.data).mkdir(parents=True, exist_ok=True)
        return Ledger.open(settings.ledger_url, Rules.load(settings.rules))
    except LedgerError as error:
        raise UserError(f"the ledger: {error}") from None
    except OSError as error:
        raise UserError(f"the data folder {settings.data} cannot be used: {error.strerror or error}") from None


def open_tokens(settings: Settings) -> TokenStore:
    """The tokens in the data folder."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return TokenStore(settings.tokens_path)
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{settings.tokens_path} cannot be used: {error.strerror or error}") from None
