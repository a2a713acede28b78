"""What every telemetry store promises. A third store passes these or is none."""

import asyncio
import contextlib
import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from plant.batch import Batch
from plant.matrix import ALL, Scope
from storage.opening import open_store
from storage.protocol import TelemetryStore
from storage.streaming import in_blocks, matrices

NOON = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)  # noon in Shanghai
DAY = date(2026, 5, 4)


def optics(*readings: tuple[str, datetime, float | None], field: str = "rx_dbm") -> Batch:
    ids, times, values = zip(*readings, strict=True)
    return Batch.of("OLT", "optics", list(times), list(ids), {field: list(values)})


async def rx(store: TelemetryStore, line: str, start: datetime = NOON, hours: float = 24) -> list[float | None]:
    table = await store.series(line, ["rx_dbm"], start, start + timedelta(hours=hours), "raw")
    return [None if v is None else round(v, 3) for v in table["rx_dbm"].to_pylist()]


async def test_what_was_appended_is_read_back(store: TelemetryStore) -> None:
    batch = Batch.of(
        "OLT",
        "optics",
        NOON,
        ["L1", "L2"],
        {
            "rx_dbm": [-21.37, math.nan],
            "state": ["up", "los"],
            "fec_corrected": [2**40 + 1, None],
            "ont_serial": ["HWTC3A01B201", 'odd "serial", with = and \\'],
        },
        ["", "rx_dbm:not_up"],
    )
    await store.append([batch])
    table = await store.series(
        "L1", ["rx_dbm", "state", "fec_corrected", "ont_serial"], NOON, NOON + timedelta(hours=1), "raw"
    )
    (row,) = table.to_pylist()
    assert row["time"] == NOON
    assert row["rx_dbm"] == pytest.approx(-21.37, abs=1e-5)
    assert (row["state"], row["fec_corrected"], row["ont_serial"]) == ("up", 2**40 + 1, "HWTC3A01B201")
    (row,) = (await store.series("L2", ["rx_dbm", "ont_serial"], NOON, NOON + timedelta(hours=1), "raw")).to_pylist()
    assert row["rx_dbm"] is None
    assert row["ont_serial"] == 'odd "serial", with = and \\'


async def test_reasons_are_told_of_all_lines_each_with_the_last_time_it_was_given(store: TelemetryStore) -> None:
    dark = {"rx_dbm": [None, None, None]}
    told_of = [("rx_dbm:sentinel", "rx_dbm:stale"), ("rx_dbm:sentinel", None), ("rx_dbm:stale", None)]
    for hours, (line, port) in enumerate(told_of):
        at = NOON + timedelta(hours=hours)
        await store.append([Batch.of("OLT", "optics", at, ["L1", "L2", "pon:OLT/0/1"], dark, [line, None, port])])
    await store.append([Batch.of("OLT", "optics", NOON, ["pon:OLT/0/1"], {"rx_dbm": [None]}, ["rx_dbm:unreadable"])])
    await store.append([optics(("L1", NOON + timedelta(hours=3), -20.0))])
    expected = [
        ("L1", "rx_dbm:sentinel", NOON + timedelta(hours=1)), ("L1", "rx_dbm:stale", NOON + timedelta(hours=2)),
        ("pon:OLT/0/1", "rx_dbm:unreadable", NOON),
    ]  # fmt: skip
    told = await store.reasons(NOON, NOON + timedelta(hours=4))
    assert told.column_names == ["line_id", "quality", "time"]
    assert [tuple(row.values()) for row in told.to_pylist()] == expected
    assert (await store.reasons(NOON + timedelta(hours=3), NOON + timedelta(hours=4))).num_rows == 0
    assert (await store.reasons(NOON + timedelta(hours=2), NOON + timedelta(hours=3))).num_rows == 1


async def test_the_same_batch_twice_changes_nothing(store: TelemetryStore) -> None:
    batch = optics(("L1", NOON, -20.0), ("L1", NOON + timedelta(hours=1), -21.0))
    await store.append([batch])
    await store.append([batch, batch])
    assert await rx(store, "L1") == [-20.0, -21.0]
    await store.rollup()
    matrix = await store.matrix(ALL, "rx_dbm", "count", DAY, DAY)
    assert matrix.values.tolist() == [[2.0]]


