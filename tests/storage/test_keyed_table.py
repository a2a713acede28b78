"""The embedded store's tables: whatever is appended, compacted or merged in between, the later value is read."""

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from plant.batch import TIME
from storage.embedded import encoding, keyed_table, levels
from storage.embedded.duck import Duck
from storage.embedded.keyed_table import FIELDS_WIN, ROWS_WIN, KeyedTable, Rules
from storage.errors import StoreCorruptedError
from storage.keyed import by_key
from storage.windows import microseconds

NOW = datetime(2026, 5, 20, tzinfo=UTC)
SCHEMA = pa.schema(
    [("line_id", pa.string()), ("time", TIME), ("seq", pa.int64()), ("a", pa.float32()), ("b", pa.string())]
)
Row = tuple[str, datetime, int | None, str | None]


def table_of(rows: list[Row]) -> pa.Table:
    line, time, a, b = zip(*rows, strict=True)
    table = pa.table(
        {
            "line_id": pa.array(line),
            "time": pa.array(time, TIME),
            "a": pa.array(a, pa.float32()),
            "b": pa.array(b, pa.string()),
        }
    )
    return by_key(table)[0]


def rows_at(chance: random.Random) -> dict[tuple[str, datetime], tuple[int | None, str | None]]:
    """Up to twenty rows of a few lines in the last weeks, some of the same moments again and again."""
    rows = {}
    for _ in range(chance.randrange(1, 20)):
        key = (chance.choice("ABCD"), NOW - timedelta(hours=chance.choice([0, 1, 30, 90, 200, 600, 900])))
        rows[key] = (
            chance.choice([None, chance.randrange(1000)]),
            chance.choice([None, f"w{chance.randrange(1000)}"]),
        )
    return rows


