"""SNMP v2c messages (RFC 1901, RFC 3416): requests read, responses written."""

from dataclasses import dataclass

from simulator.snmp import ber

GET, GET_NEXT, RESPONSE, SET, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA3, 0xA5
NO_ERROR, TOO_BIG, GEN_ERR, NOT_WRITABLE = 0, 1, 5, 17
V2C = 1
_MAX_VARBINDS = 1024


@dataclass(frozen=True)
class Request:
    """A request of version 2c. `names` are the OIDs' contents as they came; `first` and `second` are
    non-repeaters and max-repetitions of a GETBULK, error fields otherwise."""

    community: bytes
    kind: int
    request_id: int
    first: int
    second: int
    names: tuple[bytes, ...]
    varbinds: bytes  # the list's contents as they came, for an error's echo


def decode(data: bytes) -> Request:
    """ber.MalformedError when the datagram is not one whole v2c request."""
    _, at, end = ber.read(data, 0, len(data), ber.SEQUENCE)
    version, at = ber.read_integer(data, at, end)
    if version != V2C:
        raise ber.MalformedError("only version 2c is spoken here")
    _, start, at = ber.read(data, at, end, ber.OCTETS)
    community = data[start:at]
    kind, at, stop = ber.read(data, at, end)
    if kind not in (GET, GET_NEXT, SET, GET_BULK):
        raise ber.MalformedError(f"no request has the tag {kind:#x}")
    request_id, at = ber.read_integer(data, at, stop)
    first, at = ber.read_integer(data, at, stop)
    second, at = ber.read_integer(data, at, stop)
    _, at, last = ber.read(data, at, stop, ber.SEQUENCE)
    varbinds = data[at:last]
    names = []
    while at < last:
        _, inner, at = ber.read(data, at, last, ber.SEQUENCE)
        _, name, name_end = ber.read(data, inner, at, ber.OID)
        ber.read(data, name_end, at)
        names.append(data[name:name_end])
        if len(names) > _MAX_VARBINDS:
            raise ber.MalformedError(f"more than {_MAX_VARBINDS} variables in one request")
    return Request(community, kind, request_id, first, second, tuple(names), varbinds)


def response(request: Request, varbinds: bytes, error: int = NO_ERROR, index: int = 0) -> bytes:
    """The whole datagram; `varbinds` are encoded pairs, one after another."""
    body = (
        ber.integer(request.request_id)
        + ber.integer(error)
        + ber.integer(index)
        + b"\x30"
        + ber.length(len(varbinds))
        + varbinds
    )
    inside = _PREFIX + ber.octets(request.community) + b"\xa2" + ber.length(len(body)) + body
    return b"\x30" + ber.length(len(inside)) + inside


def varbind(name: bytes, value: bytes) -> bytes:
    """A pair from an OID's contents and an encoded value."""
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OID, name) + value)


_PREFIX = ber.integer(V2C)
