"""Traps and informs of real senders become readings, in every version of SNMP."""

import errno
import os
from pathlib import Path

import pytest

from collector.spool import Spool
from collector.traps.listening import trouble
from tests.collector.traps.conftest import COMMUNITY, TRAPS, Listen, net_snmp, olt, values

V3 = {"user": "noc", "auth": "sha256", "auth_key": "env:TEST_A", "priv": "aes128", "priv_key": "env:TEST_P"}
SIGNED = ("-v", "3", "-u", "noc", "-l", "authPriv", "-a", "SHA-256", "-A", "auth-pass-phrase", "-x", "AES",
          "-X", "priv-pass-phrase")  # fmt: skip
ENGINE = "0x80001f8804616263"
GASP = [("L2", "down_cause", "power_off"), ("L2", "state", "dying_gasp")]


async def test_a_dying_gasp_of_v2c_is_a_reading_of_its_line(listen: Listen) -> None:
    async with listen() as heard:
        to = f"127.0.0.1:{heard.port}"
        assert await net_snmp("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "", f"{TRAPS}.8.2", *values(2)) == 0
        status = await heard.until(lambda s: s.readings == 1)
        assert await heard.readings() == GASP
        assert (status.received, status.decoded, status.known, status.refused) == (1, 1, {"dying_gasp": 1}, {})
        assert heard.polled.looks == 1


async def test_version_1_says_the_same_in_its_own_form(listen: Listen) -> None:
    async with listen() as heard:
        to = f"127.0.0.1:{heard.port}"
        sent = await net_snmp("snmptrap", "-v", "1", "-c", COMMUNITY, to, f"{TRAPS}.8", "127.0.0.1", "6", "2", "",
                              *values(2))  # fmt: skip
        assert sent == 0
        await heard.until(lambda s: s.readings == 1)
        assert await heard.readings() == GASP


async def test_version_3_signed_and_enciphered(listen: Listen) -> None:
    async with listen(olt(version="3", credentials=V3)) as heard:
        to = f"127.0.0.1:{heard.port}"
        assert await net_snmp("snmptrap", *SIGNED, "-e", ENGINE, to, "", f"{TRAPS}.8.2", *values(2)) == 0
        await heard.until(lambda s: s.readings == 1)
        assert await heard.readings() == GASP


@pytest.mark.parametrize("version", ["2c", "3"])
async def test_an_inform_is_acknowledged(listen: Listen, version: str) -> None:
    who = ("-v", "2c", "-c", COMMUNITY) if version == "2c" else SIGNED
    device = olt() if version == "2c" else olt(version="3", credentials=V3)
    async with listen(device) as heard:
        to = f"127.0.0.1:{heard.port}"
        assert await net_snmp("snmpinform", *who, "-t", "2", "-r", "2", to, "", f"{TRAPS}.7.2", *values(3, "7", 3)) == 0
        assert await heard.readings() == [("L3", "state", "down")]
        assert (heard.status.informs, heard.status.acknowledged) == (1, 1)


async def test_the_listeners_own_credentials_go_before_the_devices(listen: Listen) -> None:
    async with listen(
        olt(credentials={"community": "env:TEST_A"}), credentials={"community": "env:TEST_TRAP", **V3}
    ) as heard:
        to = f"127.0.0.1:{heard.port}"
        for who in (("-v", "2c", "-c", COMMUNITY), ("-v", "2c", "-c", "auth-pass-phrase"), (*SIGNED, "-e", ENGINE)):
            await net_snmp("snmptrap", *who, to, "", f"{TRAPS}.8.2", *values(2))
        status = await heard.until(lambda s: s.readings == 2 and bool(s.refused))
        assert status.refused == {"wrong_community": 1}


async def test_a_device_behind_another_address_is_known_by_trap_address_or_engine_id(listen: Listen) -> None:
    behind = olt(host="192.0.2.1", trap_address=("127.0.0.1",))
    async with listen(behind, olt(id="OLT-2", host="127.0.0.1", trap_address=("192.0.2.9",))) as heard:
        to = f"127.0.0.1:{heard.port}"
        await net_snmp("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "", f"{TRAPS}.8.2", *values(2))
        await heard.until(lambda s: s.readings == 1)


async def test_an_engine_id_tells_a_device_behind_any_address(listen: Listen) -> None:
    async with listen(olt(host="192.0.2.1", version="3", credentials=V3, engine_id=ENGINE[2:])) as heard:
        to = f"127.0.0.1:{heard.port}"
        await net_snmp("snmptrap", *SIGNED, "-e", ENGINE, to, "", f"{TRAPS}.8.2", *values(2))
        await heard.until(lambda s: s.readings == 1)
        await net_snmp("snmptrap", *SIGNED, "-e", "0x80001f8804616299", to, "", f"{TRAPS}.8.2", *values(2))
        assert (await heard.until(lambda s: bool(s.refused))).refused == {"unknown_source": 1}


async def test_two_devices_with_one_address_and_one_community_are_not_guessed_between(listen: Listen) -> None:
    async with listen(olt(), olt(id="OLT-2")) as heard:
        to = f"127.0.0.1:{heard.port}"
        await net_snmp("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "", f"{TRAPS}.8.2", *values(2))
        status = await heard.until(lambda s: bool(s.refused))
        assert status.refused == {"ambiguous_source": 1}
        assert "trap_address" in status.samples["ambiguous_source"]


async def test_what_no_rule_knows_is_kept_as_a_sample_and_has_the_device_looked_at(listen: Listen) -> None:
    async with listen() as heard:
        to = f"127.0.0.1:{heard.port}"
        for number in (0, 1, 1):
            trap = f"1.3.6.1.4.1.2011.2.99.{number}"
            said = ("1.3.6.1.4.1.2011.2.9.1", "s", "slot 3")
            assert await net_snmp("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "", trap, *said) == 0
        await heard.until(lambda s: s.unknown == 2)
        await heard.listeners.end_windows()
        assert [(u.trap, u.count, u.device, u.values) for u in heard.status.unknown_traps] == [
            (f"1.3.6.1.4.1.2011.2.99.{number}", count, "OLT-1", ["1.3.6.1.4.1.2011.2.9.1 = slot 3"])
            for number, count in ((0, 1), (1, 2))
        ]
        assert await heard.readings() == []


async def test_an_onu_in_no_lines_file_is_an_event_with_its_place(listen: Listen) -> None:
    async with listen() as heard:
        to = f"127.0.0.1:{heard.port}"
        await net_snmp("snmptrap", "-v", "2c", "-c", COMMUNITY, to, "", f"{TRAPS}.8.2", *values(9))
        await heard.until(lambda s: s.events == 1)
        (event,) = heard.listeners.events()
        assert (event.kind, event.device, event.line_id, event.now) == ("trap", "OLT-1", "OLT-1/0/1/9", "dying_gasp")
        assert await heard.readings() == []


async def test_a_port_that_is_taken_is_told_with_its_remedy(listen: Listen, tmp_path: Path) -> None:
    other = Spool(tmp_path / "other", 1 << 20)
    async with listen() as first, listen(port=first.port, spool=other) as second:
        assert second.status.state == "down"
        assert "taken by another program" in second.status.detail
    await other.close()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EADDRNOTAVAIL, "0.0.0.0"), (errno.EIO, "Input/output error")],
)
def test_what_is_wrong_with_a_port_names_the_remedy(number: int, words: str) -> None:
    said = trouble(OSError(number, os.strerror(number)), "192.0.2.1", 162)
    assert "UDP port 162 on 192.0.2.1" in said
    assert words in said
