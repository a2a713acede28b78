"""The Protocol Buffers wire format (proto3), as far as USP needs it: strict with lengths, tolerant of unknown fields.

A schema is data (schema.py): message name → field number → what it is. Decoded messages are dictionaries by field name;
a field that was not sent is absent. Source: Protocol Buffers, "Encoding".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "bytes", "bool", "enum", "uint64", "fixed32", "message", "map"]
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_WIRE = {"bool": VARINT, "enum": VARINT, "uint64": VARINT, "fixed32": FIXED32}
_LONGEST_VARINT = 10
_LARGEST_FIELD = (1 << 29) - 1


class WireError(ValueError):
    """The bytes are no message of the schema."""


@dataclass(frozen=True)
class FieldSpec:
    """One field. `of` names the message of a `message`; a `map` is of strings. `oneof`: only the last sent counts."""

    name: str
    kind: Kind
    repeated: bool = False
    of: str = ""
    oneof: str = ""


Schema = Mapping[str, Mapping[int, FieldSpec]]


def decode(schema: Schema, message: str, data: bytes) -> dict[str, Any]:
    """The message by field names. Raises WireError. The schema bounds the depth: no message of it holds itself."""
    specs = schema[message]
    out: dict[str, Any] = {}
    parts: dict[str, tuple[FieldSpec, list[bytes]]] = {}
    for number, wire, value in _fields(data):
        spec = specs.get(number)
        if spec is None:
            continue
        if wire != _WIRE.get(spec.kind, LENGTH):
            raise WireError(f"field {number} of {message} has wire type {wire}")
        if spec.oneof:
            for other in [s.name for s in specs.values() if s.oneof == spec.oneof and s.name != spec.name]:
                out.pop(other, None)
                parts.pop(other, None)
        if spec.kind == "map":
            entry = decode(_MAP, "entry", value)
            out.setdefault(spec.name, {})[entry.get("key", "")] = entry.get("value", "")
        elif spec.kind == "message" and not spec.repeated:
            # A message in two parts is their merger, and merging is what decoding them one after the other does.
            parts.setdefault(spec.name, (spec, []))[1].append(value)
        else:
            read = _read(schema, spec, value)
            if spec.repeated:
                out.setdefault(spec.name, []).append(read)
            else:
                out[spec.name] = read
    for name, (spec, pieces) in parts.items():
        out[name] = decode(schema, spec.of, b"".join(pieces))
    return out


def _read(schema: Schema, spec: FieldSpec, value: Any) -> Any:
    if spec.kind == "string":
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise WireError(f'"{spec.name}" is not UTF-8') from None
    if spec.kind == "bool":
        return value != 0
    return decode(schema, spec.of, value) if spec.kind == "message" else value


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value): an int, or the bytes of a length-delimited field."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= _LARGEST_FIELD:
            raise WireError(f"there is no field number {number}")
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == LENGTH:
            size, at = _varint(data, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise WireError(f"wire type {wire} is none of proto3")
        if size > end - at:
            raise WireError(f"field {number} goes beyond the end")
        piece = data[at : at + size]
        at += size
        yield number, wire, piece if wire == LENGTH else int.from_bytes(piece, "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned integer of at most 64 bits, and where it ends."""
    value = 0
    for n in range(_LONGEST_VARINT):
        if at + n >= len(data):
            raise WireError("an integer goes beyond the end")
        byte = data[at + n]
        value |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + n + 1
    raise WireError("an integer has no end")


def encode(schema: Schema, message: str, values: Mapping[str, Any]) -> bytes:
    """The message in field order. Defaults (0, false, "") are left out unless the field belongs to a oneof."""
    out = bytearray()
    for number, spec in sorted(schema[message].items()):
        if spec.name not in values:
            continue
        given = values[spec.name]
        if spec.kind == "map":
            for key, value in given.items():
                _put(out, number, LENGTH, encode(_MAP, "entry", {"key": key, "value": value}))
            continue
        for value in given if spec.repeated else [given]:
            raw = _raw(schema, spec, value)
            if raw or spec.repeated or spec.oneof or spec.kind == "message":
                _put(out, number, _WIRE.get(spec.kind, LENGTH), raw)
    return bytes(out)


def _raw(schema: Schema, spec: FieldSpec, value: Any) -> bytes | int:
    if spec.kind == "message":
        return encode(schema, spec.of, value)
    if spec.kind == "string":
        return str(value).encode("utf-8")
    return bytes(value) if spec.kind == "bytes" else int(value)


def _put(out: bytearray, number: int, wire: int, raw: bytes | int) -> None:
    _put_varint(out, number << 3 | wire)
    if isinstance(raw, bytes):
        _put_varint(out, len(raw))
        out += raw
    elif wire == FIXED32:
        out += raw.to_bytes(4, "little")
    else:
        _put_varint(out, raw)


def _put_varint(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


_MAP: Schema = {"entry": {1: FieldSpec("key", "string"), 2: FieldSpec("value", "string")}}
