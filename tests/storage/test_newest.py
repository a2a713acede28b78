"""The newest value of each field, whichever files bring it and in whatever order lines come."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.batch import TIME
from storage.embedded import newest
from storage.embedded.latest import newest_of
from storage.embedded.newest import Newest, places
from storage.keyed import by_key

START = datetime(2026, 5, 4, tzinfo=UTC)
IDS = [f"L{n}" for n in range(30)] + ["pon:D/1", "线路/1", "𝄞"]  # the order of bytes, not that of UTF-16
VALUES = {"rx_dbm": st.sampled_from([-20.0, -21.5]), "state": st.sampled_from(["up", "los"])}
READING = st.fixed_dictionaries({n: st.none() | v for n, v in VALUES.items()})
FILES = st.lists(st.dictionaries(st.tuples(st.sampled_from(IDS), st.integers(0, 3)), READING, max_size=40), max_size=5)
Readings = dict[tuple[str, int], dict[str, object]]


def file_of(readings: Readings) -> pa.Table:
    columns = {
        "line_id": pa.array([line for line, _ in readings], pa.string()),
        "time": pa.array([START + timedelta(hours=h) for _, h in readings], TIME),
        "rx_dbm": pa.array([r["rx_dbm"] for r in readings.values()], pa.float32()),
        "state": pa.array([r["state"] for r in readings.values()], pa.string()),
    }
    return newest_of(by_key(pa.table(columns))[0], list(VALUES))


@settings(deadline=None)
@given(FILES, FILES)
def test_of_each_field_the_newest_stands_and_of_one_moment_what_came_last(
    first: list[Readings], then: list[Readings]
) -> None:
    told = Newest(file_of({}), list(VALUES))
    told.take([file_of(f) for f in first])
    again = Newest(told.table(), list(VALUES))
    again.take([file_of(f) for f in then])
    expected: dict[str, dict[str, tuple[int, object]]] = {}
    for readings in [*first, *then]:
        for (line, hour), reading in sorted(readings.items()):
            of_line = expected.setdefault(line, {})
            for name, value in reading.items():
                if value is not None and hour >= of_line.get(name, (-1, None))[0]:
                    of_line[name] = (hour, value)
    rows = again.table().to_pylist()
    assert [r["line_id"] for r in rows] == sorted(expected, key=str.encode)
    for row in rows:
        for name in VALUES:
            hour, value = expected[row["line_id"]].get(name, (-1, None))
            assert row[name] == value
            assert row[f"{name}_time"] == (None if hour < 0 else START + timedelta(hours=hour))


@pytest.mark.parametrize("ragged", [64, 0])
@settings(deadline=None)
@given(ids=st.sets(st.integers(0, 400)), wanted=st.sets(st.integers(0, 400)))
def test_lines_are_found_in_runs_and_one_by_one(ragged: int, ids: set[int], wanted: set[int]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(newest, "RAGGED", ragged)
        patched.setattr(newest, "STRETCH", 16)
        there, asked = (sorted(f"{n}" for n in numbers) for numbers in (ids, wanted))
        found = places(pa.array(there, pa.string()), pa.array(asked, pa.string()))
    assert found.tolist() == [there.index(i) if i in there else -1 for i in asked]
