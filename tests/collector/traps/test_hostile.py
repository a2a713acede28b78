"""What comes is anybody's: garbage, strangers, wrong secrets, the past sent again. Each is counted and survived."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.spool import Spool
from collector.traps.decoding import read
from collector.traps.refusals import RefusedError
from collector.traps.skim import LONGEST, MalformedError, StrangeError, skim
from collector.traps.usm import Keys, Report, Usm
from tests.collector.traps.conftest import TRAPS, Listen, net_snmp, olt, values
from tests.collector.traps.datagrams import gasp, integer, tlv, v2c
from tests.collector.traps.test_receiving import ENGINE, SIGNED, V3

SOUND = gasp(2)
REFUSED = [
    (b"", "truncated"),
    (b"\x00" * 40, "malformed"),
    (b"GET / HTTP/1.1\r\n\r\n", "malformed"),
    (SOUND[:-3], "truncated"),
    (SOUND[:1], "truncated"),
    (SOUND + b"\x05\x00", "malformed"),
    (SOUND.ljust(LONGEST + 1, b"\0"), "oversized"),
    (b"\x30\x80" + SOUND[2:], "malformed"),
    (b"\x30\x84\xff\xff\xff\xff" + SOUND[2:], "truncated"),
    (SOUND.replace(b"\xa7", b"\xa0", 1), "no_notification"),
    (SOUND.replace(b"\x02\x01\x01", b"\x02\x01\x05", 1), "no_notification"),
    (gasp(2, community=b"public"), "wrong_community"),
    (gasp(2, community=b""), "wrong_community"),
    (v2c("1.3.6.1.4.1.1.2", [("1.3.6.1.2.1.1.1.0", b"\x3f\x01\x00")]), "malformed"),
    (v2c("1.3.6.1.4.1.1.2", [("1.3.6.1.2.1.1.1.0", b"\x02\x00")]), "malformed"),
    (v2c("1.3.6.1.4.1.1.2", [("1.3.6.1.2.1.1.1.0", b"\x24\x02" * 20)]), "malformed"),
    (tlv(0x30, integer(3, 1) + b"\x30\x00\x04\x00"), "malformed"),
]


@pytest.mark.parametrize(("data", "reason"), REFUSED, ids=[f"{n}-{r}" for n, (_, r) in enumerate(REFUSED)])
async def test_each_bad_datagram_is_counted_by_its_reason_and_the_next_is_taken(
    listen: Listen, data: bytes, reason: str
) -> None:
    async with listen() as heard:
        heard.send(data)
        status = await heard.until(lambda s: bool(s.refused))
        assert status.refused == {reason: 1}
        assert status.samples[reason].startswith("127.0.0.1: ")
        heard.send(SOUND)
        await heard.until(lambda s: s.readings == 1)


async def test_a_secret_that_is_missing_is_told_and_lets_nobody_in(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_TRAP")
    async with listen() as heard:
        heard.send(gasp(2, community=b""))
        status = await heard.until(lambda s: s.refused == {"wrong_community": 1})
        assert "export it before starting" in status.detail


async def test_strangers_are_refused_before_anything_is_read(listen: Listen) -> None:
    async with listen() as heard:
        for _ in range(50):
            heard.send(SOUND, host="127.0.0.9")
        status = await heard.until(lambda s: s.refused == {"unknown_source": 50})
        assert "trap_address" in status.samples["unknown_source"]
        assert (status.decoded, heard.polled.looks) == (0, 0)


async def test_a_wrong_community_in_a_storm_is_counted_and_read_once(listen: Listen) -> None:
    async with listen() as heard:
        for n in range(200):
            heard.send(gasp(2, community=b"guess", request=n))
        await heard.until(lambda s: s.received == 200 and bool(s.refused))
        await heard.listeners.end_windows()
        assert heard.status.refused == {"wrong_community": 200}
        assert heard.polled.looks == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (("-A", "another-pass-phrase"), "wrong_key"),
        (("-X", "another-pass-phrase"), "wrong_key"),
        (("-a", "SHA"), "wrong_key"),
        (("-l", "authNoPriv"), "wrong_level"),
        (("-l", "noAuthNoPriv"), "wrong_level"),
        (("-u", "mallory"), "unknown_user"),
    ],
)
async def test_a_v3_trap_that_shows_the_wrong_things_is_refused(
    listen: Listen, changed: tuple[str, str], reason: str
) -> None:
    async with listen(olt(version="3", credentials=V3)) as heard:
        to = f"127.0.0.1:{heard.port}"
        await net_snmp("snmptrap", *SIGNED, *changed, "-e", ENGINE, to, "", f"{TRAPS}.8.2", *values(2))
        assert (await heard.until(lambda s: bool(s.refused))).refused == {reason: 1}
        assert await heard.readings() == []


class _Caught(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.data: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.data.put_nowait(data)


async def _caught(*arguments: str) -> bytes:
    """What net-snmp sends."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Caught, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        await net_snmp("snmptrap", *arguments, f"127.0.0.1:{port}", "", f"{TRAPS}.8.2", *values(2))
        return await asyncio.wait_for(protocol.data.get(), 5)
    finally:
        transport.close()