@pytest.fixture
def cursor(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    return Duck(tmp_path / "spill")._database.cursor()


@pytest.mark.parametrize("rules", [FIELDS_WIN, ROWS_WIN])
@pytest.mark.parametrize("seed", range(6))
def test_compaction_at_any_moment_changes_nothing_that_is_read(
    tmp_path: Path, cursor: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, rules: Rules, seed: int
) -> None:
    monkeypatch.setattr(keyed_table, "MANY_RECENT", 2)
    monkeypatch.setattr(keyed_table, "ROWS_PER_FILE", 7)
    monkeypatch.setattr(keyed_table, "MANY_SMALL", 3)
    monkeypatch.setattr(levels, "FEWEST", 1)
    monkeypatch.setattr(encoding, "ROWS_PER_GROUP", dict.fromkeys(encoding.Form, 3))
    chance = random.Random(seed)
    table = KeyedTable(tmp_path / "table", SCHEMA, rules)
    table.log.create()
    expected: dict[tuple[str, datetime], tuple[int | None, str | None]] = {}
    now = NOW - timedelta(days=5)
    settled = 0
    for _ in range(40):
        rows = rows_at(chance)
        table.append(table_of([(*key, *values) for key, values in rows.items()]))
        for key, (a, b) in rows.items():
            old_a, old_b = expected.get(key, (None, None))
            whole = rules is ROWS_WIN
            expected[key] = (a if a is not None or whole else old_a, b if b is not None or whole else old_b)
        if chance.random() < 0.5:
            table.gather(settled)
        if chance.random() < 0.3:
            now += timedelta(days=chance.choice([0, 1, 1, -1]))  # clocks are set back, too
            newest = table.log.snapshot().newest_seq
            settled = chance.randint(settled, newest)
            table.compact(cursor, now, settled)
        read = table.read(cursor, table.log.snapshot().files, ["a", "b"])
        assert read.to_pylist() == [
            {"line_id": line, "time": at, "a": a, "b": b} for (line, at), (a, b) in sorted(expected.items())
        ]
        line = chance.choice("ABCDE")
        since, until = sorted(microseconds(NOW - timedelta(hours=chance.randrange(1000))) for _ in range(2))
        of_line = table.read_line(threading.Event(), line, ["b", "a"], since, until)
        assert of_line.to_pylist() == [
            {"line_id": line, "time": at, "b": b, "a": a}
            for (one, at), (a, b) in sorted(expected.items())
            if one == line and since <= microseconds(at) < until
        ]
    assert len(table.log.snapshot().files) < 60


def test_a_thousand_deliveries_between_two_compactions_are_few_files(tmp_path: Path) -> None:
    table = KeyedTable(tmp_path / "table", SCHEMA, FIELDS_WIN)
    table.log.create()
    most = written = 0
    for n in range(150):
        table.append(table_of([(f"L{n % 7}{m}", NOW + timedelta(minutes=n), n, None) for m in range(5)]))
        if table.gather(0):
            written += table.log.snapshot().files[-1].rows
        most = max(most, len(table.log.snapshot().files))
    assert most < 24
    assert written < 8 * 150 * 5
    assert sum(f.rows for f in table.log.snapshot().files) == 150 * 5


def test_a_line_is_found_in_few_of_many_files(tmp_path: Path, cursor: duckdb.DuckDBPyConnection) -> None:
    table = KeyedTable(tmp_path / "table", SCHEMA, FIELDS_WIN)
    table.log.create()
    for n in range(40):
        at = NOW - timedelta(hours=n)
        table.append(table_of([(f"L{n:02d}{m}", at, n, None) for m in range(5)]))
    assert len(table.log.snapshot().holding(lines=("L070", "L070"))) == 1
    assert len(table.log.snapshot().holding(start=int(NOW.timestamp()) * 1_000_000)) == 1


def test_a_column_gained_later_is_null_in_what_was_written_before(
    tmp_path: Path, cursor: duckdb.DuckDBPyConnection
) -> None:
    before = KeyedTable(tmp_path / "table", SCHEMA, FIELDS_WIN)
    before.log.create()
    before.append(table_of([("A", NOW, 1, "x")]))
    after = KeyedTable(tmp_path / "table", SCHEMA.append(pa.field("c", pa.float32())), FIELDS_WIN)
    after.log.create()
    assert after.read(cursor, after.log.snapshot().files, ["a", "c"])["c"].to_pylist() == [None]
    grown = table_of([("B", NOW, 2, "y")]).append_column("c", pa.array([1.5], pa.float32()))
    after.append(grown)
    assert after.read(cursor, after.log.snapshot().files, ["c"])["c"].to_pylist() == [None, 1.5]


def test_one_bit_that_turned_is_noticed_wherever_it_is(tmp_path: Path, cursor: duckdb.DuckDBPyConnection) -> None:
    table = KeyedTable(tmp_path / "table", SCHEMA, FIELDS_WIN)
    table.log.create()
    table.append(table_of([(f"L{n}", NOW, n, "word") for n in range(100)]))
    (file,) = table.log.snapshot().files
    path = table.log.folder / file.name
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(StoreCorruptedError, match=file.name):
            table.read(cursor, [file], ["a"])
    path.write_bytes(content)
    assert table.read(cursor, [file], ["a"]).num_rows == 100


def test_what_a_killed_writer_left_uncommitted_is_written_over(
    tmp_path: Path, cursor: duckdb.DuckDBPyConnection
) -> None:
    table = KeyedTable(tmp_path / "table", SCHEMA, FIELDS_WIN)
    table.log.create()
    rows = table_of([("A", NOW, 1, "x")])
    table.append(rows)
    (file,) = table.log.snapshot().files
    fresh = KeyedTable(tmp_path / "other", SCHEMA, FIELDS_WIN)
    fresh.log.create()
    (fresh.log.folder / file.name).write_bytes(b"half of")
    fresh.append(rows)
    assert fresh.read(cursor, fresh.log.snapshot().files, ["a"])["a"].to_pylist() == [1]
