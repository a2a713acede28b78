"""History files: every row is taken or reported with its number, whatever is in it."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightline import history
from lightline.history import FileReport, HistoryWriter, read_history
from lightline.problem import UserError

HEADER = "line_id,time,rx_dbm,state,fec_corrected\n"


def read(path: Path) -> tuple[pa.Table | None, FileReport]:
    report = FileReport(path)
    tables = [b.table for b in read_history(path, report)]
    return (pa.concat_tables(tables) if tables else None), report


def csv(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "h.csv"
    path.write_text(header + "".join(f"{r}\n" for r in rows), encoding="utf-8")
    return path


def test_times_with_a_zone_without_one_and_in_seconds_are_the_same_moment(tmp_path: Path) -> None:
    at = ("2026-09-01T00:00:00Z", "2026-09-01T08:00:00+08:00", "2026-09-01 00:00:00", "1788220800", "2026-09-01")
    table, report = read(csv(tmp_path, *(f"L{i},{t},-20.5,up,1" for i, t in enumerate(at))))
    assert table is not None
    assert set(table["time"].to_pylist()) == {datetime(2026, 9, 1, tzinfo=UTC)}
    assert report.bad_rows == 0


BAD = [
    ("L1,yesterday,-20,up,1", 'time "yesterday"'),
    (",2026-09-01T00:00:00Z,-20,up,1", "line_id"),
    (" ,2026-09-01T00:00:00Z,-20,up,1", "line_id"),
    ("L1,,-20,up,1", "time"),
    ("L1,1970-01-01T00:00:00Z,-20,up,1", "between 2000 and 2100"),
    ("L1,2026-09-01T00:00:00Z,abc,up,1", 'rx_dbm "abc"'),
    ("L1,2026-09-01T00:00:00Z,inf,up,1", 'rx_dbm "inf"'),
    ("L1,2026-09-01T00:00:00Z,-20,sideways,1", 'state "sideways"'),
    ("L1,2026-09-01T00:00:00Z,-20,up,-3", 'fec_corrected "-3"'),
    ("L1,2026-09-01T00:00:00Z,-20,up,1.5", 'fec_corrected "1.5"'),
    ("L1,2026-09-01T00:00:00Z,-20,up,1e30", "fec_corrected"),
    ("L1,2026-09-01T00:00:00Z,-20", "3 columns"),
    ("L1,2026-09-01T00:00:00Z,-20,up,1,7", "6 columns"),
    ("x" * 201 + ",2026-09-01T00:00:00Z,-20,up,1", "line_id"),
]


@pytest.mark.parametrize(("row", "named"), BAD)
def test_a_bad_row_is_left_out_and_named_by_its_line(tmp_path: Path, row: str, named: str) -> None:
    good = "L1,2026-09-02T00:00:00Z,-20.5,up,1"
    table, report = read(csv(tmp_path, good, row, good))
    assert table is not None
    assert table.num_rows == 2
    assert report.bad_rows == 1
    ((number, why),) = report.bad
    assert number == 3
    assert named in why


def test_a_flood_of_bad_rows_is_counted_and_only_the_first_are_spelled_out(tmp_path: Path) -> None:
    table, report = read(csv(tmp_path, *["L1,never,-20,up,1"] * 400, *["L1,2026-09-01T00:00:00Z,x,up,1"] * 100))
    assert table is None
    assert report.bad_rows == 500
    assert len(report.bad) == history.TOLD


def test_what_optics_cannot_do_is_no_reading_and_says_why(tmp_path: Path) -> None:
    table, report = read(csv(tmp_path, "L1,2026-09-01T00:00:00Z,-99.5,up,", "L2,2026-09-01T00:00:00Z,-20,,"))
    assert table is not None
    assert table["rx_dbm"].to_pylist() == [None, -20.0]
    assert table["quality"].to_pylist() == ["rx_dbm:out_of_range", None]
    assert report.out_of_range == {"rx_dbm": 1}


def test_a_counter_beyond_what_a_float_holds_keeps_every_digit(tmp_path: Path) -> None:
    table, _ = read(csv(tmp_path, "L1,2026-09-01T00:00:00Z,-20,up,9007199254740993", "L1,2026-09-01T01:00:00Z,,,"))
    assert table is not None
    assert table["fec_corrected"].to_pylist() == [9007199254740993, None]


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("line_id,rx_dbm\n", "time"),
        ("time,rx_dbm\n", "line_id"),
        ("line_id,time\n", "no field"),
        ("line_id,time,rx_db\n", 'did you mean "rx_dbm"'),
        ("line_id,time,rx_dbm,rx_dbm\n", "twice"),
        ("", "line_id"),
    ],
)
def test_a_file_without_the_right_columns_is_refused_as_a_whole(tmp_path: Path, header: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        read(csv(tmp_path, header=header))


@pytest.mark.parametrize("name", ["noise.csv", "noise.parquet"])
def test_noise_is_refused_with_the_file_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(HEADER.encode() + b"L\xff1,2026-09-01,-20,up,1\n" + bytes(range(256)) * 40)
    with pytest.raises(UserError, match="noise"):
        read(path)


def test_rows_keep_their_numbers_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BLOCK_BYTES", 2000)
    bad = {7, 8, 200, 333, 600, 601}  # lines of the file
    rows = [
        "L1,2026-09-01" if n in bad else f"L1,{'nonsense' if n == 450 else f'2026-09-01T00:00:{n % 60:02}Z'},-20,up,{n}"
        for n in range(2, 700)
    ]
    _, report = read(csv(tmp_path, *rows))
    assert {n for n, _ in report.bad} == bad | {450}
    assert report.rows == 698 - 7


def test_parquet_with_other_types_is_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "h.parquet"
    table = pa.table(
        {
            "line_id": pa.array(["L1", "L1", None]).dictionary_encode(),
            "time": pa.array([1788220800, 1788224400, 1788224400], pa.int64()),
            "rx_dbm": pa.array([-20.5, None, -21.0], pa.float64()),
            "fec_corrected": pa.array([1, 2, 3], pa.uint32()),
        }
    )
    pq.write_table(table, path)
    read_back, report = read(path)
    assert read_back is not None
    assert read_back["time"].to_pylist()[0] == datetime(2026, 9, 1, tzinfo=UTC)
    assert read_back["rx_dbm"].to_pylist() == [-20.5, None]
    assert report.bad == [(3, "has no line_id")]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_written_is_read_back_the_same(tmp_path: Path, suffix: str) -> None:
    table, _ = read(csv(tmp_path, "L,2026-09-01T00:00:00Z,-20.5,up,1", "L,2026-09-01T01:00:00Z,,los,"))
    assert table is not None
    path = tmp_path / f"out.{suffix}"
    with HistoryWriter(path, ["rx_dbm", "state", "fec_corrected"], "raw") as writer:
        writer.write("L", table.drop_columns(["line_id", "quality"]))
        assert not path.exists(), "half a file must not be seen"
    again, report = read(path)
    assert again is not None
    assert report.bad_rows == 0
    assert again.drop_columns(["quality"]).equals(table.drop_columns(["quality"]))


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), HistoryWriter(tmp_path / "out.csv", ["rx_dbm"], "raw"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


cell = st.one_of(
    st.none(),
    st.sampled_from(["", "-20.5", "up", "los", "NaN", "2026-09-01T00:00:00Z", "1788220800", "65535", "-1", "1e400"]),
    st.text(st.characters(blacklist_characters='\r\n",', blacklist_categories=["Cs"]), max_size=8),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cell, cell, cell, cell, cell), max_size=12))
def test_every_row_is_taken_or_reported(tmp_path: Path, rows: list[tuple[str | None, ...]]) -> None:
    texts = [",".join("" if c is None else c for c in row) for row in rows]
    table, report = read(csv(tmp_path, *texts))
    assert report.rows + report.bad_rows == len(rows)
    assert report.rows == (0 if table is None else table.num_rows)
    if table is not None:
        assert pc.all(pc.is_valid(table["line_id"])).as_py()
        assert pc.all(pc.is_valid(table["time"])).as_py()