async def test_a_later_value_for_the_same_moment_wins_and_a_null_erases_nothing(store: TelemetryStore) -> None:
    await store.append([optics(("L1", NOON, -20.0))])
    await store.append([optics(("L1", NOON, -22.0))])
    await store.append([optics(("L1", NOON, None), ("L1", NOON + timedelta(hours=1), -23.0))])
    await store.append([Batch.of("OLT", "status", NOON, ["L1"], {"state": ["up"]})])
    assert (await rx(store, "L1"))[0] == -22.0
    latest = await store.latest(ALL, ["rx_dbm", "state"])
    assert latest["rx_dbm"].to_pylist() == [-23.0]
    assert latest["state_time"].to_pylist() == [NOON]


async def test_latest_gives_each_fields_own_time_and_leaves_out_ports(store: TelemetryStore) -> None:
    later = NOON + timedelta(minutes=5)
    await store.append(
        [
            optics(("L2", NOON, -20.0), ("L1", NOON, -21.0)),
            Batch.of("OLT", "status", later, ["L1"], {"state": ["up"]}),
            Batch.of("OLT", "pon", NOON, ["pon:OLT/0/1"], {"pon_tx_dbm": [4.5]}),
        ]
    )
    table = await store.latest(ALL, ["rx_dbm", "state"])
    assert table["line_id"].to_pylist() == ["L1", "L2"]
    assert table["rx_dbm_time"].to_pylist() == [NOON, NOON]
    assert table["state_time"].to_pylist() == [later, None]
    ports = await store.latest(Scope.of("pon:OLT/0/1"), ["pon_tx_dbm"])
    assert ports["pon_tx_dbm"].to_pylist() == [4.5]
    assert (await store.lines_seen()).to_pylist() == ["L1", "L2", "pon:OLT/0/1"]


async def test_an_empty_store_answers_with_empty_tables(store: TelemetryStore) -> None:
    assert (await store.latest(ALL, ["rx_dbm"])).num_rows == 0
    assert await rx(store, "L1") == []
    assert (await store.rollup()).daily_rows == 0
    matrix = await store.matrix(Scope.of("L1"), "rx_dbm", "median", DAY, DAY)
    assert matrix.line_ids.tolist() == ["L1"]
    assert np.isnan(matrix.values).all()
    assert (await store.status()).newest_reading is None


async def test_days_are_the_operators_days(store: TelemetryStore) -> None:
    midnight = datetime(2026, 5, 3, 16, 0, tzinfo=UTC)  # 4 May 00:00 in Shanghai
    await store.append(
        [optics(("L1", midnight - timedelta(minutes=1), -20.0), ("L1", midnight, -24.0), ("L1", NOON, -26.0))]
    )
    await store.rollup()
    matrix = await store.matrix(ALL, "rx_dbm", "mean", date(2026, 5, 3), date(2026, 5, 5))
    assert matrix.dates.astype(str).tolist() == ["2026-05-03", "2026-05-04", "2026-05-05"]
    assert matrix.values[0, :2].tolist() == [-20.0, -25.0]
    assert math.isnan(matrix.values[0, 2])


async def test_late_readings_reopen_their_day_and_no_other(store: TelemetryStore) -> None:
    await store.append([optics(("L1", NOON, -20.0), ("L1", NOON + timedelta(days=10), -30.0))])
    await store.rollup()
    await store.append([optics(("L1", NOON + timedelta(hours=1), -22.0))])
    report = await store.rollup()
    assert report.daily_rows <= 2
    matrix = await store.matrix(ALL, "rx_dbm", "mean", DAY, date(2026, 5, 14))
    assert (matrix.values[0, 0], matrix.values[0, 10]) == (-21.0, -30.0)
    assert (await store.rollup()).daily_rows == 0


async def test_counters_rise_by_their_steps_through_resets_and_across_days(store: TelemetryStore) -> None:
    late = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)  # 23:00
    values = [(NOON, 100), (late, 130), (late + timedelta(hours=2), 150), (late + timedelta(hours=3), 7)]
    await store.append(
        [Batch.of("OLT", "errors", [t for t, _ in values], ["L1"] * 4, {"bip_errors": [v for _, v in values]})]
    )
    await store.rollup()
    matrix = await store.matrix(ALL, "bip_errors", "increase", DAY, date(2026, 5, 5))
    assert matrix.values.tolist() == [[30.0, 27.0]]


