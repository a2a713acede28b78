"""What the front door hands to the API: the other rooms, opened, and the settings of the page."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.people.directory import DirectorySettings
from api.people.people import People
from api.roles import Role
from api.schemas.settings import ToldSetting
from api.tokens import TokenStore
from collector.asks import CollectorAwayError, DeviceLook, LineAnswer
from collector.status import CollectorStatus
from maintenance.ledger import Ledger
from plant.following import FollowedLog
from plant.inventory import Inventory
from plant.problems import Problem
from storage.protocol import TelemetryStore


def utc_now() -> datetime:
    return datetime.now(UTC)


async def no_collector(line_id: str) -> LineAnswer:
    """Where the service was not told of a collector to ask."""
    raise CollectorAwayError("this service was started without a collector to ask")


async def no_look(device_id: str) -> DeviceLook:
    """As `no_collector`, for a device."""
    raise CollectorAwayError("this service was started without a collector to ask")


def loopback_names(*others: str) -> frozenset[str]:
    """The host names a service on loopback is asked by, and others."""
    return frozenset({"localhost", "127.0.0.1", "::1", *(name.lower() for name in others)})


@dataclass(frozen=True)
class ApiSettings:
    """`allowed_hosts`: names a request may be addressed to. `console`: folder of the built console, None without one.

    `session_hours` is the longest a browser stays signed in, `idle` the longest without a request. Roles in
    `second_factor` must have one. `rate_per_s` and `rate_burst`: requests of one token or user; 0: no limit.
    `directory`: where users of the operator's directory sign in. `stream_s`: seconds after which a stream of events
    ends, and its reader comes again. `refresh_s`: seconds that the figures of all lines may lag behind the store.
    `max_body`: bytes a request may bring, `max_photo`
    one with a photo. `photos`: folder of the photos, None where none are kept.
    """

    version: str
    allowed_hosts: frozenset[str] = field(default_factory=loopback_names)
    console: Path | None = None
    refresh_s: float = 10.0
    max_body: int = 64 * 1024
    max_photo: int = 12 << 20
    photos: Path | None = None
    session_hours: float = 12.0
    idle: timedelta = timedelta(hours=2)
    second_factor: frozenset[Role] = frozenset({"admin"})
    rate_per_s: float = 0.0
    rate_burst: float = 500.0
    directory: DirectorySettings | None = None
    stream_s: float = 900.0


@dataclass(frozen=True)
class Parts:
    """Opened parts; whoever opened them closes them.

    `inventory` is asked again at each refresh, so it may reload: the same object as long as nothing changed, the last
    good one where a new one has errors. It is called in threads.

    `collector_status` gives the collector's last snapshot, None when no collector ever ran here; it may raise
    ValueError for a snapshot of another version. It is called in a thread.

    `plant_log` holds what devices showed of swaps and moves.

    `ask_line` has the running collector ask for one line, `look_at` read a device's states soon; both may raise
    CollectorAwayError, TimeoutError and ValueError.

    `suggestions` and `corrections`: the files of splitters that the lines tell and of what people decided of them
    (plant.suggested, plant.corrections); None where none are kept. Who gives `inventory` applies the corrections.

    `told_settings`: the settings in force. `examine`: what is wrong with the inventory as its files are now, called in
    a thread. `rules`: folder of the operator's own rules, None where none is named.
    """

    inventory: Callable[[], Inventory]
    store: TelemetryStore
    ledger: Ledger
    tokens: TokenStore
    collector_status: Callable[[], CollectorStatus | None]
    settings: ApiSettings
    clock: Callable[[], datetime] = utc_now
    ask_line: Callable[[str], Awaitable[LineAnswer]] = no_collector
    look_at: Callable[[str], Awaitable[DeviceLook]] = no_look
    plant_log: FollowedLog = field(default_factory=FollowedLog)
    suggestions: Path | None = None
    corrections: Path | None = None
    told_settings: Callable[[], Sequence[ToldSetting]] = tuple
    examine: Callable[[], Sequence[Problem]] = tuple
    rules: Path | None = None

    @property
    def people(self) -> People:
        """Users, their sessions, failures and the audit: in the file of the tokens."""
        return self.tokens.people
