"""The few BER forms SNMP v2c needs (ITU-T X.690, RFC 3416): encode values, decode requests. Strict at the edge."""

from functools import lru_cache

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TICKS, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB = 0x80, 0x81, 0x82
_MAX_SUB_IDENTIFIER = 0xFFFFFFFF
_MAX_SUB_IDENTIFIERS = 128  # RFC 3416, section 4

Oid = tuple[int, ...]


class MalformedError(ValueError):
    """The bytes are no BER, or none that SNMP allows."""


def length(n: int) -> bytes:
    if n < 0x80:
        return bytes((n,))
    body = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(body),)) + body


def tlv(tag: int, body: bytes) -> bytes:
    return bytes((tag,)) + length(len(body)) + body


@lru_cache(maxsize=65536)
def integer(value: int, tag: int = INTEGER) -> bytes:
    """A signed integer, or with another tag an unsigned one (which must not be negative)."""
    octets_needed = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return tlv(tag, value.to_bytes(octets_needed, "big", signed=True))


def octets(value: bytes) -> bytes:
    return tlv(OCTETS, value)


def _base128(n: int) -> bytes:
    out = bytearray((n & 0x7F,))
    n >>= 7
    while n:
        out.insert(0, 0x80 | (n & 0x7F))
        n >>= 7
    return bytes(out)


@lru_cache(maxsize=4096)
def sub_identifier(n: int) -> bytes:
    return _base128(n)


def oid_body(oid: Oid) -> bytes:
    """Contents of an OID; the first two sub-identifiers share an octet."""
    if len(oid) < 2:
        return b"\x00"
    return _base128(oid[0] * 40 + oid[1]) + b"".join(map(sub_identifier, oid[2:]))


def oid(value: Oid) -> bytes:
    return tlv(OID, oid_body(value))


def read(data: bytes, at: int, end: int, expected: int | None = None) -> tuple[int, int, int]:
    """(tag, start, stop) of the element at `at`; MalformedError when it does not fit before `end`."""
    if at + 2 > end:
        raise MalformedError("the message ends inside an element")
    tag, size = data[at], data[at + 1]
    start = at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or start + count > end:
            raise MalformedError("a length is indefinite, too long or cut off")
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + size > end:
        raise MalformedError("an element is longer than the message")
    if expected is not None and tag != expected:
        raise MalformedError(f"expected tag {expected:#x}, found {tag:#x}")
    return tag, start, start + size


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, next position) of an INTEGER of at most 32 bits."""
    _, start, stop = read(data, at, end, INTEGER)
    if not 1 <= stop - start <= 4:
        raise MalformedError("an integer is empty or longer than 32 bits")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def parse_oid(body: bytes) -> Oid:
    """Sub-identifiers of an OID's contents; MalformedError on a cut-off, too large or too long one."""
    if not body or body[-1] & 0x80:
        raise MalformedError("an object identifier is empty or cut off")
    out: list[int] = []
    n = 0
    for octet in body:
        n = (n << 7) | (octet & 0x7F)
        if n > _MAX_SUB_IDENTIFIER:
            raise MalformedError("a sub-identifier is larger than 32 bits")
        if not octet & 0x80:
            out.append(n)
            n = 0
    if len(out) > _MAX_SUB_IDENTIFIERS - 1:
        raise MalformedError("an object identifier has more than 128 sub-identifiers")
    first = min(out[0] // 40, 2)
    return (first, out[0] - 40 * first, *out[1:])
