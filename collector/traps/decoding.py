"""A datagram read whole by pysnmp: v1 and v2c messages, and the PDU inside a v3 one, become a Notification."""

import hashlib
from dataclasses import dataclass
from typing import Any

from pyasn1.codec.ber import decoder
from pysnmp.proto import rfc1155, rfc1902, rfc1905
from pysnmp.proto.api import v1, v2c

from collector.traps.skim import INFORM, MalformedError, Skimmed, strict

Value = int | bytes | str | None
VarBind = tuple[str, Value]

MOST_VALUES = 256  # of one notification
_UPTIME = "1.3.6.1.2.1.1.3.0"
_TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
_GENERIC = "1.3.6.1.6.3.1.1.5"  # RFC 3584: generic trap n of version 1 is .n+1 here
_SPECIFIC = 6


@dataclass(frozen=True)
class Notification:
    """What a device says of its own accord. `trap` is snmpTrapOID; `values` what follows it, in order.

    A value is an int, octets, or text (an OID or an IP address); None where there is none.
    """

    trap: str
    values: tuple[VarBind, ...]
    confirmed: bool
    request_id: int
    uptime_cs: int | None  # hundredths of a second since the agent started

    def digest(self, host: str) -> bytes:
        """Equal for the same notification sent again by the same device (16 octets)."""
        said = repr((host, self.request_id, self.uptime_cs, self.trap, self.values))
        return hashlib.blake2b(said.encode(), digest_size=16).digest()


def read(data: bytes, skimmed: Skimmed) -> Notification:
    """A v1 or v2c message. Raises MalformedError."""
    version = v1 if skimmed.version == 0 else v2c
    strict(data)
    try:
        message, _ = decoder.decode(data, asn1Spec=version.Message())
        pdu = version.apiMessage.get_pdu(message)
        return _first_version(pdu) if skimmed.version == 0 else read_pdu(pdu)
    except MalformedError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever pysnmp makes of garbage, it is garbage
        raise MalformedError(f"no readable notification: {_short(error)}") from None


def acknowledgement(data: bytes, skimmed: Skimmed) -> bytes:
    """The answer to a v2c inform: the same message as a response (RFC 3416, 4.2.7). No error is ever told."""
    answer = bytearray(data)
    answer[skimmed.reply_at] = 0xA2
    return bytes(answer)


def read_pdu(pdu: Any) -> Notification:
    """A version 2 trap or inform. Raises MalformedError."""
    tag = bytes(pdu.tagSet.superTags[-1].tagId.to_bytes(1, "big"))[0] | 0xA0
    values = [(str(name), plain(value)) for name, value in v2c.apiPDU.get_varbinds(pdu)]
    if len(values) > MOST_VALUES:
        raise MalformedError(f"{len(values)} values in one notification; {MOST_VALUES} are read")
    uptime: int | None = None
    if values and values[0][0] == _UPTIME and isinstance(values[0][1], int):
        uptime = values.pop(0)[1]  # type: ignore[assignment]
    if not values or values[0][0] != _TRAP_OID or not isinstance(values[0][1], str):
        raise MalformedError("snmpTrapOID does not stand where it belongs")
    trap = values.pop(0)[1]
    return Notification(str(trap), tuple(values), tag == INFORM, int(v2c.apiPDU.get_request_id(pdu)), uptime)


def _first_version(pdu: Any) -> Notification:
    api = v1.apiTrapPDU
    generic, specific = int(api.get_generic_trap(pdu)), int(api.get_specific_trap(pdu))
    trap = f"{api.get_enterprise(pdu)}.0.{specific}" if generic >= _SPECIFIC else f"{_GENERIC}.{generic + 1}"
    values = tuple((str(name), plain(value)) for name, value in api.get_varbinds(pdu)[:MOST_VALUES])
    return Notification(trap, values, False, 0, int(api.get_timestamp(pdu)))


def plain(value: Any) -> Value:
    """A pysnmp value as Python's own."""
    if isinstance(value, rfc1905.NoSuchObject | rfc1905.NoSuchInstance | rfc1905.EndOfMibView):
        return None
    if isinstance(value, rfc1902.IpAddress | rfc1155.IpAddress):
        return ".".join(str(octet) for octet in bytes(value))
    if isinstance(value, rfc1902.ObjectIdentifier | rfc1905.univ.ObjectIdentifier):
        return str(value)
    if isinstance(value, rfc1905.univ.OctetString):
        return bytes(value)
    if isinstance(value, rfc1905.univ.Integer):
        return int(value)
    return None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
