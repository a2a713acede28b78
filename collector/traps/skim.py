"""What a datagram is, read off its outermost BER fields: enough to tell equal notifications apart from others.

A few microseconds each where a full decoding takes four hundred: this is what keeps up with a storm. Nothing here is
trusted any further; collector/traps/decoding.py reads one of each kind whole (RFC 1157, 3416, 3412, 3414).
"""

from dataclasses import dataclass

LONGEST = 16_384  # bytes; a notification fits an Ethernet frame, and agents rarely send more than that

SEQUENCE, INTEGER, OCTETS, OID, TICKS = 0x30, 0x02, 0x04, 0x06, 0x43
TRAP_V1, INFORM, TRAP_V2 = 0xA4, 0xA6, 0xA7
_NUMBERS = frozenset((INTEGER, 0x41, 0x42, TICKS, 0x46))  # and Counter32, Gauge32, Counter64
_CONSTRUCTED = 0x20
_DEEPEST = 8
_REPORTABLE = 0x04  # flag of a v3 message: set on informs (and discovery), never on traps
_UPTIME = bytes.fromhex("06082b06010201010300")  # sysUpTime.0 as an OID


class MalformedError(ValueError):
    """The bytes are no SNMP message."""


class TruncatedError(MalformedError):
    """The bytes end before the message does."""


class StrangeError(ValueError):
    """A sound SNMP message, but none that is sent to a receiver of notifications."""


@dataclass(frozen=True, slots=True)
class Skimmed:
    """`key` is equal for datagrams that say the same (request id and uptime aside); `kind` for the same trap.

    `who` is the community or the v3 user's name. `reply_at`: where the tag of the PDU stands (v2c), to be changed for
    the answer.
    """

    version: int  # as on the wire: 0 is v1, 1 is v2c, 3 is v3
    confirmed: bool  # the sender waits for an answer
    who: bytes
    engine_id: bytes
    key: bytes
    kind: bytes
    reply_at: int = 0


def skim(data: bytes) -> Skimmed:
    """Raises MalformedError, TruncatedError or StrangeError."""
    try:
        start, end = _open(data, 0, SEQUENCE)
        if end != len(data):
            raise MalformedError(f"{len(data) - end} bytes follow the message")
        at, version = _number(data, start)
        if version == 3:
            return _secured(data, at)
        if version not in (0, 1):
            raise StrangeError(f"version {version} on the wire is none of v1, v2c, v3")
        start, end = _open(data, at, OCTETS)
        who, at = data[start:end], end
        tag = data[at]
        if tag == TRAP_V1 and version == 0:
            return _first_version(data, at, who)
        if tag in (INFORM, TRAP_V2) and version == 1:
            return _second_version(data, at, tag, who)
    except IndexError:
        raise TruncatedError("the message ends too early") from None
    raise StrangeError(f"PDU type {tag:#x} in version {version} is no notification")


def strict(data: bytes) -> None:
    """Look at every field of one message or PDU: numbers that have no octets are read as 0 elsewhere, and are none.

    Raises MalformedError. What follows the first field (padding of a cipher) is not looked at.
    """
    try:
        _strict(data, 0, 0)
    except IndexError:
        raise TruncatedError("a field ends too early") from None


def _strict(data: bytes, at: int, depth: int) -> int:
    start, end = _any(data, at)
    tag = data[at]
    if tag in _NUMBERS and not 0 < end - start <= 9:
        raise MalformedError(f"a number of {end - start} octets")
    if tag == OID and start == end:
        raise MalformedError("an empty OID")
    if tag & _CONSTRUCTED:
        if depth >= _DEEPEST:
            raise MalformedError("fields within fields, deeper than any message")
        while start < end:
            start = _strict(data, start, depth + 1)
        if start > end:
            raise MalformedError("a field reaches beyond the one it stands in")
    return end


def _first_version(data: bytes, at: int, who: bytes) -> Skimmed:
    start, end = _open(data, at, TRAP_V1)
    fields = start
    for _ in range(4):  # enterprise, agent address, generic and specific number
        _, fields = _any(data, fields)
    _, after = _open(data, fields, TICKS)
    said = data[start:fields] + data[after:end]
    return Skimmed(0, False, who, b"", b"1" + who + said, b"1" + data[start:fields])


def _second_version(data: bytes, at: int, tag: int, who: bytes) -> Skimmed:
    start, end = _open(data, at, tag)
    for _ in range(3):  # request id, error status and index
        _, start = _open(data, start, INTEGER)
    start, stop = _open(data, start, SEQUENCE)
    if stop != end:
        raise MalformedError("the list of values does not fill the PDU")
    inner, after = _open(data, start, SEQUENCE)
    if data.startswith(_UPTIME, inner):
        start = after
    _, kind_end = _open(data, start, SEQUENCE)
    mark = bytes((tag,))
    return Skimmed(1, tag == INFORM, who, b"", mark + who + data[start:end], mark + data[start:kind_end], at)


def _secured(data: bytes, at: int) -> Skimmed:
    start, end = _open(data, at, SEQUENCE)
    for _ in range(2):  # message id and largest size
        _, start = _open(data, start, INTEGER)
    start, stop = _open(data, start, OCTETS)
    if stop != start + 1:
        raise MalformedError("the flags of a v3 message are one octet")
    flags = data[start]
    start, stop = _open(data, end, OCTETS)
    start, inner = _open(data, start, SEQUENCE)
    if inner > stop:
        raise MalformedError("the security parameters do not fit their field")
    start, end = _open(data, start, OCTETS)
    engine_id = data[start:end]
    for _ in range(2):  # boots and time
        _, end = _open(data, end, INTEGER)
    start, end = _open(data, end, OCTETS)
    user = data[start:end]
    if len(engine_id) > 32 or len(user) > 32:
        raise MalformedError("an engine id or a user name is longer than 32 octets")
    return Skimmed(3, bool(flags & _REPORTABLE), user, engine_id, data, b"3" + engine_id + user)


def _any(data: bytes, at: int) -> tuple[int, int]:
    """Where the contents of the field at `at` start and end. Raises IndexError where it is cut off."""
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        if not 0 < octets <= 4:
            raise MalformedError("a length of no definite form")
        if start + octets > len(data):
            raise TruncatedError("the message ends in a length")
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    end = start + length
    if end > len(data):
        raise TruncatedError(f"a field of {length} bytes, and {len(data) - start} are left")
    return start, end


def _open(data: bytes, at: int, tag: int) -> tuple[int, int]:
    if data[at] != tag:
        raise MalformedError(f"field {data[at]:#x} where {tag:#x} belongs")
    return _any(data, at)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """The end of an integer and the integer."""
    start, end = _open(data, at, INTEGER)
    if not 0 < end - start <= 4:
        raise MalformedError("an integer of no or too many octets")
    return end, int.from_bytes(data[start:end], "big", signed=True)