async def test_states_and_texts_are_rolled_up_as_shares_changes_and_words(store: TelemetryStore) -> None:
    hours = [NOON + timedelta(hours=h) for h in range(4)]
    columns = {
        "state": ["up", "los", "los", "up"],
        "down_cause": [None, "los", "los", "los"],
        "ont_serial": ["A", "A", "B", "B"],
    }
    await store.append([Batch.of("OLT", "status", hours, ["L1"] * 4, columns)])
    await store.rollup()

    async def figure(field: str, statistic: str) -> float:
        return float((await store.matrix(ALL, field, statistic, DAY, DAY)).values[0, 0])

    assert await figure("state", "up_share") == 0.5
    assert await figure("state", "los_share") == 0.5
    assert await figure("state", "changes") == 2
    assert await figure("ont_serial", "changes") == 1
    assert await figure("down_cause", "last") == 0  # the first of its words: los


async def test_hours_and_days_of_a_line_come_with_their_statistics(store: TelemetryStore) -> None:
    await store.append([optics(*[("L1", NOON + timedelta(minutes=10 * i), -20.0 - i) for i in range(6)])])
    await store.rollup()
    (row,) = (await store.series("L1", ["rx_dbm"], NOON, NOON + timedelta(days=1), "hour")).to_pylist()
    assert row["time"] == NOON
    assert (row["rx_dbm_count"], row["rx_dbm_min"], row["rx_dbm_max"]) == (6, -25.0, -20.0)
    assert row["rx_dbm_median"] == pytest.approx(-22.5)
    assert row["rx_dbm_q10"] == pytest.approx(-24.5)


async def test_a_long_time_is_answered_with_fewer_rows(store: TelemetryStore) -> None:
    await store.append([optics(("L1", NOON, -20.0))])
    await store.rollup()
    table = await store.series("L1", ["rx_dbm"], NOON - timedelta(days=90), NOON + timedelta(days=1))
    assert "rx_dbm_median" in table.column_names
    assert table.num_rows == 1


async def test_readings_that_cannot_be_are_refused(store: TelemetryStore) -> None:
    with pytest.raises(ValueError, match="times reach"):
        await store.append([optics(("L1", datetime(1970, 1, 1, tzinfo=UTC), -20.0))])
    await store.append([optics(("L1", NOON, math.inf), ("L1", NOON + timedelta(hours=1), -20.0))])
    assert [v for v in await rx(store, "L1") if v is not None] == [-20.0]


async def test_line_ids_of_any_script_are_kept_apart(store: TelemetryStore) -> None:
    ids = ["天河-0001", "a b,c=d", 'x"y', "it's", "back\\slash", "at the end\\", "100%", "%5C", "OLT/0/1/7", " "]
    await store.append([optics(*[(line, NOON, -20.0 - i) for i, line in enumerate(ids)])])
    for i, line in enumerate(ids):
        assert await rx(store, line) == [-20.0 - i]
    assert sorted((await store.latest(ALL, ["rx_dbm"]))["line_id"].to_pylist()) == sorted(ids)


async def test_a_line_id_no_store_can_keep_is_refused_by_name(store: TelemetryStore) -> None:
    for line in ("", "two\nlines", "x" * 1001):
        with pytest.raises(ValueError, match="cannot name a line"):
            await store.append([optics(("L1", NOON, -20.0), (line, NOON, -21.0))])
    assert (await store.lines_seen()).to_pylist() == []


async def test_days_of_another_zone_are_refused(url: str) -> None:
    await (await open_store(url, zone="Asia/Shanghai")).close()
    with pytest.raises(ValueError, match="keeps days of Asia/Shanghai"):
        await open_store(url, zone="Asia/Urumqi")
    with pytest.raises(ValueError, match="not a time zone"):
        await open_store(url, zone="Asia/Nowhere")


