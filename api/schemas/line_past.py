"""A line's past beside its figures, and its loss part by part."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, Query, Standing, example
from plant.loss_budget import PartKind

LineEventKind = Literal[
    "found", "visit", "repaired", "verified", "failed", "swap", "move", "removal", "works", "storm", "holiday"
]

_EVENT = {
    "kind": "swap", "begins": "2026-10-20T02:00:00Z", "ends": None, "ticket": None, "who": None,
    "was": "HWTC0000A1B2", "now": "HWTC0000C3D4", "why": "",
}  # fmt: skip
_PART = {"kind": "splitter1", "size": 8, "down_db": 10.4, "up_db": 10.4}


class PastQuery(Query):
    days: int = Field(default=90, ge=1, le=400, description="How far back.")


class LineEvent(Answer):
    """Something that may have moved the line's figures. `ends` of what lasts: works, storms, holidays."""

    model_config = example(**_EVENT)

    kind: LineEventKind = Field(
        description="found: a ticket began. visit: somebody came. repaired: told to be repaired. verified, failed: "
        "what new readings said of it. swap, move, removal: as the device showed. works: planned there."
    )
    begins: AwareDatetime
    ends: AwareDatetime | None
    ticket: int | None
    who: str | None = Field(description="Who came or repaired.")
    was: str | None = Field(description="The serial or PON port before.")
    now: str | None = Field(description="The serial or PON port since.")
    why: str = Field(description="Of works and modes: what for. Of a repair: the action's code.")


class OutdoorProxy(Answer):
    """How warm it was: the median of the temperatures of ONTs of the same device, each against its own median."""

    model_config = example(device="GZ-OLT-01", onts=200, days=["2026-11-01"], degrees=[-1.5])

    device: str
    onts: int = Field(description="How many it is the median of.")
    days: list[str]
    degrees: list[float | None] = Field(description="°C from the median of these days; null where too few were read.")


class LinePast(Answer):
    model_config = example(line_id="GZ-000017", since="2026-08-04T02:00:00Z", events=[_EVENT], outdoor=None)

    line_id: str
    since: AwareDatetime
    events: list[LineEvent] = Field(description="Oldest first.")
    outdoor: OutdoorProxy | None = Field(description="Null where too few ONTs tell their temperature.")


class LossPart(Answer):
    model_config = example(**_PART)

    kind: PartKind
    size: float = Field(description="Metres of fibre, legs of a splitter (at least so many), number of connectors.")
    down_db: float
    up_db: float


class LossOfWay(Answer):
    """One direction. `measured_db` is what was sent less what was received."""

    model_config = example(expected_db=17.9, measured_db=24.1, sent_dbm=4.2, received_dbm=-19.9)

    expected_db: float
    measured_db: float | None
    sent_dbm: float | None
    received_dbm: float | None


class LossBudget(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, line_id="GZ-000017", parts=[_PART],
        down={"expected_db": 17.9, "measured_db": 24.1, "sent_dbm": 4.2, "received_dbm": -19.9},
        up={"expected_db": 18.1, "measured_db": None, "sent_dbm": None, "received_dbm": -21.0},
        missing=["tx_dbm"], tolerance_db=3.0,
    )  # fmt: skip

    line_id: str
    parts: list[LossPart] = Field(description="Expected by planning values (plant/loss_budget.yaml), from OLT to home.")
    down: LossOfWay | None = Field(description="Null for a line that is no fibre of a known class.")
    up: LossOfWay | None
    missing: list[str] = Field(
        description="What is not known: distance_m, splitter1, splitter2, or a power that was not read."
    )
    tolerance_db: float = Field(description="A smaller difference says nothing: receivers are so far off.")
