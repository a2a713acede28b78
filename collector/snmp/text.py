"""Readings and names that come as octets: `0.03 mW (-14.61 dBm)`, `Lane0: No-Power`, `1,ZTEG1A2B3C4D`, a MAC."""

import math
import re
import struct
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

# What devices write where they have no value (shared practice; see docs/profiles.md).
NO_VALUE = frozenset(
    {
        "", "-", "--", "---", "n/a", "na", "n.a.", "nan", "none", "null", "unknown", "invalid", "absent",
        "-inf", "inf", "+inf", "infinity", "-infinity", "no-power", "no power", "no-signal", "no signal", "nosignal",
        "not-available", "not available", "not-applicable", "no-value", "no value", "no-limit", "unavailable", "los",
    }
)  # fmt: skip

_NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*\.?\s*([A-Za-zµμ°℃%/]*)")
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}")  # an address, an object identifier or a version: no number
_LABEL = re.compile(r"^[A-Za-z][A-Za-z ]*\d*\s*[:=]\s*")  # "Lane0: ", "Rx power = "
_WORDS = re.compile(r"(?<![a-z])(?:-?inf|no-power|no-signal|not-available|n/a|nan|--)(?![a-z])")
_SERIAL_TEXT = re.compile(r"^[0-9A-Za-z][0-9A-Za-z:._ -]*$")
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_SERIAL_OCTETS, _MAC_OCTETS = 8, 6  # ITU-T G.984.3: four letters of the maker and 32 bits; EPON: IEEE 802.3

# Unit as written → (unit of our fields, factor). Power may come linear: milliwatts become dBm.
_UNITS: dict[str, tuple[str, float]] = {
    "dbm": ("dBm", 1), "dbmv": ("dBmV", 1), "db": ("dB", 1), "dbc": ("dBc", 1),
    "ma": ("mA", 1), "ua": ("mA", 1e-3), "µa": ("mA", 1e-3), "a": ("mA", 1e3), "amps": ("mA", 1e3),
    "v": ("V", 1), "volt": ("V", 1), "volts": ("V", 1), "mv": ("V", 1e-3), "uv": ("V", 1e-6),
    "c": ("°C", 1), "°c": ("°C", 1), "℃": ("°C", 1), "degc": ("°C", 1), "deg": ("°C", 1), "celsius": ("°C", 1),
    "m": ("m", 1), "km": ("m", 1e3),
    "mw": ("mW", 1), "uw": ("mW", 1e-3), "µw": ("mW", 1e-3), "w": ("mW", 1e3),
    "mb/s": ("Mb/s", 1), "mbps": ("Mb/s", 1), "mbit/s": ("Mb/s", 1), "gbps": ("Mb/s", 1e3), "gb/s": ("Mb/s", 1e3),
}  # fmt: skip


def number_in(text: str, unit: str) -> tuple[float, bool] | None:
    """What a text holds: a number, and whether it is in `unit` already (else it is as bare as an integer).

    The number is NaN where the text says that there is no value; None where it cannot be read. A number with the unit
    asked for wins, then one that converts to it, then one without a unit.
    """
    bare = _LABEL.sub("", text.strip().strip("\0").strip())
    said = bare.casefold()
    if said in NO_VALUE or text.strip().casefold() in NO_VALUE:
        return math.nan, True
    numbers = [] if _DOTTED.fullmatch(bare) else _NUMBER.findall(bare)
    found = [(float(n), u.casefold().replace("μ", "µ")) for n, u in numbers]
    known = [(number, *_UNITS[u]) for number, u in found if u in _UNITS]
    for number, base, factor in known:
        if base == unit:
            return number * factor, True
    if _WORDS.search(said):
        return math.nan, True
    if unit == "dBm":
        for number, base, factor in known:
            if base == "mW":
                return dbm(number * factor), True
    if found and all(not u for _, u in found):
        return found[0][0], False
    return None


def dbm(milliwatts: float) -> float:
    """Linear power in dBm; NaN for none at all, which has no logarithm."""
    return 10 * math.log10(milliwatts) if milliwatts > 0 else math.nan


def opaque_real(raw: bytes) -> float | None:
    """A float wrapped in Opaque, as net-snmp does (draft-perkins-float-00); None where it is none."""
    for tag, form in ((b"\x9f\x78\x04", ">f"), (b"\x9f\x79\x08", ">d")):
        if raw.startswith(tag) and len(raw) == len(tag) + struct.calcsize(form):
            value = float(struct.unpack(form, raw[len(tag) :])[0])
            return value if math.isfinite(value) else None
    return None


def octets_as_text(raw: bytes) -> str | None:
    """Text without padding; None where the octets are none."""
    try:
        text = raw.decode("utf-8").strip("\0 \r\n\t")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def plain_serials(raws: Sequence[object]) -> pa.Array | None:
    """What `serial_text` makes of each, all at once; None unless all are a maker's four letters and 32 bits."""
    if set(map(type, raws)) != {bytes} or set(map(len, raws)) != {_SERIAL_OCTETS}:  # type: ignore[arg-type]
        return None
    octets = np.frombuffer(b"".join(raws), np.uint8).reshape(-1, _SERIAL_OCTETS)  # type: ignore[arg-type]
    maker = octets[:, :4] & ~np.uint8(0x20)  # in upper case
    if not ((maker >= ord("A")) & (maker <= ord("Z"))).all():
        return None
    text = np.empty((len(octets), 12), np.uint8)
    text[:, :4] = maker
    text[:, 4::2], text[:, 5::2] = _HEX[octets[:, 4:] >> 4], _HEX[octets[:, 4:] & 15]
    ends = np.arange(0, 12 * len(octets) + 1, 12, dtype=np.int32)
    return pa.StringArray.from_buffers(len(octets), pa.py_buffer(ends), pa.py_buffer(text))


def serial_text(raw: bytes) -> str | None:
    """An ONT's serial or MAC address as upper-case text without separators; None where there is none.

    Eight octets that begin with four letters are the maker and 32 bits, even where the bits happen to be printable.
    """
    if len(raw) == _SERIAL_OCTETS and raw[:4].isalnum() and raw[:4].isascii():
        return (raw[:4].decode() + raw[4:].hex()).upper() if any(raw[4:]) or raw[:4].isalpha() else None
    if len(raw) == _MAC_OCTETS:
        return raw.hex().upper() if any(raw) else None
    text = octets_as_text(raw)
    if text is None:
        return raw.hex().upper() if any(raw) and len(raw) <= 32 else None
    if "," in text:  # ZTE writes the way of authentication in front
        text = text.rsplit(",", 1)[1].strip()
    if text.casefold() in NO_VALUE or not _SERIAL_TEXT.match(text):
        return None
    bare = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    return bare if bare.strip("0") else None
