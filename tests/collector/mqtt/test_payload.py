"""The decoder takes what the contract says and refuses everything else, without ever falling over."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.mqtt.payload import MAX_BYTES, Reading, decode, line_fields
from collector.mqtt.refusals import Refusal, RefusalLog, RefusedError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "lightline/ont/HWTC00000001/reading"


def decoded(payload: bytes | Any, topic: str = TOPIC, **how: Any) -> tuple[list[Reading], list[Refusal]]:
    refused: list[RefusedError] = []
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    readings = decode(topic, raw, NOW, refuse=refused.append, **how)
    return readings, [r.reason for r in refused]


def test_an_object_of_fields_is_a_reading() -> None:
    (reading,), refused = decoded(
        {
            "time": "2026-03-01T19:58:00+08:00",
            "rx_dbm": -21.5,
            "fec_corrected": 12,
            "state": "up",
            "eth_speed_mbps": 1000,
        }
    )
    assert refused == []
    assert reading == Reading(
        "HWTC00000001",
        None,
        NOW - timedelta(minutes=2),
        {"rx_dbm": -21.5, "fec_corrected": 12, "state": "up", "eth_speed_mbps": 1000.0},
        None,
    )


def test_a_list_holds_several_and_the_good_ones_are_kept() -> None:
    readings, refused = decoded(
        [
            {"ont_serial": "A", "rx_dbm": -20},
            {"ont_serial": "B", "rx_dbm": "strong"},
            {"line_id": "L3", "rx_dbm": -22},
            7,
        ]
    )
    assert [(r.ont_serial, r.line_id) for r in readings] == [("A", None), ("HWTC00000001", "L3")]
    assert refused == [Refusal.WRONG_TYPE, Refusal.NOT_AN_OBJECT]


def test_without_time_the_arrival_counts() -> None:
    (reading,), _ = decoded({"rx_dbm": -20})
    assert reading.time == NOW


def test_seconds_since_1970_are_a_time() -> None:
    (reading,), _ = decoded({"time": NOW.timestamp() - 60, "rx_dbm": -20})
    assert reading.time == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("rx_dbm", -80, "out_of_range"),
        ("rx_dbm", 2147483647, "out_of_range"),
        ("fec_corrected", -1, "out_of_range"),
        ("fec_corrected", 1 << 63, "out_of_range"),
        ("state", "sleeping", "unreadable"),
        ("temp_c", None, "no_answer"),
    ],
)
def test_what_cannot_be_a_reading_is_null_with_a_reason(field: str, value: Any, reason: str) -> None:
    (reading,), refused = decoded({field: value, "tx_dbm": 2.0})
    assert refused == []
    assert reading.values == {field: None, "tx_dbm": 2.0}
    assert reading.quality == f"{field}:{reason}"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Refusal.NOT_JSON),
        (b"rx=-20", Refusal.NOT_JSON),
        (b"\xff\xfe{}", Refusal.NOT_JSON),
        (b"{" + b'"rx_dbm":' + b"1" * 5000 + b"}", Refusal.NOT_JSON),
        (b" " * (MAX_BYTES + 1), Refusal.TOO_LARGE),
        (b"[" * 60_000, Refusal.NESTED),
        (b'{"rx_dbm": {"value": -20}}', Refusal.NESTED),
        (b'{"rx_dbm": [-20]}', Refusal.NESTED),
        (b'{"rx_dbm": NaN}', Refusal.NOT_FINITE),
        (b'{"rx_dbm": -Infinity}', Refusal.NOT_FINITE),
        (b'{"rx_dbm": 1e999}', Refusal.NOT_FINITE),
        (b'{"rx_dbm": -20, "rx_dbm": -21}', Refusal.DUPLICATE_KEY),
        (b'"rx"', Refusal.NOT_AN_OBJECT),
        (b"null", Refusal.NOT_AN_OBJECT),
        (b"[[]]", Refusal.NOT_AN_OBJECT),
        (b"{}", Refusal.NO_READING),
        (b'{"time": "2026-03-01T12:00:00Z"}', Refusal.NO_READING),
        (b'{"rx": -20}', Refusal.UNKNOWN_FIELD),
        (b'{"pon_tx_dbm": 4}', Refusal.UNKNOWN_FIELD),
        (b'{"\\ud800": 4}', Refusal.UNKNOWN_FIELD),
        (b'{"rx_dbm": "-20"}', Refusal.WRONG_TYPE),
        (b'{"rx_dbm": true}', Refusal.WRONG_TYPE),
        (b'{"fec_corrected": 1.5}', Refusal.WRONG_TYPE),
        (b'{"state": 1}', Refusal.WRONG_TYPE),
        (b'{"rx_dbm": -20, "line_id": 7}', Refusal.WRONG_TYPE),
        (b'{"rx_dbm": -20, "ont_serial": "\\ud800"}', Refusal.WRONG_TYPE),
        (b'{"rx_dbm": -20, "time": "2026-03-01T12:00:00"}', Refusal.BAD_TIME),
        (b'{"rx_dbm": -20, "time": "yesterday"}', Refusal.BAD_TIME),
        (b'{"rx_dbm": -20, "time": true}', Refusal.BAD_TIME),
        (b'{"rx_dbm": -20, "time": 1e300}', Refusal.BAD_TIME),
        (b'{"rx_dbm": -20, "time": "0001-01-01T00:00:00+14:00"}', Refusal.BAD_TIME),
        (b'{"rx_dbm": -20, "time": "2026-03-01T12:06:00Z"}', Refusal.FUTURE),
        (b'{"rx_dbm": -20, "time": "2026-01-01T12:00:00Z"}', Refusal.TOO_OLD),
        (b'{"rx_dbm": -20, "time": 0}', Refusal.TOO_OLD),
    ],
)
def test_everything_else_is_refused_by_its_reason(payload: bytes, reason: Refusal) -> None:
    assert decoded(payload) == ([], [reason])


def test_a_retained_message_must_say_when_it_was_true() -> None:
    assert decoded({"rx_dbm": -20}, retained=True) == ([], [Refusal.RETAINED_WITHOUT_TIME])
    readings, _ = decoded({"rx_dbm": -20, "time": "2026-03-01T11:00:00Z"}, retained=True)
    assert len(readings) == 1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*line_fields(), "time", "line_id", "x"]) | st.text(max_size=5), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | _json.map(lambda v: json.dumps(v).encode()), st.text(max_size=30))
def test_no_bytes_break_the_decoder_and_what_it_takes_is_sound(payload: bytes, topic: str) -> None:
    log = RefusalLog("b")
    readings = decode(topic, payload, NOW, refuse=lambda r: log.note(r, topic))
    known = line_fields()
    for reading in readings:
        assert NOW - timedelta(days=30) <= reading.time <= NOW + timedelta(minutes=5)
        for name, value in reading.values.items():
            field = known[name]
            if isinstance(value, float):
                assert math.isfinite(value)
            if field.low is not None and field.high is not None and isinstance(value, float):
                assert field.low <= value <= field.high
    json.dumps(log.samples).encode("utf-8")
    assert all(s.isprintable() for s in log.samples.values())


def test_refusals_are_all_counted_and_told_once_a_minute() -> None:
    now = 0.0
    log = RefusalLog("b", clock=lambda: now)
    for _ in range(100):
        log.note(RefusedError(Refusal.NOT_JSON, "x"), TOPIC)
    assert log.counts["not_json"] == 100
    assert log._told[Refusal.NOT_JSON] == (0.0, 1)
    now = 61.0
    log.note(RefusedError(Refusal.NOT_JSON, "x"), TOPIC)
    assert log._told[Refusal.NOT_JSON] == (61.0, 101)