NOC = Keys("noc", "sha256", "auth-pass-phrase", "aes128", "priv-pass-phrase")


async def test_a_signed_trap_caught_and_sent_again_later_is_refused() -> None:
    caught = await _caught(*SIGNED, "-e", ENGINE)
    now = [1000.0]
    usm = Usm(b"\x80\0\0\0\x04us", 1, lambda: now[0])
    assert usm.open(caught, [NOC]).said.trap == f"{TRAPS}.8.2"
    now[0] += 100
    assert usm.open(caught, [NOC]), "within the window: networks are slow"
    now[0] += 100
    with pytest.raises(RefusedError, match="outside_time_window"):
        usm.open(caught, [NOC])


async def test_a_changed_bit_of_a_signed_trap_is_refused_wherever_it_is() -> None:
    data = await _caught(*SIGNED, "-e", ENGINE)
    usm = Usm(b"\x80\0\0\0\x04us", 1)
    assert usm.open(data, [NOC])
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 0x10
        try:
            usm.open(bytes(changed), [NOC])
        except (RefusedError, MalformedError, Report):
            continue
        pytest.fail(f"byte {at} was changed and nobody noticed")


async def test_a_full_spool_loses_traps_in_words_and_acknowledges_no_inform(listen: Listen, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "tiny", 100, segment_bytes=4096)
    async with listen(spool=spool) as heard:
        heard.send(SOUND)
        status = await heard.until(lambda s: s.lost == 1)
        assert "the spool did not take them" in status.lost_why
        to = f"127.0.0.1:{heard.port}"
        who = ("-v", "2c", "-c", "only-for-tests", "-t", "0.3", "-r", "1")
        assert await net_snmp("snmpinform", *who, to, "", f"{TRAPS}.7.2", *values(3, "7", 3)) != 0
        assert (heard.status.acknowledged, heard.status.readings, heard.status.lost) == (0, 0, 1)
    await spool.close()


async def test_a_clock_that_jumps_neither_loses_nor_repeats(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listen() as heard:
        for jump in (0, 86400, -86400):
            monkeypatch.setattr("collector.traps.receiver.wall", lambda jump=jump: 1_800_000_000.0 + jump)
            heard.send(gasp(2))
            await heard.until(lambda s, n=heard.status.received: s.received == n + 1)
            await heard.listeners.end_windows()
        assert heard.status.readings == 3
        assert heard.status.folded == 0


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.binary(max_size=300), st.tuples(st.integers(0, len(SOUND) - 1), st.binary(max_size=6))))
def test_no_bytes_make_skimming_or_reading_fall_over(given: bytes | tuple[int, bytes]) -> None:
    data = given if isinstance(given, bytes) else SOUND[: given[0]] + given[1] + SOUND[given[0] + len(given[1]) :]
    try:
        skimmed = skim(data)
    except (MalformedError, StrangeError):
        return
    try:
        if skimmed.version == 3:
            Usm(b"\x80\0\0\0\x04us", 1).open(data, [NOC])
        else:
            read(data, skimmed)
    except (MalformedError, RefusedError, Report):
        pass


@pytest.fixture(scope="module")
def signed() -> bytes:
    return asyncio.run(_caught(*SIGNED, "-e", ENGINE))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 250), st.binary(min_size=1, max_size=5))
def test_no_change_of_a_v3_message_falls_over_or_gets_in(signed: bytes, at: int, what: bytes) -> None:
    at = min(at, len(signed) - 1)
    data = signed[:at] + what + signed[at + len(what) :]
    if data == signed:
        return
    usm = Usm(b"\x80\0\0\0\x04us", 1)
    with pytest.raises((MalformedError, StrangeError, RefusedError, Report)):
        skim(data) and usm.open(data, [NOC])
