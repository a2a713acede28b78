"""The inventory as the rest of the house sees it: areas, devices, brokers, trap listeners, lines, targets, calendar.

Loading and checking `devices.yaml` and the lines files is in plant/loading.py and plant/checking.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pyarrow as pa

from plant.quiet import QuietHours
from plant.works import Work

DeviceKind = Literal["olt", "cmts", "node", "ont"]
MqttProtocol = Literal["3.1.1", "5"]
PayloadForm = Literal["auto", "lightline", "tr181", "usp"]

# Columns of a lines file, with their type in memory. The first four are required; others are null where not known.
LINE_SCHEMA = pa.schema(
    [
        ("line_id", pa.string()),
        ("device", pa.string()),
        ("pon", pa.string()),  # as the profile writes it, e.g. "0/1/7"
        ("ont_serial", pa.string()),
        ("ont_index", pa.int32()),
        ("splitter1", pa.string()),
        ("splitter2", pa.string()),
        ("grid", pa.string()),
        ("technology", pa.string()),  # gpon | xgspon | epon | 10gepon | coax
        ("sold_mbps", pa.int32()),
        ("installed", pa.date32()),
        ("retrofitted", pa.date32()),  # the day an old line was replaced; optional
        ("distance_m", pa.float32()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("customer_ref", pa.string()),
        ("important", pa.bool_()),  # a hospital, a school, an office: its troubles are graded higher
    ]
)


@dataclass(frozen=True)
class Grid:
    id: str
    name: str
    engineer: str | None = None


@dataclass(frozen=True)
class Area:
    id: str
    name: str
    department: str
    grids: tuple[Grid, ...] = ()
    crews: tuple[str, ...] = ()


@dataclass(frozen=True)
class Device:
    """`community` and the v3 secrets are references (`env:NAME`, `file:PATH`), resolved when the device is asked."""

    id: str
    host: str
    kind: DeviceKind
    area: str
    port: int = 161
    profile: str = "auto"
    version: Literal["1", "2c", "3"] = "2c"
    credentials: Mapping[str, str] = field(default_factory=dict)
    cadence_s: Mapping[str, float] = field(default_factory=dict)  # tier → seconds
    pon_class: str | None = None
    trap_address: tuple[str, ...] = ()  # where its traps come from, if not from `host`
    engine_id: str | None = None  # of its SNMPv3 engine, as hexadecimal digits: tells its traps behind any address
    quiet: QuietHours | None = None  # hours in which its optics and names are left alone


@dataclass(frozen=True)
class UspController:
    """Us as a USP controller (TR-369): who we are to the agents, and how gently they are asked."""

    endpoint_id: str
    every_s: float = 3600.0  # each agent is asked once in this time, and after it started
    gets_per_s: float = 20.0  # to all agents of the broker together


@dataclass(frozen=True)
class Broker:
    """`topic` is a filter, or with the payload `usp` the controller's own topic. Credentials and PEM files are
    references (`env:NAME`, `file:PATH`), resolved when the connection is made."""

    id: str
    host: str
    port: int = 1883
    topic: str = "lightline/ont/+/reading"
    tls: bool = False
    credentials: Mapping[str, str] = field(default_factory=dict)  # username, password
    protocol: MqttProtocol = "3.1.1"
    share: str | None = None  # the group of collectors that share the messages of this topic
    payload: PayloadForm = "auto"
    ca: str | None = None  # who signed the broker's certificate, where the system's authorities did not
    certificate: str | None = None
    key: str | None = None
    usp: UspController | None = None


@dataclass(frozen=True)
class TrapListener:
    """A UDP port where devices send traps and informs. Without credentials each device must show its own."""

    id: str
    host: str
    port: int = 162
    credentials: Mapping[str, str] = field(default_factory=dict)  # community; user, auth, auth_key, priv, priv_key
    rules: tuple[str, ...] = ()  # files with rules for traps whose numbers are not public


@dataclass(frozen=True)
class LinesFile:
    """A lines file and its columns, in their order: what a row that is added to it looks like."""

    path: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class YearTarget:
    """A year's plan. `covered` maps "YYYY-MM" to homes newly reached in that month, where reported."""

    year: int
    covered_hosts: int | None = None
    retrofit_lines: int | None = None
    covered: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """Local changes to the national working calendar."""

    zone: str = "Asia/Shanghai"
    holidays: tuple[date, ...] = ()
    working_days: tuple[date, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """Everything `devices.yaml` says, checked. `lines` is a table of LINE_SCHEMA, one row a line.

    `files`: by device the lines file that most of its lines stand in.

    `simulated` is true when the plant is not real: every page says so.
    """

    areas: Mapping[str, Area]
    devices: Mapping[str, Device]
    brokers: tuple[Broker, ...]
    lines: pa.Table
    targets: Mapping[int, YearTarget]
    calendar: Calendar
    simulated: bool = False
    traps: tuple[TrapListener, ...] = ()
    works: tuple[Work, ...] = ()
    files: Mapping[str, LinesFile] = field(default_factory=dict)
