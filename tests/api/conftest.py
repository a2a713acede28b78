"""The world of the API's tests: a small plant with real readings in a real store, a real ledger and real tokens."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from api.app import create_app
from api.cookies import COOKIE
from api.parts import ApiSettings, Parts
from api.people import totp
from api.people.sessions import Visitor, Way
from api.tokens import TokenStore
from collector.asks import DeviceLook, LineAnswer
from collector.status import CollectorStatus, read_status
from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.finding import Figure, Finding, Forecast
from plant.inventory import LINE_SCHEMA, Area, Calendar, Device, Grid, Inventory, YearTarget
from plant.place import Place
from storage.opening import open_store
from storage.protocol import TelemetryStore
from tests.clock import Clock

NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai
BASE = "http://127.0.0.1"
V1 = "/api/v1"


def make_inventory() -> Inventory:
    """East: OLT1 with 2 PON ports of 8 lines behind 2 splitters each. West: OLT2 with 4 lines. One coax line."""
    rows = [
        {
            "line_id": f"{device}-{pon}-{n}", "device": device, "pon": f"0/{pon}",
            "ont_serial": f"HWTC{device}{pon}{n}",
            "ont_index": n, "splitter1": "S1", "splitter2": f"S1-{n // 4}", "grid": grid, "technology": "gpon",
            "sold_mbps": 1000, "installed": date(2021, 3, 14), "customer_ref": f"客户{device}{pon}{n}",
            "retrofitted": date(2026, 1 + n % 4, 10) if device == "OLT2" else None,
            "lat": 23.13012 + n / 100 if pon == 1 and device == "OLT1" else None,
            "lon": 113.36049 + n % 2 / 50 if pon == 1 and device == "OLT1" else None,
        }
        for device, pon, grid, count in (("OLT1", 1, "g1", 8), ("OLT1", 2, "g2", 8), ("OLT2", 1, "g3", 4))
        for n in range(count)
    ]  # fmt: skip
    rows.append({"line_id": "coax/g3/1", "grid": "g3", "technology": "coax", "ont_serial": "CM1"})
    return Inventory(
        areas={
            "east": Area("east", "东区", "East maintenance", (Grid("g1", "One", "Li Lei"), Grid("g2", "Two", "Han"))),
            "west": Area("west", "西区", "West maintenance", (Grid("g3", "Three"),)),
        },
        devices={
            "OLT1": Device("OLT1", "127.0.0.1", "olt", "east"),
            "OLT2": Device("OLT2", "127.0.0.1", "olt", "west", pon_class="gpon_c+"),
        },
        brokers=(),
        lines=pa.Table.from_pylist(rows, schema=LINE_SCHEMA),
        targets={2026: YearTarget(2026, 1000, 100, {"2026-01": 90, "2026-02": 80, "2026-03": 70})},
        calendar=Calendar(),
        simulated=True,
    )


def readings() -> list[Batch]:
    """Two hours of readings. OLT1-1-3 is weak, OLT1-1-5 dark, OLT1-2-7 never read, one ONT is in no file."""
    batches = []
    for hour in (2, 1):
        at = NOW - timedelta(hours=hour)
        ids = [i for i in make_inventory().lines["line_id"].to_pylist() if i.startswith("OLT1") and i != "OLT1-2-7"]
        down = [i == "OLT1-1-5" for i in ids]
        rx = [None if d else -28.3 if i == "OLT1-1-3" else -18.0 - len(i) % 5 for i, d in zip(ids, down, strict=True)]
        batches.append(
            Batch.of(
                "OLT1", "optics", at, [*ids, "OLT1/0/1/77"],
                {
                    "rx_dbm": [*rx, -20.5],
                    "olt_rx_dbm": [*(None if d else -22.0 for d in down), -24.0],
                    "state": [*("los" if d else "up" for d in down), "up"],
                    "ont_serial": [*(f"HWTC{i.replace('-', '')}" for i in ids), "STRANGER"],
                    "fec_uncorrected": [*(5 for _ in ids), 5],
                },
            )
        )  # fmt: skip
        batches.append(
            Batch.of("OLT1", "pon", at, ["pon:OLT1/0/1"], {"pon_tx_dbm": [4.2], "onts_up": [8], "onts_total": [9]})
        )
        west = [f"OLT2-1-{n}" for n in range(4)]
        batches.append(Batch.of("OLT2", "optics", at, west, {"rx_dbm": [-19.0] * 4, "state": ["up"] * 4}))
    return batches


def finding(line: str, rx_dbm: float = -28.3) -> Finding:
    return Finding(
        place=Place("line", line), lines=(line,), cause="connector", probability=0.8, onset=date(2026, 10, 28),
        score=2.0, evidence={"rx_dbm": Figure(rx_dbm, "dBm")}, forecast=Forecast(-27, 10, 20, 40),
    )  # fmt: skip


@dataclass
class World:
    """The service and what it was made of. `client(role)` asks it with a token of that role."""

    parts: Parts
    clock: Clock
    transport: httpx.ASGITransport

    @property
    def tokens(self) -> TokenStore:
        return self.parts.tokens

    def token(self, role: str = "admin", areas: tuple[str, ...] = (), grids: tuple[str, ...] = ()) -> str:
        return self.tokens.create(f"{role}-{'-'.join(areas)}", role, areas=areas, grids=grids, now=self.clock())

    def client(
        self, role: str | None = "admin", areas: tuple[str, ...] = (), grids: tuple[str, ...] = ()
    ) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token(role, areas, grids)}"} if role else {}
        return httpx.AsyncClient(transport=self.transport, base_url=BASE, headers=headers)

    async def get(
        self, path: str, role: str = "admin", areas: tuple[str, ...] = (), grids: tuple[str, ...] = (), **query: object
    ) -> httpx.Response:
        async with self.client(role, areas, grids) as client:
            return await client.get(f"{V1}{path}", params={k: str(v) for k, v in query.items()})

    async def json(
        self, path: str, role: str = "admin", areas: tuple[str, ...] = (), grids: tuple[str, ...] = (), **query: object
    ) -> dict:  # type: ignore[type-arg]
        response = await self.get(path, role, areas, grids, **query)
        assert response.status_code == 200, response.text
        told: dict = response.json()  # type: ignore[type-arg]
        return told


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store and the ledger, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("filled")

    async def fill() -> None:
        opened = await open_store(f"delta:{folder / 'telemetry'}")
        await opened.append(readings())
        await opened.rollup()
        await opened.close()

    asyncio.run(fill())
    with Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger:
        ledger.take([finding("OLT1-1-3"), finding("OLT2-1-0", -26.0)], make_inventory(), NOW - timedelta(hours=1))
    return folder


@pytest.fixture
async def store(tmp_path: Path, filled: Path) -> AsyncIterator[TelemetryStore]:
    shutil.copytree(filled / "telemetry", tmp_path / "telemetry")
    opened = await open_store(f"delta:{tmp_path / 'telemetry'}")
    yield opened
    await opened.close()


@pytest.fixture
def ledger(tmp_path: Path, filled: Path) -> Iterator[Ledger]:
    """Two tickets: one in the east (OLT1-1-3), one in the west (OLT2-1-0)."""
    for file in filled.glob("ledger.sqlite*"):
        shutil.copy(file, tmp_path)
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened


@pytest.fixture
def asked() -> dict[str, LineAnswer]:
    """What the collector says of lines that are asked for, where it is not the usual."""
    return {}


@pytest.fixture
def make_world(tmp_path: Path, clock: Clock, ledger: Ledger, asked: dict[str, LineAnswer]) -> Callable[..., World]:
    inventory = make_inventory()
    tokens = TokenStore(tmp_path / "tokens.sqlite")

    def status() -> CollectorStatus | None:
        return read_status(tmp_path / "collector-status.json")

    async def answers(line_id: str) -> LineAnswer:
        return asked.get(line_id) or LineAnswer(
            "answered", line_id, device="OLT1", time=clock(), readings={"rx_dbm": -21.5, "tx_dbm": None},
            quality={"tx_dbm": "sentinel"}, requests=2, seconds=0.3,
        )  # fmt: skip

    looked: dict[str, datetime] = {}

    async def looks(device: str) -> DeviceLook:
        last, looked[device] = looked.get(device, datetime.min.replace(tzinfo=UTC)), clock()
        if clock() - last < timedelta(seconds=10):
            return DeviceLook("too_soon", device, "asked for a moment ago; again in 10 s", 10)
        return DeviceLook("begun", device)

    def make(store: TelemetryStore, **settings: object) -> World:
        given = replace(ApiSettings(version="0.1.0", refresh_s=0.0, stream_s=0.0), **settings)  # type: ignore[arg-type]
        parts = Parts(lambda: inventory, store, ledger, tokens, status, given, clock, answers, looks)
        app = create_app(parts)
        return World(parts, clock, httpx.ASGITransport(app=app, raise_app_exceptions=True))

    return make


@pytest.fixture
def world(make_world: Callable[..., World], store: TelemetryStore) -> World:
    return make_world(store)


@asynccontextmanager
async def signed_in(world: World, role: str = "admin") -> AsyncIterator[httpx.AsyncClient]:
    """A browser that pasted its token."""
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        response = await client.post(f"{V1}/session", json={"token": world.token(role)})
        assert response.status_code == 200, response.text
        yield client


@asynccontextmanager
async def browser_of(
    world: World,
    role: str = "admin",
    areas: tuple[str, ...] = (),
    grids: tuple[str, ...] = (),
    *,
    way: Way = "password",
) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a user of that role, who signed in a moment ago; with a second factor where the way says so."""
    people, now = world.parts.people, world.clock()
    user = people.users.create(f"{role} {'-'.join((*areas, *grids))}".strip(), role, now, areas=areas, grids=grids)
    if way == "second_factor":
        secret = people.users.begin_second_factor(user.id) or pytest.fail("no second factor was begun")
        code = totp.code(secret, int(now.timestamp()) // 30, 6)
        assert people.users.confirm_second_factor(user.id, code, now, keep=None)
    ends = now + timedelta(hours=12)
    session = people.sessions.open(now, ends, way, Visitor("127.0.0.1", "tests"), user_id=user.id)
    cookies = {COOKIE: session}
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, cookies=cookies) as client:
        yield client
