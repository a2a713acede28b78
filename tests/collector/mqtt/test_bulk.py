"""TR-181 bulk data: the model's parameters become our figures in our units; nothing is guessed, nothing crashes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.mqtt import PublishingLines
from collector.mqtt.connection import Message
from collector.mqtt.forms import JsonForm
from collector.mqtt.reading import Reading
from collector.mqtt.refusals import Refusal, RefusedError
from collector.mqtt.tr181 import figures, model
from plant.fields import fields
from tests.collector.plants import lines

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = int(NOW.timestamp()) - 120
OPTICAL = "Device.Optical.Interface.1."
XPON = "Device.XPON.ONU.1.ANI.1."


def decoded(
    payload: Any, form: Any = "auto", topic: str = "bulk/gateway/HWTC00000001"
) -> tuple[list[Reading], list[Refusal], int]:
    refused: list[RefusedError] = []
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    json_form = JsonForm(form)
    found = json_form.decode(Message(1, 1, topic, raw, False, False, NOW), NOW, refused.append)
    return found, [r.reason for r in refused], json_form.counts["ignored_parameters"]


FLAT = {
    "CollectionTime": AT,
    "Device.DeviceInfo.SerialNumber": "SN-1234",
    "Device.DeviceInfo.UpTime": 3600,
    f"{OPTICAL}Upstream": "true",
    f"{OPTICAL}Status": "Up",
    f"{OPTICAL}OpticalSignalLevel": -21502,
    f"{OPTICAL}TransmitOpticalLevel": "2140",
    f"{XPON}TC.ONUActivation.SerialNumber": "HWTC00000007",
    f"{XPON}Transceiver.1.Bias": 12500,
    f"{XPON}Transceiver.1.Voltage": "3290",
    f"{XPON}Transceiver.1.Temperature": 46,
    f"{XPON}TC.PM.PHY.CorrectedFECCodewords": "17",
    f"{XPON}TC.PM.PHY.UncorrectableFECCodewords": 0,
    "Device.Ethernet.Interface.1.Upstream": "false",
    "Device.Ethernet.Interface.1.Status": "Up",
    "Device.Ethernet.Interface.1.CurrentBitRate": 100,
    "Device.Ethernet.Interface.2.Status": "Up",
    "Device.Ethernet.Interface.2.CurrentBitRate": 1000,
    "Device.Ethernet.Interface.3.Status": "Down",
    "Device.Ethernet.Interface.3.CurrentBitRate": 2500,
}
SAID = {
    "rx_dbm": pytest.approx(-21.502),
    "tx_dbm": pytest.approx(2.14),
    "state": "up",
    "bias_ma": pytest.approx(12.5),
    "voltage_v": pytest.approx(3.29),
    "temp_c": 46,
    "fec_corrected": 17,
    "fec_uncorrected": 0,
    "eth_speed_mbps": 1000,
}


def hierarchy(flat: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path, value in flat.items():
        at = out
        *above, name = path.split(".")
        for part in above:
            at = at.setdefault(part, {})
        at[name] = value
    return out


@pytest.mark.parametrize(
    "payload",
    [
        {"Report": [FLAT]},
        {"Report": FLAT},
        {"Report": [hierarchy(FLAT)]},
        FLAT,
        {
            "Report": [
                {"ReportTimestamp": AT, "ParameterName": path, "ParameterValue": value, "ParameterType": "string"}
                for path, value in FLAT.items()
                if path != "CollectionTime"
            ]
        },
    ],
    ids=["name-value pairs", "one report", "object hierarchy", "no envelope", "rows"],
)
def test_every_encoding_says_the_same(payload: Any) -> None:
    (reading,), refused, ignored = decoded(payload)
    assert refused == []
    assert reading.values == SAID
    assert reading.quality is None
    assert reading.time == NOW - timedelta(minutes=2)
    assert (reading.ont_serial, *reading.other_serials[:2]) == ("HWTC00000007", "SN-1234", "HWTC00000001")
    assert ignored == 1  # UpTime


def test_a_line_is_found_by_whichever_name_a_lines_file_has() -> None:
    known = PublishingLines(lines(*[(f"L{n}", "OLT-1", "0/1", f"HWTC{n:08X}", n) for n in (1, 7)]))
    level = {f"{OPTICAL}OpticalSignalLevel": -20000}
    pon = {f"{XPON}TC.ONUActivation.SerialNumber": "HWTC00000007"}
    maker = {"Device.DeviceInfo.SerialNumber": "4857544300000007"}
    stranger = {"Device.DeviceInfo.SerialNumber": "SN-99"}
    found = []
    for said in ({**level, **pon, **stranger}, {**level, **maker}, {**level, **stranger}, level):
        readings, _, _ = decoded({"Report": [said]})
        batch = known.batch("mqtt:b", readings, lambda _, refused: pytest.fail(str(refused)))
        assert batch is not None
        found += batch.table["line_id"].to_pylist()
    assert found == ["L7", "L7", "L1", "L1"]  # the last two by the topic
    readings, _, _ = decoded({"Report": [level]}, topic="bulk/nobody")
    refused: list[int] = []
    assert known.batch("mqtt:b", readings, lambda n, _: refused.append(n)) is None
    assert refused == [0]


def test_several_reports_are_several_readings_and_the_good_ones_are_kept() -> None:
    reports = [{"CollectionTime": AT + n * 60, f"{OPTICAL}OpticalSignalLevel": -20000 - n} for n in range(3)]
    readings, refused, _ = decoded({"Report": [*reports, {"CollectionTime": 5, f"{OPTICAL}OpticalSignalLevel": -2}]})
    assert [r.values["rx_dbm"] for r in readings] == pytest.approx([-20.0, -20.001, -20.002])
    assert refused == [Refusal.TOO_OLD]


@pytest.mark.parametrize(
    ("path", "sent", "value", "quality"),
    [
        (f"{OPTICAL}OpticalSignalLevel", -21.5, None, "rx_dbm:unreadable"),  # dBm where thousandths are meant
        (f"{OPTICAL}OpticalSignalLevel", -21, None, "rx_dbm:out_of_range"),  # whole dBm
        (f"{OPTICAL}OpticalSignalLevel", "-65536", None, "rx_dbm:out_of_range"),
        (f"{OPTICAL}OpticalSignalLevel", True, None, "rx_dbm:unreadable"),
        (f"{OPTICAL}OpticalSignalLevel", "", None, "rx_dbm:unreadable"),
        (f"{OPTICAL}OpticalSignalLevel", None, None, "rx_dbm:unreadable"),
        (f"{OPTICAL}Status", "LowerLayerDown", "down", None),
        (f"{OPTICAL}Status", "Sideways", None, "state:unreadable"),
        (f"{XPON}Transceiver.1.RxPower", -215, pytest.approx(-21.5), None),
        (f"{XPON}Transceiver.1.RxPower", -21, None, "rx_dbm:out_of_range"),  # whole dBm
        (f"{XPON}Transceiver.1.RxPower", -21500, None, "rx_dbm:out_of_range"),  # thousandths
        (f"{XPON}Transceiver.1.Temperature", "-274", None, "temp_c:sentinel"),
        (f"{XPON}Transceiver.1.Voltage", 3, None, "voltage_v:out_of_range"),  # whole volts
        (f"{XPON}TC.PM.PHY.CorrectedFECCodewords", "18446744073709551615", None, "fec_corrected:out_of_range"),
        ("Device.Ethernet.Interface.1.CurrentBitRate", "0", None, "eth_speed_mbps:out_of_range"),
    ],
)
def test_a_value_in_another_unit_or_none_at_all_is_no_reading(
    path: str, sent: Any, value: Any, quality: str | None
) -> None:
    found = figures([(path, sent)])
    assert list(found.values.values()) == [value]
    assert found.quality == quality


def test_the_upstream_interface_speaks_for_the_line() -> None:
    both = {f"Device.Optical.Interface.{n}.OpticalSignalLevel": -20000 - 1000 * n for n in (1, 2)}
    assert figures([*both.items()]).values["rx_dbm"] == pytest.approx(-21)
    said = {**both, "Device.Optical.Interface.1.Upstream": False, "Device.Optical.Interface.2.Upstream": True}
    assert figures([*said.items()]).values["rx_dbm"] == pytest.approx(-22)
    assert figures([*reversed(said.items())]).values["rx_dbm"] == pytest.approx(-22)


def test_an_object_that_has_a_value_fills_in_for_one_that_has_none() -> None:
    found = figures([(f"{OPTICAL}OpticalSignalLevel", "0"), (f"{XPON}Transceiver.1.RxPower", "-220")])
    assert found.values == {"rx_dbm": pytest.approx(-22)}
    assert found.quality is None


def test_a_port_towards_the_network_is_not_the_customers_speed() -> None:
    found = figures(
        [
            ("Device.Ethernet.Interface.1.Upstream", "1"),
            ("Device.Ethernet.Interface.1.CurrentBitRate", "10000"),
            ("Device.Ethernet.Interface.2.CurrentBitRate", "100"),
        ]
    )
    assert found.values == {"eth_speed_mbps": 100}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"Report": 7}, Refusal.NOT_AN_OBJECT),
        ({"Report": [7]}, Refusal.NOT_AN_OBJECT),
        ({"Report": [{}]}, Refusal.NO_READING),
        ({"Report": [{"Device.X": 1}]}, Refusal.NO_READING),
        ({"Report": [{**FLAT, "CollectionTime": "yesterday"}]}, Refusal.BAD_TIME),
        ({"Report": [{**FLAT, "CollectionTime": AT + 3600}]}, Refusal.FUTURE),
        ({"Report": [{"ParameterName": "Device.X", "CollectionTime": []}]}, Refusal.BAD_TIME),
        (b'{"Report": [{"CollectionTime": 1, "CollectionTime": 2}]}', Refusal.DUPLICATE_KEY),
        (b'{"Report": [{"Device": ' + b'{"a": ' * 20 + b"1" + b"}" * 23, Refusal.NOT_JSON),
        (b'{"Report": [{"Device": ' + b'{"a": ' * 20 + b"1" + b"}" * 21 + b"]}", Refusal.NESTED),
        (b'{"Report": ' * 20_000, Refusal.TOO_LARGE),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(payload: Any, reason: Refusal) -> None:
    readings, refused, _ = decoded(payload, "auto")
    assert readings == []
    assert refused == [reason]


def test_a_broker_of_reports_takes_larger_ones() -> None:
    report = {**FLAT, **{f"Device.Hosts.Host.{n}.PhysAddress": "00:11:22:33:44:55" for n in range(2000)}}
    assert decoded({"Report": [report]}, "auto")[1] == [Refusal.TOO_LARGE]
    readings, refused, ignored = decoded({"Report": [report]}, "tr181")
    assert (len(readings), refused, ignored) == (1, [], 2001)


def test_the_mapping_names_fields_of_lines_and_bounds_every_gauge() -> None:
    for o in model().objects:
        for name, p in o.parameters.items():
            assert p.field.of == "line"
            if p.words:
                assert set(p.words.values()) <= set(p.field.words)
            elif p.field.kind == "gauge":
                assert None not in (p.low, p.high), name
                assert fields()[p.field.name].low <= p.low * p.scale < p.high * p.scale <= fields()[p.field.name].high


_PATHS = st.sampled_from([*FLAT, "Device", "Device.", "Report", "ParameterName", "ParameterValue", "Device.Optical"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([-21500, "-215"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_PATHS | st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON, st.sampled_from(["auto", "tr181", "lightline"]))
def test_no_document_crashes_the_decoder(document: Any, form: str) -> None:
    readings, refused, _ = decoded({"Report": document}, form)
    assert readings or refused or document == []
    for r in readings:
        assert r.values


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(payload: bytes) -> None:
    decoded(payload, "tr181")
