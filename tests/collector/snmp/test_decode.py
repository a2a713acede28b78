"""Raw values become readings or reasons, whatever comes; indexes become places."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.profile import Bits, Column, Part, SubId, Table
from collector.snmp.decode import REASONS, decode
from collector.snmp.index import row_names, sub_identifiers
from collector.snmp.rows import quality
from collector.snmp.text import dbm, number_in, opaque_real, serial_text
from plant.fields import fields

VALUES = st.one_of(
    st.integers(-(2**63), 2**64), st.binary(max_size=40), st.text(max_size=40), st.none(), st.floats(allow_nan=True)
)


def column(name: str, **said: Any) -> Column:
    return Column(field=fields()[name], tier="optics", oids=("1.3.6.1",), **said)


def read(name: str, values: list[Any], **said: Any) -> tuple[list[Any], list[str | None]]:
    decoded = decode(column(name, **said), values)
    return decoded.values.to_pylist(), [None if c == 0 else str(REASONS[c - 1]) for c in decoded.codes]


@pytest.mark.parametrize(
    ("name", "raw", "said", "value", "reason"),
    [
        ("rx_dbm", -1875, {"scale": 0.01}, -18.75, None),
        ("rx_dbm", 2147483647, {"scale": 0.01}, None, "sentinel"),
        ("rx_dbm", -2147483648, {"scale": 0.1}, None, "sentinel"),
        ("rx_dbm", 0, {"scale": 0.01, "none": frozenset({"0"})}, None, "sentinel"),
        ("rx_dbm", -8000, {"scale": 0.01}, None, "out_of_range"),
        ("rx_dbm", -99.99, {}, None, "out_of_range"),
        ("olt_rx_dbm", 7900, {"scale": 0.01, "offset": -100.0}, -21.0, None),
        ("olt_rx_dbm", -80000, {"scale": 0.001, "none": frozenset({"-80000"})}, None, "sentinel"),
        ("rx_dbm", 65235, {"signed": 16, "scale": 0.002, "offset": -30.0}, -30.602, None),
        (
            "rx_dbm",
            65535,
            {"signed": 16, "scale": 0.002, "offset": -30.0, "none": frozenset({"65535"})},
            None,
            "sentinel",
        ),
        ("rx_dbm", 7899, {"scale": 0.01, "above": (5000.0, 0.01, -100.0)}, -21.01, None),
        ("rx_dbm", -2101, {"scale": 0.01, "above": (5000.0, 0.01, -100.0)}, -21.01, None),
        ("rx_dbm", 301, {"scale": 0.0001, "power": "mW"}, -15.2143, None),
        ("rx_dbm", 0, {"scale": 0.0001, "power": "mW"}, None, "sentinel"),
        ("rx_dbm", 301, {"scale": 0.1, "power": "uW"}, -15.2143, None),
        ("rx_dbm", b"0.03 mW (-14.61 dBm)", {}, -14.61, None),
        ("rx_dbm", b"0.03 mW (-14.61 dBm)", {"scale": 0.01}, -14.61, None),
        ("rx_dbm", b"0.00 mW (-inf dBm)", {}, None, "sentinel"),
        ("rx_dbm", b"Lane0: No-Power; Lane1: No-Power; Lane2: No-Power;", {}, None, "sentinel"),
        ("rx_dbm", b"not-available", {}, None, "sentinel"),
        ("rx_dbm", b"N/A", {}, None, "sentinel"),
        ("rx_dbm", b"--", {}, None, "sentinel"),
        ("rx_dbm", b"", {}, None, "sentinel"),
        ("rx_dbm", b"-1875", {"scale": 0.01}, -18.75, None),
        ("rx_dbm", b"-23.19", {}, -23.19, None),
        ("rx_dbm", b"0.5 mW", {}, -3.0103, None),
        ("rx_dbm", b"see manual", {}, None, "unreadable"),
        ("rx_dbm", b"30.1 C", {}, None, "unreadable"),
        ("rx_dbm", b"\xff\xfe\x00", {}, None, "unreadable"),
        ("rx_dbm", bytes.fromhex("9f7804c1960000"), {}, -18.75, None),
        ("rx_dbm", None, {}, None, "unreadable"),
        ("temp_c", b"27.84 .C", {}, 27.84, None),
        ("temp_c", b"36.5 \xc2\xb0C", {}, 36.5, None),
        ("temp_c", 64256, {"signed": 16, "scale": 1 / 256}, -5.0, None),
        ("voltage_v", b"3.32 Volts", {}, 3.32, None),
        ("voltage_v", b"3320 mV", {}, 3.32, None),
        ("bias_ma", b"11650 uA", {}, 11.65, None),
        ("distance_m", b"2.7 km", {}, 2700.0, None),
        ("eth_speed_mbps", 4, {"map": {"4": None}}, None, "sentinel"),
        ("eth_speed_mbps", 9, {"map": {"3": 1000}}, None, "unreadable"),
        ("state", 1, {"map": {"1": "up"}}, "up", None),
        ("state", 99, {"map": {"1": "up"}}, "unknown", None),
        ("down_cause", b"Dying-Gasp", {"map": {"dying-gasp": "power_off"}}, "power_off", None),
        ("fec_corrected", 18446744073709551615, {}, None, "out_of_range"),
        ("fec_corrected", -1, {"none": frozenset({"-1"})}, None, "sentinel"),
        ("fec_corrected", 2**53 + 1, {}, 2**53 + 1, None),
        ("ont_serial", b"HWTC\x1a\x2b\x3c\x4d", {}, "HWTC1A2B3C4D", None),
        ("ont_serial", b"ZTEGABCD", {}, "ZTEG41424344", None),
        ("ont_serial", b"1,ZTEGC1234567", {}, "ZTEGC1234567", None),
        ("ont_serial", b"\x00\x1a\x2b\x3c\x4d\x5e", {}, "001A2B3C4D5E", None),
        ("ont_serial", b"00:1a:2b:3c:4d:5e", {}, "001A2B3C4D5E", None),
        ("ont_serial", b"\x00" * 8, {}, None, "sentinel"),
        ("ont_serial", b"--", {}, None, "sentinel"),
    ],
)
def test_a_value_becomes_a_reading_or_a_reason(
    name: str, raw: Any, said: dict[str, Any], value: Any, reason: str | None
) -> None:
    for beside in ([], [0, 1], [b"text", None]):  # the same, however its neighbours come
        values, reasons = read(name, [raw, *beside], **said)
        if isinstance(value, float):
            assert values[0] == pytest.approx(value, abs=1e-3)
        else:
            assert values[0] == value
        assert reasons[0] == reason


@given(st.sampled_from(list(fields())), st.lists(VALUES, max_size=6), st.sampled_from([None, "mW"]))
def test_nothing_a_device_says_breaks_decoding_and_no_reading_is_beyond_its_range(
    name: str, values: list[Any], power: Any
) -> None:
    field = fields()[name]
    decoded = decode(column(name, power=power), values)
    assert len(decoded.values) == len(decoded.codes) == len(values)
    assert decoded.values.type == field.arrow
    for value, code in zip(decoded.values.to_pylist(), decoded.codes.tolist(), strict=True):
        assert (value is None) == (code != 0)
        if isinstance(value, float):
            assert math.isfinite(value)
            assert field.low is None or value >= field.low - 1e-3
            assert field.high is None or value <= field.high + 1e-3


@given(st.integers(-32768, 32767), st.sampled_from(["raw", "wrapped"]))
def test_sixteen_bits_are_signed_however_they_come(raw: int, form: str) -> None:
    said = raw if form == "raw" or raw >= 0 else raw + 65536
    values, reasons = read("rx_dbm", [said], signed=16, scale=0.002, offset=-30.0)
    expected = raw * 0.002 - 30
    assert (values[0] is None) == (not -45 <= expected <= 10)
    if values[0] is not None:
        assert values[0] == pytest.approx(expected, abs=1e-3)
    else:
        assert reasons[0] == "out_of_range"


@given(st.floats(-60, 20), st.sampled_from(["{:.2f} dBm", "{:.2f}dBm", "Rx power: {:.2f} dBm", "0.01 mW ({:.2f} dBm)"]))
def test_power_is_found_in_text(value: float, form: str) -> None:
    said = number_in(form.format(value), "dBm")
    assert said == (pytest.approx(round(value, 2), abs=1e-9), True)


@given(st.floats(1e-6, 1e3))
def test_linear_power_and_dbm_agree(milliwatts: float) -> None:
    assert 10 ** (dbm(milliwatts) / 10) == pytest.approx(milliwatts)


@given(st.binary(max_size=40))
def test_serials_and_opaque_of_any_octets(raw: bytes) -> None:
    serial = serial_text(raw)
    assert serial is None or (serial.isascii() and serial.isalnum() and serial == serial.upper())
    real = opaque_real(raw)
    assert real is None or math.isfinite(real)


HUAWEI = Table("ont", "line", (SubId("ifindex"), SubId("ont")), "0/{slot}/{port}", "{ont}", "0/{slot}/{port}/{ont}", ())
HUAWEI_PARTS = {
    "slot": (Part(of=Bits("ifindex", 13, 6)),),
    "port": (Part(of=Bits("ifindex", 8, 5)),),
}


@given(st.lists(st.tuples(st.integers(0, 21), st.integers(0, 15), st.integers(0, 127)), max_size=20))
def test_huawei_indexes_come_back(places: list[tuple[int, int, int]]) -> None:
    rows = [f"{0xFA000000 + slot * 8192 + port * 256}.{ont}" for slot, port, ont in places]
    names = row_names(HUAWEI, HUAWEI_PARTS, rows)
    assert names.kept.all()
    assert names.pon.to_pylist() == [f"0/{slot}/{port}" for slot, port, _ in places]
    assert names.ont.to_pylist() == [ont for _, _, ont in places]


@given(st.integers(1, 255), st.integers(1, 255), st.integers(1, 255), st.integers(1, 128))
def test_zte_types_that_are_no_pon_have_no_place(shelf: int, slot: int, port: int, onu: int) -> None:
    when = Bits("ifindex", 28, 4, 1)
    parts = {n: (Part(of=Bits("ifindex", s, 8), when=when),) for n, s in (("shelf", 16), ("slot", 8), ("port", 0))}
    table = Table(
        "onu", "line", (SubId("ifindex"), SubId("onu")), "{shelf}/{slot}/{port}", "{onu}", "{ifindex}.{onu}", ()
    )
    number = 0x11000000 + (shelf << 16) + (slot << 8) + port
    names = row_names(table, parts, [f"{number}.{onu}", f"{number + 0x20000000}.{onu}"])
    assert names.pon.to_pylist() == [f"{shelf}/{slot}/{port}", None]


@given(st.lists(st.text("0123456789.x-", max_size=30), max_size=10))
def test_rows_that_do_not_fit_are_left_out(rows: list[str]) -> None:
    for index in (
        (SubId("a"), SubId("b")),
        (SubId("s", octets=True), SubId("n")),
        (SubId("m", octets=True, length=6),),
    ):
        names, kept = sub_identifiers(index, rows)
        assert len(kept) == len(rows)
        for one in index:
            assert len(names[one.name]) == int(kept.sum())


def test_octets_in_an_index_are_text_with_their_length_in_front() -> None:
    index = (SubId("serial", octets=True, serial=True), SubId("eth"))
    rows = ["12.85.66.78.84.50.48.55.51.49.56.56.56.1", "12.85.66.78", "3.300.1.1.1", "8.72.87.84.67.1.2.3.4.2"]
    names, kept = sub_identifiers(index, rows)
    assert kept.tolist() == [True, False, False, True]
    assert names["serial"].to_pylist() == ["UBNT20731888", "HWTC01020304"]
    assert names["eth"].tolist() == [1, 2]


def test_quality_names_fields_and_reasons() -> None:
    sentinel = REASONS.index("sentinel") + 1  # type: ignore[arg-type]
    codes = [("rx_dbm", np.array([0, sentinel, 0], np.int8)), ("tx_dbm", np.array([0, sentinel, sentinel], np.int8))]
    assert quality(codes, 3).to_pylist() == [None, "rx_dbm:sentinel,tx_dbm:sentinel", "tx_dbm:sentinel"]
    assert quality([], 2).to_pylist() == [None, None]
