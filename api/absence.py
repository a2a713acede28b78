"""Why a field has no reading, or only an old one: the collector's word for it, else what its age and the state say."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from plant.batch import Reason, StoreUnavailableError
from plant.fields import fields
from storage.protocol import TelemetryStore

Absence = Literal[
    "never_read", "not_up", "not_in_last_poll",
    "sentinel", "out_of_range", "unreadable", "no_answer", "stale", "counter_reset",
]  # fmt: skip
TOLD_FOR = timedelta(hours=25)  # so far back the collector's reasons are looked for: the rarest tier is daily
SAME_ROUND = timedelta(hours=3)  # tiers differ by an hour or two; what is older was not in the last round


@dataclass(frozen=True)
class Told:
    """The newest reason for one field."""

    reason: Reason
    at: datetime


Asked = dict[str, "asyncio.Task[dict[str, Told]]"]
"""Reasons by subject, or on their way: as old as the figures they are shown with."""


async def reasons_once(asked: Asked, store: TelemetryStore, subject: str, until: datetime) -> dict[str, Told]:
    """As `reasons_told`; many who look at one line at a time ask the store once."""
    task = asked.get(subject)
    if task is None:
        task = asked[subject] = asyncio.create_task(reasons_told(store, subject, until))
    return await asyncio.shield(task)  # who goes away takes nothing from the others


async def reasons_told(store: TelemetryStore, subject: str, until: datetime) -> dict[str, Told]:
    """By field, the newest reason the collector gave for `subject`; none where the store cannot be asked."""
    try:
        words = await store.series(subject, ["quality"], until - TOLD_FOR, until + timedelta(microseconds=1), "raw")
    except StoreUnavailableError:
        return {}
    told: dict[str, Told] = {}
    known = {r.value for r in Reason}
    for at, text in zip(words["time"].to_pylist(), words["quality"].to_pylist(), strict=True):
        for pair in (text or "").split(","):
            name, _, reason = pair.partition(":")
            if reason in known:
                told[name] = Told(Reason(reason), at)  # in order of time: the newest stays
    return told


def absence(name: str, newest: Mapping[str, Any], last: datetime | None, told: Mapping[str, Told]) -> Absence | None:
    """Why `newest` has no value of the field, or one older than the subject's `last` reading; None when all is well."""
    value, at = newest.get(name), newest.get(f"{name}_time")
    word = told.get(name)
    if word is not None and (at is None or word.at > at):
        return word.reason.value
    if value is None:
        return "never_read"
    if last is None or at is None:
        return None
    if newest.get("state") not in (None, "up") and fields()[name].kind == "gauge" and at < last:
        return "not_up"
    return "not_in_last_poll" if at < last - SAME_ROUND else None
