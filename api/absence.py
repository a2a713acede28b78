"""Why a field has no reading, or only an old one: the collector's word for it, else what its age and the state say."""

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from plant.batch import TIME, Reason
from plant.fields import fields
from storage.protocol import TelemetryStore

Absence = Literal[
    "never_read", "not_up", "not_in_last_poll",
    "sentinel", "out_of_range", "unreadable", "no_answer", "stale", "counter_reset",
]  # fmt: skip
TOLD_FOR = timedelta(hours=25)  # so far back the collector's reasons are looked for: the rarest tier is daily
WHOLE_EVERY_S = 300.0
LATE = timedelta(minutes=10)  # a reading may come so much later than it was made; what is later waits for the whole
KNOWN = frozenset(r.value for r in Reason)
SAME_ROUND = timedelta(hours=3)  # tiers differ by an hour or two; what is older was not in the last round


@dataclass(frozen=True)
class Told:
    """The newest reason for one field."""

    reason: Reason
    at: datetime


NONE_TOLD = pa.schema([("line_id", pa.string()), ("quality", pa.string()), ("time", TIME)]).empty_table()


class Reasons:
    """What the collector said of readings that are missing, of all lines and ports, in memory: `line_id`, `quality`
    and `time`, sorted by line and time."""

    def __init__(self, table: pa.Table = NONE_TOLD) -> None:
        self.table = table.combine_chunks()
        self._ids = self.table["line_id"].combine_chunks()

    def told(self, subject: str) -> dict[str, Told]:
        """By field, the newest reason that was given for the subject."""
        told: dict[str, Told] = {}
        rows = range(len(self._ids))
        begin = bisect_left(rows, subject, key=self._subject)
        end = bisect_right(rows, subject, begin, key=self._subject)
        for row in self.table.slice(begin, end - begin).to_pylist():
            for pair in row["quality"].split(","):
                name, _, reason = pair.partition(":")
                if reason in KNOWN:
                    told[name] = Told(Reason(reason), row["time"])  # in order of time: the newest stays
        return told

    def _subject(self, row: int) -> str:
        return str(self._ids[row].as_py())


class Listening:
    """Reads the reasons of the last TOLD_FOR, now and then in full, in between what was told since."""

    def __init__(self) -> None:
        self._kept = NONE_TOLD
        self._until: datetime | None = None
        self._read = float("-inf")

    async def read(self, store: TelemetryStore, now: datetime) -> Reasons:
        """As of `now`. Raises StoreUnavailableError."""
        until = now + timedelta(microseconds=1)
        if self._until is None or time.monotonic() - self._read >= WHOLE_EVERY_S:
            began = time.monotonic()
            kept = await store.reasons(until - TOLD_FOR, until)
            self._read = began
        else:
            fresh = await store.reasons(self._until - LATE, until)
            kept = await asyncio.to_thread(_joined, self._kept, fresh)
        self._kept, self._until = kept, until
        return await asyncio.to_thread(Reasons, kept)


def _joined(kept: pa.Table, fresh: pa.Table) -> pa.Table:
    """Each reason of each line with the last time of both."""
    if not fresh.num_rows:
        return kept
    last = pa.concat_tables([kept, fresh]).group_by(["line_id", "quality"]).aggregate([("time", "max")])
    return last.rename_columns({"time_max": "time"}).sort_by([("line_id", "ascending"), ("time", "ascending")])


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
