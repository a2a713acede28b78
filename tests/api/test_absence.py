"""Why figures are missing is read for all lines at once: in full now and then, in between what was told since."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from api.absence import LATE, TOLD_FOR, Listening, Reasons, Told
from plant.batch import TIME, Reason

NOW = datetime(2026, 11, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = tuple[str, str, datetime]


def table(rows: Sequence[Row]) -> pa.Table:
    ids, words, times = zip(*sorted(rows, key=lambda row: (row[0], row[2])), strict=True) if rows else ((), (), ())
    return pa.table({"line_id": pa.array(ids, pa.string()), "quality": pa.array(words, pa.string()),
                     "time": pa.array(times, TIME)})  # fmt: skip


class Store:
    """Tells what it holds between two moments, and remembers from when it was asked."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.asked: list[datetime] = []

    async def reasons(self, start: datetime, end: datetime) -> pa.Table:
        self.asked.append(start)
        return table([row for row in self.rows if start <= row[2] < end])


def test_of_each_field_the_newest_reason_is_told_and_only_the_subjects_own() -> None:
    reasons = Reasons(
        table(
            [
                ("L1", "rx_dbm:sentinel", NOW - 2 * HOUR), ("L1", "rx_dbm:stale,tx_dbm:no_such_reason", NOW - HOUR),
                ("L1", "temp_c:no_answer", NOW - 3 * HOUR), ("L10", "bias_ma:stale", NOW), ("L0", "", NOW),
            ]
        )
    )  # fmt: skip
    assert reasons.told("L1") == {
        "rx_dbm": Told(Reason.STALE, NOW - HOUR), "temp_c": Told(Reason.NO_ANSWER, NOW - 3 * HOUR),
    }  # fmt: skip
    assert list(reasons.told("L10")) == ["bias_ma"]
    assert reasons.told("L0") == reasons.told("L") == reasons.told("L2") == Reasons().told("L1") == {}


async def test_after_the_whole_only_what_was_told_since_is_read_and_what_was_known_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, listening = Store(), Listening()
    store.rows = [("L1", "rx_dbm:sentinel", NOW - 2 * HOUR), ("L2", "rx_dbm:stale", NOW - 20 * HOUR)]
    first = await listening.read(store, NOW)  # type: ignore[arg-type]
    later = NOW + timedelta(minutes=1)
    store.rows += [("L1", "rx_dbm:sentinel", later), ("L3", "tx_dbm:stale", NOW - LATE + timedelta(minutes=1))]
    second = await listening.read(store, later)  # type: ignore[arg-type]
    assert first.told("L1")["rx_dbm"].at == NOW - 2 * HOUR
    assert second.told("L1") == {"rx_dbm": Told(Reason.SENTINEL, later)}
    assert second.told("L2")["rx_dbm"].at == NOW - 20 * HOUR
    assert second.told("L3")["tx_dbm"].reason is Reason.STALE
    soon = timedelta(microseconds=1)
    assert store.asked == [NOW + soon - TOLD_FOR, NOW + soon - LATE]
    monkeypatch.setattr("api.absence.WHOLE_EVERY_S", 0.0)
    store.rows = []
    assert (await listening.read(store, later)).table.num_rows == 0  # type: ignore[arg-type]
