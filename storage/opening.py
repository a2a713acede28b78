"""Open a telemetry store by its address."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from storage.embedded.store import EmbeddedStore
from storage.influx.client import InfluxClient
from storage.influx.store import InfluxStore
from storage.influx.version2 import Influx2Client
from storage.influx.version3 import Influx3Client
from storage.protocol import MovableStore
from storage.retention import FOR_EVER, Retention

FORMS = "delta:FOLDER, influx1://HOST:PORT/DATABASE, influx2://HOST:PORT/ORG/BUCKET or influx3://HOST:PORT/DATABASE"
WANTED = {"influx1": 1, "influx2": 2, "influx3": 1}  # names in the path; with an "s" behind the kind it is TLS


async def open_store(
    url: str,
    *,
    zone: str = "Asia/Shanghai",
    read_only: bool = False,
    user: str | None = None,
    password: str | None = None,
    retention: Retention = FOR_EVER,
    policies: bool = False,
) -> MovableStore:
    """The store at an address of one of the FORMS; days are days of `zone`.

    `retention` is what the writing process lets go of; an InfluxDB server does it, if its database is begun with
    `policies`. `password` is the token of 2.x and 3. ValueError for an address of another form.
    StoreUnavailableError where a store cannot be reached or is being written by another process.
    """
    if url.startswith("delta:"):
        folder = Path(url.removeprefix("delta:"))
        return await asyncio.to_thread(EmbeddedStore, folder, zone=zone, read_only=read_only, retention=retention)
    client = influx_client(url, user, password)
    try:
        return await InfluxStore.open(client, zone, read_only=read_only, retention=retention, policies=policies)
    except BaseException:
        await client.close()
        raise


def influx_client(url: str, user: str | None, password: str | None) -> InfluxClient:
    """The client of an InfluxDB address; nothing is asked yet. ValueError for an address of another form."""
    parts = urlsplit(url)
    names = [unquote(n) for n in parts.path.strip("/").split("/") if n]
    kind = parts.scheme.removesuffix("s")
    if kind not in WANTED or not parts.hostname or len(names) != WANTED[kind]:
        raise ValueError(f'"{url}" is no store; write {FORMS}')
    if parts.username or parts.password:
        raise ValueError("a store's user and password are settings of their own, by reference, not in the address")
    address = f"{'https' if parts.scheme.endswith('s') else 'http'}://{parts.netloc}"
    if kind == "influx2":
        return Influx2Client(address, names[0], names[1], password)
    if kind == "influx3":
        return Influx3Client(address, names[0], password)
    return InfluxClient(address, names[0], user, password)
