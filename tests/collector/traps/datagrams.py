"""SNMP messages made by hand, byte by byte: quicker than any library, and able to be wrong."""

from collections.abc import Sequence


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes((size,)) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content


def integer(value: int, size: int = 4, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(size, "big", signed=True))


def oid(text: str) -> bytes:
    first, second, *rest = (int(part) for part in text.split("."))
    out = bytearray((first * 40 + second,))
    for number in rest:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(0x80 | number & 0x7F)
        out += bytes(reversed(septets))
    return tlv(0x06, bytes(out))


def bind(name: str, value: bytes) -> bytes:
    return tlv(0x30, oid(name) + value)


def v2c(
    trap: str, values: Sequence[tuple[str, bytes]], *, community: bytes = b"only-for-tests", request: int = 1,
    uptime: int = 100, confirmed: bool = False,
) -> bytes:  # fmt: skip
    binds = bind("1.3.6.1.2.1.1.3.0", integer(uptime, tag=0x43)) + bind("1.3.6.1.6.3.1.1.4.1.0", oid(trap))
    binds += b"".join(bind(name, value) for name, value in values)
    pdu = integer(request) + integer(0, 1) + integer(0, 1) + tlv(0x30, binds)
    return tlv(0x30, integer(1, 1) + tlv(0x04, community) + tlv(0xA6 if confirmed else 0xA7, pdu))


def gasp(onu: int, **more: int | bytes | bool) -> bytes:
    """A BDCOM OLT's trap of an ONU that loses its power."""
    return change("8.2", "8.1.0", onu, 1, **more)


def state(onu: int, word: int, **more: int | bytes | bool) -> bytes:
    """Of an ONU that came up (2) or went down (3)."""
    return change("7.2", "7.1.0", onu, word, **more)


def change(trap: str, what: str, onu: int, value: int, **more: int | bytes | bool) -> bytes:
    bdcom, index = "1.3.6.1.4.1.3320.10.3", 10 + onu
    said = [
        (f"1.3.6.1.2.1.2.2.1.1.{index}", integer(index)),
        (f"1.3.6.1.2.1.2.2.1.2.{index}", tlv(0x04, f"GPON0/1:{onu}".encode())),
        (f"{bdcom}.{what}", integer(value, 1)),
    ]
    return v2c(f"{bdcom}.{trap}", said, **more)  # type: ignore[arg-type]
