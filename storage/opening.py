"""Open a telemetry store by its address."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from storage.embedded.store import EmbeddedStore
from storage.influx.client import InfluxClient
from storage.influx.store import InfluxStore
from storage.protocol import MovableStore
from storage.retention import FOR_EVER, Retention


async def open_store(
    url: str,
    *,
    zone: str = "Asia/Shanghai",
    read_only: bool = False,
    user: str | None = None,
    password: str | None = None,
    retention: Retention = FOR_EVER,
) -> MovableStore:
    """The store at `delta:FOLDER` or `influx1://HOST:PORT/DATABASE`; days are days of `zone`.

    `retention` is what the writing process lets go of. ValueError for an address of another form.
    StoreUnavailableError where a store cannot be reached or is being written by another process.
    """
    if url.startswith("delta:"):
        folder = Path(url.removeprefix("delta:"))
        return await asyncio.to_thread(EmbeddedStore, folder, zone=zone, read_only=read_only, retention=retention)
    parts = urlsplit(url)
    if parts.scheme in ("influx1", "influx1s") and parts.hostname and parts.path.strip("/"):
        if parts.username or parts.password:
            raise ValueError("a store's user and password are settings of their own, by reference, not in the address")
        web = "https" if parts.scheme.endswith("s") else "http"
        client = InfluxClient(f"{web}://{parts.netloc}", parts.path.strip("/"), user, password)
        try:
            return await InfluxStore.open(client, zone, read_only=read_only)
        except BaseException:
            await client.close()
            raise
    raise ValueError(f'"{url}" is no store; write delta:FOLDER or influx1://HOST:PORT/DATABASE')
