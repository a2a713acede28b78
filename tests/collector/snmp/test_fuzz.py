"""Damaged datagrams: whatever comes back, the walk ends, only the known errors are raised, and no number is made up."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from collector.snmp.session import Credentials, CredentialsError, GarbledError, SilentError, open_session
from collector.snmp.walk import Walked, Walker, WalkLimits
from simulator.snmp import ber, message
from tests.collector.snmp import hostile
from tests.collector.snmp.asking import device, turnstile
from tests.collector.snmp.hostile import COLUMN, HostileAgent, oid, serving

ROWS = 30
UNSIGNED = (ber.COUNTER32, ber.GAUGE32)
KNOWN = (SilentError, GarbledError, CredentialsError)
FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Fuzzed:
    """An agent on loopback whose answers are what the example says; one event loop for all examples of a test."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.answer: hostile.Behaviour = hostile.silent

    def walk(self, behaviour: hostile.Behaviour) -> Walked | None:
        """The column as the walker reads it; None where it raised one of the known errors."""
        return self.loop.run_until_complete(self._walk(behaviour))

    async def _walk(self, behaviour: hostile.Behaviour) -> Walked | None:
        async with serving(behaviour, mib=hostile.honest_mib(ROWS)) as (agent, port):
            session = await open_session(device(port), Credentials("public"), 0.03)
            try:
                column = await Walker(session, turnstile(), WalkLimits(tries=1, rows=200)).column(COLUMN)
            except KNOWN:
                return None
            finally:
                session.close()
                assert len(agent.asked) < 50
            return column


@pytest.fixture
def fuzzed() -> Iterator[Fuzzed]:
    one = Fuzzed()
    yield one
    one.loop.close()


def truth_or_nothing(walked: Walked | None) -> None:
    for row, value in zip(walked.rows, walked.values, strict=True) if walked else ():
        assert value == 2 * int(row)


@FEW
@given(junk=st.binary(max_size=300))
@example(junk=b"")
@example(junk=b"\x30\x80\x02\x01\x01\x00\x00")  # an indefinite length
@example(junk=b"\x30\x84\xff\xff\xff\xff")
def test_bytes_that_are_no_answer(fuzzed: Fuzzed, junk: bytes) -> None:
    assert not (fuzzed.walk(lambda agent, request: [junk]) or Walked("")).rows


@FEW
@given(cut=st.integers(0, 900), more=st.binary(max_size=8))
def test_answers_cut_off_or_with_something_behind_them(fuzzed: Fuzzed, cut: int, more: bytes) -> None:
    truth_or_nothing(fuzzed.walk(lambda agent, request: [agent.honest(request)[:cut] + more]))


@FEW
@given(data=st.data())
def test_octets_changed_anywhere(fuzzed: Fuzzed, data: st.DataObject) -> None:
    """A changed octet inside a value is another value, which nobody can tell; all else must not become one."""
    at = data.draw(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))

    def changed(agent: HostileAgent, request: message.Request) -> Sequence[bytes | None]:
        answer = bytearray(agent.honest(request))
        for place, octet in at:
            answer[int(place * len(answer))] = octet
        return [bytes(answer)]

    walked = fuzzed.walk(changed)
    assert walked is None or len(walked.rows) == len(walked.values) <= 200


@FEW
@given(tag=st.integers(0, 255), body=st.binary(max_size=12))
@example(tag=ber.INTEGER, body=b"")
@example(tag=ber.INTEGER, body=b"\x00" * 12)
@example(tag=0x44, body=b"\x9f\x78\x04\x7f\xc0\x00\x00")  # a float in Opaque that is not a number
@example(tag=0x44, body=b"\x9f\x79\x08")
@example(tag=ber.COUNTER64, body=b"\xff" * 8)
@example(tag=ber.OID, body=b"\x80")  # breaks gufo's decoder
def test_values_of_any_type_and_length(fuzzed: Fuzzed, tag: int, body: bytes) -> None:
    """The odd value stands for itself, as whatever it is; the others are what they were."""

    def odd(agent: HostileAgent, request: message.Request) -> Sequence[bytes | None]:
        if request.kind != message.GET_BULK or request.names[0] != ber.oid_body(oid(COLUMN)):
            return [agent.honest(request)]
        pairs = [message.varbind(ber.oid_body(oid(f"{COLUMN}.{n}")), ber.integer(2 * n)) for n in (1, 3)]
        pairs.insert(1, message.varbind(ber.oid_body(oid(f"{COLUMN}.2")), ber.tlv(tag, body)))
        return [message.response(request, b"".join(pairs))]

    walked = fuzzed.walk(odd)
    for row, value in zip(walked.rows, walked.values, strict=True) if walked else ():
        if row != "2":
            assert value == 2 * int(row)
        elif isinstance(value, int) and (tag == ber.INTEGER or tag in UNSIGNED) and _allowed(body):
            assert value == int.from_bytes(body, "big", signed=tag == ber.INTEGER)


def _allowed(body: bytes) -> bool:
    """Within 32 bits: what is longer nobody may send (RFC 2578, section 7.1), and gufo's core cuts it off."""
    return 0 < len(body) <= 4 or (len(body) == 5 and body[0] == 0)
