"""The world of the ledger's tests: a small plant, findings in it, and both databases for real."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from maintenance.ledger import Judgement, Ledger, Ticket
from plant.finding import Cause, Figure, Finding, Forecast
from plant.inventory import LINE_SCHEMA, Area, Calendar, Device, Grid, Inventory
from plant.place import Place
from tests.parts import free_port, missing

NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # a Monday, 10:00 in Shanghai


@pytest.fixture
def inventory() -> Inventory:
    return a_small_plant()


def a_small_plant() -> Inventory:
    """Two areas; OLT1 with 2 PON ports of 16 lines, OLT2 with one; grid g3 has no engineer."""
    rows = [
        {
            "line_id": f"{device}-{pon}-{n}", "device": device, "pon": f"0/{pon}", "ont_serial": f"S{device}{pon}{n}",
            "splitter1": f"SP-{device}-{pon}", "splitter2": f"SP-{device}-{pon}-{n // 8}", "grid": grid,
            "technology": "gpon",
        }
        for device, pon, grid in (("OLT1", 1, "g1"), ("OLT1", 2, "g2"), ("OLT2", 1, "g3"))
        for n in range(16)
    ]  # fmt: skip
    return Inventory(
        areas={
            "east": Area("east", "东区", "East maintenance", (Grid("g1", "One", "Li Lei"), Grid("g2", "Two", "Han"))),
            "west": Area("west", "西区", "West maintenance", (Grid("g3", "Three"),)),
        },
        devices={
            "OLT1": Device("OLT1", "127.0.0.1", "olt", "east"),
            "OLT2": Device("OLT2", "127.0.0.1", "olt", "west"),
        },
        brokers=(),
        lines=pa.Table.from_pylist(rows, schema=LINE_SCHEMA),
        targets={},
        calendar=Calendar(),
    )


def lines_of(device: str, pon: int, count: int = 16) -> tuple[str, ...]:
    return tuple(f"{device}-{pon}-{n}" for n in range(count))


def finding(
    place: str = "line:OLT1-1-3",
    lines: tuple[str, ...] | None = None,
    cause: Cause = "connector",
    *,
    onset: date = date(2026, 10, 28),
    rx_dbm: float = -24.0,
    days: float | None = 40,
    score: float = 2.0,
) -> Finding:
    """A finding; by default one line that will be weak in 40 days."""
    parsed = Place.parse(place)
    return Finding(
        place=parsed,
        lines=(parsed.id,) if lines is None and parsed.kind == "line" else lines or (),
        cause=cause,
        probability=0.8,
        onset=onset,
        score=score,
        evidence={"rx_now": Figure(rx_dbm, "dBm")},
        forecast=None if days is None else Forecast(-27, days / 2, days, days * 2),
    )


def judgement(ticket_resolved_at: datetime | None, verdict: str) -> Judgement:
    assert ticket_resolved_at is not None
    return Judgement(
        verdict=verdict, resolved_at=ticket_resolved_at, readings_since=30, hours=30, needed_hours=24, lines=1,
        lines_read=1, lines_held=int(verdict == "held"), reasons=("as the test says",),
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A real PostgreSQL server on loopback, as another user than root; its address without a database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if Path("/usr/lib/postgresql").is_dir() else []
    initdb = found[-1] if found else (Path(p) if (p := shutil.which("initdb")) else None)
    if initdb is None:
        missing("PostgreSQL's initdb", "on Debian: apt-get install postgresql")
    assert initdb is not None
    folder = Path(tempfile.mkdtemp(prefix="lightline-pg-"))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            shutil.rmtree(folder)
            missing("the user postgres", "it refuses to run as root; on Debian: apt-get install postgresql")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, port = folder / "data", free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_user}
    subprocess.run([initdb, "-D", data, "-U", "ledger", "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **quiet)
    server = subprocess.Popen(
        [initdb.with_name("postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c",
         f"unix_socket_directories={folder}", "-c", "fsync=off"],
        **quiet,
    )  # fmt: skip
    address = f"postgresql://ledger@127.0.0.1:{port}"
    try:
        for _ in range(300):
            with suppress(psycopg.OperationalError), psycopg.connect(f"{address}/postgres"):
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.sqlite'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    yield f"{server}/{name}"


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with Ledger.open(database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened


def resolve(ledger: Ledger, ticket_id: int, at: datetime = NOW + timedelta(hours=5)) -> Ticket:
    """Assigned if need be, then resolved."""
    ticket = ledger.ticket(ticket_id)
    if ticket.state in ("open", "reopened"):
        ticket = ledger.act(
            ticket_id, "assign", actor="dora", role="dispatcher", now=at, version=ticket.version, engineer="Li Lei"
        )
    return ledger.act(
        ticket_id, "resolve", actor="Li Lei", role="technician", now=at, version=ticket.version,
        cause_code="connector", action_code="cleaned_connector",
    )  # fmt: skip
