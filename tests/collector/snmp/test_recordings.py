"""Walks of real devices: what comes out is what stands in the recording, read by hand here, and nothing more."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from collector.asking import Chosen
from collector.snmp import Poll
from tests.collector.snmp.asking import asker, device, turnstile

E = "1.3.6.1.4.1"


async def asked(port: int, name: str) -> tuple[Chosen, Poll]:
    asks, gate = asker(name), turnstile()
    chosen = await asks.choose(device(port), gate)
    assert chosen.profile is not None, chosen.reason
    return chosen, await asks.poll_all(device(port), chosen.profile, gate)


@cache
def walk(recordings: Path, name: str) -> dict[str, str]:
    lines = (recordings / f"{name}.snmprec").read_text(encoding="utf-8", errors="replace").splitlines()
    return {oid: value for oid, _, value in (line.split("|", 2) for line in lines if line.count("|") >= 2)}


def column(recordings: Path, name: str, oid: str) -> dict[str, str]:
    return {k[len(oid) + 1 :]: v for k, v in walk(recordings, name).items() if k.startswith(oid + ".")}


def octets(index: str) -> str:
    return "".join(chr(int(n)) for n in index.split(".")[1:])


async def test_ufiber_tells_29_onus_and_the_light_of_the_16_that_are_online(recorded: int, recordings: Path) -> None:
    chosen, poll = await asked(recorded, "edgeosolt")
    assert chosen.profile == "ufiber"
    rows = {r["ont_serial"]: r for r in poll.lines.to_pylist()}
    online = column(recordings, "edgeosolt", f"{E}.41112.1.5.6.2.1.3")
    rx = column(recordings, "edgeosolt", f"{E}.41112.1.5.6.2.1.9")
    tx = column(recordings, "edgeosolt", f"{E}.41112.1.5.6.2.1.8")
    port = column(recordings, "edgeosolt", f"{E}.41112.1.5.6.2.1.5")
    assert len(rows) == len(online) == 29
    for index, state in online.items():
        row = rows[octets(index).upper()]
        assert row["state"] == ("up" if state == "1" else "down")
        if state == "1":
            assert row["rx_dbm"] == pytest.approx(int(rx[index]) / 100)
            assert row["tx_dbm"] == pytest.approx(int(tx[index]) / 100)
            assert row["pon"] == f"pon{port[index]}"
        else:
            assert row["rx_dbm"] is None
            assert row["pon"] is None
            assert "rx_dbm:not_up" in row["quality"]
    assert sum(r["rx_dbm"] is not None for r in rows.values()) == 16
    assert sum(poll.pons["onts_up"].to_pylist()) == 16


async def test_vsol_text_becomes_numbers(recorded: int, recordings: Path) -> None:
    chosen, poll = await asked(recorded, "vsolution_v1600d")
    assert chosen.profile == "vsol"
    rows = poll.lines.to_pylist()
    assert len(rows) == 16
    optics = f"{E}.37950.1.1.5.12.2.1.8.1"
    for row in rows:
        index = f"{row['pon'].split('/')[1]}.{row['ont']}"
        for name, number in (("temp_c", 3), ("voltage_v", 4), ("bias_ma", 5)):
            text = column(recordings, "vsolution_v1600d", f"{optics}.{number}")[index]
            assert row[name] == pytest.approx(float(text.split()[0])), (name, text)
        for name, number in (("tx_dbm", 6), ("rx_dbm", 7)):
            text = column(recordings, "vsolution_v1600d", f"{optics}.{number}")[index]
            assert row[name] == pytest.approx(float(text.split("(")[1].split()[0])), (name, text)
    assert poll.pons.select(["pon", "pon_temp_c", "pon_voltage_v", "pon_bias_ma", "pon_tx_dbm"]).to_pylist()[0] == {
        "pon": "0/1",
        "pon_temp_c": pytest.approx(27.84),
        "pon_voltage_v": pytest.approx(3.22),
        "pon_bias_ma": pytest.approx(7.01),
        "pon_tx_dbm": pytest.approx(6.56),
    }


async def test_zte_has_458_onus_of_which_376_are_heard(recorded: int, recordings: Path) -> None:
    chosen, poll = await asked(recorded, "zxa10_c320v2")
    assert chosen.profile == "zte-1082"
    raw = column(recordings, "zxa10_c320v2", f"{E}.3902.1082.500.1.2.4.2.1.2")
    rows = poll.lines.to_pylist()
    assert len(rows) == len(raw) == 458
    assert len({r["pon"] for r in rows}) == 14
    for row in rows:
        shelf, slot, port = map(int, row["pon"].split("/"))
        said = int(raw[f"{0x11000000 + (shelf << 16) + (slot << 8) + port}.{row['ont']}"])
        if said == -80000:
            assert row["olt_rx_dbm"] is None
            assert row["quality"] == "olt_rx_dbm:sentinel"
        else:
            assert row["olt_rx_dbm"] == pytest.approx(said / 1000, abs=1e-4)
            assert row["quality"] is None
    assert Counter(r["olt_rx_dbm"] is None for r in rows) == {False: 376, True: 82}
    assert not any(v is not None and v <= -45 for v in poll.lines["olt_rx_dbm"].to_pylist())


async def test_zte_optical_modules_are_ports_and_uplinks_are_not(recorded: int, recordings: Path) -> None:
    _, poll = await asked(recorded, "zxa10_c320v2")
    names = column(recordings, "zxa10_c320v2", "1.3.6.1.2.1.31.1.1.1.1")
    base = f"{E}.3902.1082.30.40.2.4.1"
    gpon = {i: n.removeprefix("gpon_") for i, n in names.items() if n.startswith("gpon_")}
    rows = {r["pon"]: r for r in poll.pons.to_pylist()}
    assert sorted(rows) == sorted(gpon.values())
    for index, pon in gpon.items():
        for name, number in (("pon_tx_dbm", 3), ("pon_bias_ma", 5), ("pon_voltage_v", 6), ("pon_temp_c", 8)):
            said = int(column(recordings, "zxa10_c320v2", f"{base}.{number}")[index])
            expected = None if said == 2147483647 else pytest.approx(said / 1000, abs=1e-4)
            assert rows[pon][name] == expected, (pon, name)


async def test_huawei_modules_are_read_and_their_missing_rx_is_no_number(recorded: int, recordings: Path) -> None:
    chosen, poll = await asked(recorded, "smartax")
    assert chosen.profile == "huawei"
    names = {n.removeprefix("GPON "): i for i, n in column(recordings, "smartax", "1.3.6.1.2.1.31.1.1.1.1").items()}
    base = f"{E}.2011.6.128.1.1.2"
    rows = poll.pons.to_pylist()
    assert len(rows) == 32
    assert poll.lines.num_rows == 0
    for row in rows:
        index = names[row["pon"]]
        for name, oid, scale in (
            ("pon_temp_c", "23.1.1", 1), ("pon_voltage_v", "23.1.2", 0.01), ("pon_bias_ma", "23.1.3", 1),
            ("pon_tx_dbm", "23.1.4", 0.01), ("onts_total", "21.1.16", 1),
        ):  # fmt: skip
            said = int(column(recordings, "smartax", f"{base}.{oid}")[index])
            assert row[name] == pytest.approx(said * scale), (row["pon"], name)
        assert row["rx_dbm"] is None
        assert row["quality"] == "rx_dbm:sentinel"


@pytest.mark.parametrize(
    "name", ["luminato_c12", "eltex-olt", "slms", "raisecom", "smartax-mdu", "zxdsl", "calix_716ge"]
)
async def test_what_is_not_known_is_said_to_be_so(recorded: int, name: str) -> None:
    chosen = await asker(name).choose(device(recorded), turnstile())
    assert chosen.profile is None
    assert chosen.evidence
    assert "1.3.6.1" in chosen.reason


async def test_calix_linear_power_becomes_dbm(recorded: int, recordings: Path) -> None:
    chosen, poll = await asked(recorded, "exa_pon")
    assert chosen.profile == "calix-e7"
    assert poll.pons.num_rows == 16
    raw = column(recordings, "exa_pon", f"{E}.6321.1.2.2.2.1.6.2.1.8")
    for row in poll.pons.to_pylist():
        said = raw.get(row["pon"].replace("/", "."))
        if said is None:
            assert "rx_dbm:no_answer" in row["quality"]
        else:
            assert 10 ** (row["rx_dbm"] / 10) * 10_000 == pytest.approx(int(said), rel=1e-4)


async def test_nokia_lanes_without_power_are_no_number_and_interfaces_tell_state(recorded: int) -> None:
    chosen, poll = await asked(recorded, "nokia-isam")
    assert chosen.profile == "nokia-isam"
    assert poll.lines.num_rows == 30
    assert set(poll.lines["state"].to_pylist()) == {"up", "down"}
    assert poll.pons.select(["pon", "pon_tx_dbm", "rx_dbm"]).to_pylist() == [
        {"pon": "1/1/1/1", "pon_tx_dbm": pytest.approx(4.94), "rx_dbm": None},
        {"pon": "1/1/1/4", "pon_tx_dbm": pytest.approx(4.0), "rx_dbm": None},
        {"pon": "1/1/1/5", "pon_tx_dbm": pytest.approx(5.72), "rx_dbm": None},
    ]


async def test_a_cable_modem_is_one_line(recorded: int) -> None:
    chosen, poll = await asked(recorded, "motorola-cm")
    assert chosen.profile == "docsis-modem"
    row = poll.lines.to_pylist()[0]
    assert row["state"] == "up"
    assert row["us_power_dbmv"] == pytest.approx(52.4)
    assert row["ds_power_dbmv"] == pytest.approx(-7.3)
    assert row["ds_snr_db"] == pytest.approx(40.0)
    assert row["reflection_dbc"] == -30
    assert (row["cw_corrected"], row["cw_uncorrected"]) == (1, 0)


async def test_a_cmts_tells_the_snr_of_channels_in_use(recorded: int) -> None:
    chosen, poll = await asked(recorded, "arris-c3")
    assert chosen.profile == "docsis-cmts"
    snr = {r["pon"]: r["us_snr_db"] for r in poll.pons.to_pylist()}
    assert snr["11"] == pytest.approx(26.9)
    assert snr["13"] == pytest.approx(28.1)
    assert [snr[p] for p in ("12", "14", "15", "16")] == [None] * 4


async def test_an_ont_with_its_own_agent_is_one_line(recorded: int) -> None:
    chosen, poll = await asked(recorded, "inteno_xg6846")
    assert chosen.profile == "ont-inteno"
    row = poll.lines.to_pylist()[0]
    assert row["ont_serial"] == "684624H197019306"
    assert row["rx_dbm"] == pytest.approx(-10.15)
    assert row["voltage_v"] == pytest.approx(3.32)


async def test_bdcom_ports_have_their_names_from_the_interfaces(recorded: int) -> None:
    chosen, poll = await asked(recorded, "bdcom")
    assert chosen.profile == "bdcom-gpon"
    assert {r["pon"]: r["onts_up"] for r in poll.pons.to_pylist()}["0/2"] == 43


@pytest.mark.parametrize(
    ("name", "column_of_names", "ports"),
    [
        ("datacom-dmos_dm4610-hw2", "1.3.6.1.2.1.2.2.1.2", 8),
        ("datacom-dmos_dm4618", "1.3.6.1.2.1.2.2.1.2", 32),
        ("gwd", "1.3.6.1.2.1.31.1.1.1.1", 12),
        ("ubiquoss-pon_9500", "1.3.6.1.2.1.2.2.1.2", 48),
        ("cdata", "1.3.6.1.2.1.2.2.1.2", 8),
        ("exa_e7-2", "1.3.6.1.2.1.31.1.1.1.1", 4),
    ],
)
async def test_where_only_standard_tables_answer_pon_ports_tell_their_state(
    recorded: int, recordings: Path, name: str, column_of_names: str, ports: int
) -> None:
    chosen, poll = await asked(recorded, name)
    assert chosen.profile == "standard-ports"
    assert poll.lines.num_rows == 0
    states = column(recordings, name, "1.3.6.1.2.1.2.2.1.8")
    named = {n: i for i, n in column(recordings, name, column_of_names).items() if "pon" in n.lower()}
    expected = {
        re.split(r"pon[_-]*(?:port )?", n.lower())[1]: "up" if states[i] == "1" else "down"
        for n, i in named.items()
        if i in states
    }
    assert {r["pon"]: r["pon_state"] for r in poll.pons.to_pylist()} == expected
    assert len(expected) == ports
    assert {n for n in poll.pons.column_names if n not in ("pon", "quality")} == {"pon_state"}


async def test_optical_amplifiers_tell_levels_and_what_is_no_level_is_none(recorded: int) -> None:
    chosen, poll = await asked(recorded, "bktel-oa_koa")
    assert chosen.profile == "bktel"
    assert poll.pons.select(["rx_dbm", "node_tx_dbm", "temp_c"]).to_pylist() == [
        {"rx_dbm": 6.5, "node_tx_dbm": 16.5, "temp_c": 36.0}
    ]
    chosen, poll = await asked(recorded, "edfamux")
    assert chosen.profile == "edfa-51628"
    assert poll.pons["rx_dbm"].to_pylist() == [pytest.approx(-21.7)]
    assert poll.pons["node_tx_dbm"].to_pylist() == [pytest.approx(0.4)]
    chosen, poll = await asked(recorded, "edfa")
    assert chosen.profile == "nscrtv-hfc"
    rows = {r["pon"]: r for r in poll.pons.to_pylist()}
    assert rows["slot/1"]["temp_c"] == 22
    assert rows["amplifier/pump/1"]["temp_c"] == pytest.approx(24.9)
    assert rows["amplifier"]["node_tx_dbm"] is None  # -355: no amplifier sends -35.5 dBm
    assert "node_tx_dbm:out_of_range" in rows["amplifier"]["quality"]
