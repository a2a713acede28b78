"""What the overview shows beside the figures of now: their last days, and what changed."""

from typing import Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Answer, Moment, Query, Standing, example
from maintenance.ticket import Grade

LONGEST = 14  # days
MOST_CHANGES = 200

_DAY = {
    "day": "2026-11-01", "total": 1000, "up": 988, "good": 930, "not_good": 58, "good_rate": 0.9413, "at_risk": 21,
    "unfinished": 14, "late": 1, "devices": 12, "devices_read": 12,
}  # fmt: skip


class HistoryQuery(Query):
    days: int = Field(default=7, ge=2, le=LONGEST, description="How many, today among them.")


class DayOfHealth(Answer):
    """The figures as a day ended; of today as they are now. Null where nothing was read that day."""

    model_config = example(**_DAY)

    day: str = Field(description="In the operator's zone.")
    total: int = Field(description="Lines of the inventory as it is now, and strangers.")
    up: int | None = Field(description="Lines whose last state of the day was up.")
    good: int | None
    not_good: int | None
    good_rate: float | None = Field(description="By the day's medians, last states and lost codewords; see /coverage.")
    at_risk: int = Field(description="Lines hit by tickets that were unfinished as the day ended.")
    unfinished: int
    late: int = Field(description="Tickets past their deadline as the day ended.")
    devices: int
    devices_read: int | None = Field(description="Devices of which any line was read that day.")


class HealthHistory(Standing):
    model_config = example(
        as_of="2026-11-02T02:00:05Z", store_down_since=None, zone="Asia/Shanghai", since="2026-11-01", days=[_DAY]
    )

    zone: str
    since: str | None = Field(description="The first of these days of which there are readings.")
    days: list[DayOfHealth] = Field(description="Oldest first, today last.")


ChangeKind = Literal[
    "common_cause", "finding", "raised", "silent", "swap", "move", "removal", "unknown_ont", "repaired"
]

_CHANGE = {
    "kind": "common_cause", "at": "2026-11-02T01:00:00Z", "place": "pon:GZ-OLT-01/0/1/3", "area": "tianhe",
    "cause": "feeder", "lines": 32, "ticket": 12, "grade": None, "was": None, "now": None,
}  # fmt: skip


class RecentQuery(Query):
    since: Moment | None = Field(default=None, description="A day ago if not given, thirty days ago at the most.")
    limit: int = Field(default=20, ge=1, le=MOST_CHANGES, description="Of each kind at most so many, newest first.")


class RecentChange(Answer):
    """Something that changed, with what leads to it."""

    model_config = example(**_CHANGE)

    kind: ChangeKind = Field(
        description="common_cause and finding: found by the analyzer, of several lines and of one. raised: a ticket "
        "became P1 or P2. silent: a device stopped answering. swap, move, removal, unknown_ont: as devices showed. "
        "repaired: new readings confirmed a repair."
    )
    at: AwareDatetime
    place: str = Field(description="kind:id, as in line:GZ-000017.")
    area: str | None
    cause: str | None
    lines: int | None = Field(description="Lines it hits.")
    ticket: int | None
    grade: Grade | None = Field(description="Of `raised`: what it is now.")
    was: str | None = Field(description="The serial, PON port or grade before.")
    now: str | None = Field(description="The serial, PON port or grade since; of `silent` what is wrong.")


class RecentKind(Answer):
    model_config = example(kind="common_cause", total=1)

    kind: ChangeKind
    total: int


class RecentChanges(Answer):
    """Most telling first: common causes, findings, grades, silent devices, the plant, repairs; newest first in each."""

    model_config = example(
        since="2026-11-01T02:00:00Z", kinds=[{"kind": "common_cause", "total": 1}], changes=[_CHANGE]
    )

    since: AwareDatetime
    kinds: list[RecentKind] = Field(description="How many there are of each kind, also where not all are told.")
    changes: list[RecentChange]