async def test_an_append_beside_a_rollup_is_kept_and_rolled_up_the_next_time(store: TelemetryStore) -> None:
    lines = [f"L{n}" for n in range(300)]
    for hour in range(10):
        at = NOON + timedelta(hours=hour)
        await store.append([Batch.of("OLT", "optics", at, lines, {"rx_dbm": [-20.0] * 300})])
    rolling = asyncio.create_task(store.rollup())
    for minute in range(5):
        await store.append([optics(("late", NOON + timedelta(minutes=minute), -20.0))])
    await rolling
    await store.rollup()
    matrix = await store.matrix(Scope.of("late", "L7"), "rx_dbm", "count", DAY, DAY)
    assert matrix.values.tolist() == [[10.0], [5.0]]


async def test_a_question_given_up_leaves_the_store_as_it_was(store: TelemetryStore) -> None:
    await store.append([optics(("L1", NOON, -20.0))])
    for _ in range(5):
        asking = asyncio.create_task(store.series("L1", ["rx_dbm"], NOON, NOON + timedelta(days=1), "raw"))
        await asyncio.sleep(0)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    assert await rx(store, "L1") == [-20.0]


async def test_a_matrix_has_a_row_for_every_line_asked_for(store: TelemetryStore) -> None:
    await store.append([optics(("L2", NOON, -20.0))])
    await store.rollup()
    matrix = await store.matrix(Scope(("L3", "L2", "L1")), "rx_dbm", "median", DAY, DAY)
    assert matrix.line_ids.tolist() == ["L1", "L2", "L3"]
    assert np.isnan(matrix.values).tolist() == [[True], [False], [True]]
    with pytest.raises(ValueError, match="no statistic"):
        await store.matrix(ALL, "rx_dbm", "increase", DAY, DAY)


@pytest.mark.parametrize("count", [40, 3000])
async def test_of_many_lines_too_the_later_value_wins(store: TelemetryStore, count: int) -> None:
    lines = [f"L{n:04d}" for n in range(count)]
    first, last = list(range(0, count, 2)), list(range(count))
    for run in range(4):
        for chosen in (first, last):
            values = [-10.0 - run - n / count for n in chosen]
            await store.append(
                [Batch.of("OLT", "optics", NOON, [lines[n] for n in chosen], {"rx_dbm": values}) for _ in range(2)]
            )
        await store.rollup()
    expected = pytest.approx([-13.0 - n / count for n in range(count)])
    wanted = Scope(tuple(lines))
    assert (await store.matrix(wanted, "rx_dbm", "mean", DAY, DAY)).values[:, 0].tolist() == expected
    assert (await store.matrix(ALL, "rx_dbm", "max", DAY, DAY)).values[:, 0].tolist() == expected
    latest = await store.latest(wanted, ["rx_dbm"])
    assert latest["line_id"].to_pylist() == lines
    assert latest["rx_dbm"].to_pylist() == expected


async def test_what_was_stored_is_there_after_opening_again(url: str) -> None:
    first = await open_store(url)
    await first.append([optics(("L1", NOON, -20.0))])
    await first.close()
    second = await open_store(url, read_only=True)
    try:
        assert await rx(second, "L1") == [-20.0]
        assert (await second.status()).healthy
    finally:
        await second.close()


async def test_matrices_come_in_blocks_of_lines_as_they_would_at_once(store: TelemetryStore) -> None:
    lines = [f"L{n:02d}" for n in range(23)]
    for hour in range(3):
        await store.append([optics(*[(line, NOON + timedelta(hours=hour), -20.0 - n) for n, line in enumerate(lines)])])
    await store.rollup()
    wanted = [("rx_dbm", "median"), ("rx_dbm", "count")]
    parts = [part async for part in matrices(store, in_blocks(lines, 10), wanted, DAY, DAY)]
    assert [len(medians.line_ids) for medians, _ in parts] == [10, 10, 3]
    for at, (field, statistic) in enumerate(wanted):
        whole = await store.matrix(ALL, field, statistic, DAY, DAY)
        assert np.concatenate([part[at].line_ids for part in parts]).tolist() == whole.line_ids.tolist()
        assert np.array_equal(np.concatenate([part[at].values for part in parts]), whole.values)
