"""Devices, PON ports, and the collector that asks them."""

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, SparseQuery, Standing, example
from api.schemas.lines import _ROW, LineRow, Reading
from collector.status import DeviceState

Kind = Literal["olt", "cmts", "node", "ont"]
Asked = DeviceState | Literal["not_collected"]

_COUNTS = {"total": 512, "up": 500, "good": 480, "not_good": 20, "no_reading": 12}


class LineCounts(Answer):
    """Lines under a place. good + not_good + no_reading = total."""

    model_config = example(**_COUNTS)

    total: int
    up: int
    good: int
    not_good: int
    no_reading: int


_DEVICE = {
    "id": "GZ-OLT-01", "kind": "olt", "area": "tianhe", "host": "192.0.2.11", "port": 161, "state": "answering",
    "trouble": None, "since": None, "profile": "huawei-gpon", "last_answer": "2026-11-02T02:00:00Z",
    "lines": _COUNTS, "pon_count": 16, "missing": 0, "unknown_count": 1,
}  # fmt: skip


class DevicesQuery(SparseQuery):
    area: str | None = Field(default=None, max_length=200)
    kind: Kind | None = None


class DeviceRow(Answer):
    model_config = example(**_DEVICE)

    id: str
    kind: Kind
    area: str
    host: str
    port: int
    state: Asked = Field(description="What the collector says of it; not_collected: no collector told of it.")
    trouble: str | None = Field(description="In plain words, where there is any.")
    since: AwareDatetime | None = Field(description="Since when it is in trouble.")
    profile: str | None
    last_answer: AwareDatetime | None
    lines: LineCounts
    pon_count: int
    missing: int | None = Field(description="Lines of the inventory that the device does not list.")
    unknown_count: int | None = Field(description="ONTs it lists that no lines file has.")


class DevicesPage(Standing):
    model_config = example(as_of="2026-11-02T02:00:05Z", store_down_since=None, devices=[_DEVICE])

    devices: list[DeviceRow]


class PonRow(Answer):
    model_config = example(device="GZ-OLT-01", pon="0/1/3", lines=_COUNTS, pon_tx_dbm=4.2, onts_up=30, onts_total=32)

    device: str
    pon: str
    lines: LineCounts
    pon_tx_dbm: float | None
    onts_up: int | None
    onts_total: int | None


class DeviceAsked(Answer):
    """The collector reads the device's states next; its page shows them when `last_success` has moved."""

    model_config = example(device="GZ-OLT-01", asked_at="2026-11-02T02:00:00Z")

    device: str
    asked_at: AwareDatetime


class Tier(Answer):
    model_config = example(
        cadence_s=3600, last_attempt="2026-11-02T02:00:00Z", last_success="2026-11-02T02:00:00Z", seconds=4.2,
        requests=96, rows=512, behind_s=0, skipped=None,
    )  # fmt: skip

    cadence_s: float
    last_attempt: AwareDatetime | None
    last_success: AwareDatetime | None
    seconds: float | None = Field(description="The last poll took.")
    requests: int
    rows: int
    behind_s: float
    skipped: str | None


class DevicePage(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, device=_DEVICE, profile_reason="sysObjectID fits",
        tiers={}, notes=[], unknown=["GZ-OLT-01/0/1/3/99"], pons=[],
    )  # fmt: skip

    device: DeviceRow
    profile_reason: str | None
    tiers: dict[str, Tier]
    notes: list[str]
    unknown: list[str] = Field(description="The first ONTs that no lines file has.")
    pons: list[PonRow]


class PonPage(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, device="GZ-OLT-01", pon="0/1/3", area="tianhe",
        readings=[{"field": "pon_tx_dbm", "value": 4.2, "unit": "dBm", "time": "2026-11-02T02:00:00Z", "reason": None}],
        counts=_COUNTS, lines=[_ROW],
    )  # fmt: skip

    device: str
    pon: str
    area: str | None
    readings: list[Reading] = Field(description="The port's module.")
    counts: LineCounts
    lines: list[LineRow] = Field(description="The first 1024 by id: more than any port can have.")


class Margins(Answer):
    """Of the lines below a node, in dB; null where none has a margin."""

    model_config = example(worst_db=-1.3, median_db=6.2)

    worst_db: float | None
    median_db: float | None


class Branch(Answer):
    """A port in the tree. `GET /pons/{device}/{pon}` tells what hangs below it."""

    model_config = example(
        pon="0/1/3", lines=_COUNTS, margins={"worst_db": -1.3, "median_db": 6.2}, splitters=9,
    )  # fmt: skip

    pon: str
    lines: LineCounts
    margins: Margins
    splitters: int = Field(description="Of both stages, as the lines files and accepted suggestions name them.")


_AT_NODE = {
    "ticket": 3, "place": "splitter:GZ-OLT-01/0/1/3/S1", "pon": "0/1/3", "cause": "splitter", "probability": 0.7,
    "grade": "P2", "state": "open", "lines": 8, "overdue": False,
}  # fmt: skip


class NodeTicket(Answer):
    """An unfinished ticket that is placed at a node: the device, a port, a splitter."""

    model_config = example(**_AT_NODE)

    ticket: int
    place: str
    pon: str | None = Field(description="The port it hangs from; null: the device itself.")
    cause: str
    probability: float
    grade: str
    state: str
    lines: int
    overdue: bool


class TreePage(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, device=_DEVICE,
        margins={"worst_db": -1.3, "median_db": 6.2}, ports=[], tickets=[_AT_NODE],
    )  # fmt: skip

    device: DeviceRow
    margins: Margins
    ports: list[Branch] = Field(description="By number.")
    tickets: list[NodeTicket] = Field(description="Common causes, most lines first.")


class CollectorPage(Answer):
    """The collector's last word on itself, as docs/collector.md describes it; `status` null when none ever ran."""

    model_config = example(running=False, written_at=None, status=None)

    running: bool = Field(description="Whether it wrote its status within the last minute.")
    written_at: AwareDatetime | None
    status: dict[str, Any] | None
