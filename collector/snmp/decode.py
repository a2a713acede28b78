"""A walked column becomes an array of readings and, where there is none, the reason. Vectorised; text row by row.

Order: the device's words for "no value", sign, scale or linear power, range. Validity (`while: up`) comes later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.profile import Column
from collector.snmp.session import Value
from collector.snmp.text import NO_VALUE, number_in, octets_as_text, opaque_real, plain_serials, serial_text
from plant.batch import Reason

REASONS = tuple(Reason)
_CODE = {reason: n + 1 for n, reason in enumerate(REASONS)}  # 0: no reason, the reading stands
# RFC 3433: entPhySensorScale units(9) is 10^0, each step a thousandfold; ±10^9 say that the value does not fit.
_SENSOR_UNITS, _SENSOR_NO_FIT = 9, 1_000_000_000
# Never a reading, whatever the scale: the ends of 32-bit integers stand for "no value" everywhere.
_ENDS = (2147483647, -2147483648, 2147483648, 4294967295)

Codes = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Decoded:
    """`values` as the field's Arrow type, null where there is no reading; `codes` says why (see `reason_code`)."""

    values: pa.Array
    codes: Codes


def reason_code(reason: Reason) -> int:
    """The number of a reason in `Decoded.codes`; 0 is none."""
    return _CODE[reason]


def decode(column: Column, raw: Sequence[Value]) -> Decoded:
    """Readings of one column in the field's unit; `raw` as gufo gives them: int, bytes or text."""
    if column.field.name == "ont_serial":
        return _serials(column, raw)
    if column.map:
        return _mapped(column, raw)
    if column.field.kind in ("state", "text"):
        return _texts(column, raw)
    if column.field.kind == "counter":
        return _counters(column, raw)
    return _gauge(column, *_numbers(column, raw))


def sensor_values(
    raw: Sequence[Value], scale: Sequence[int | str | None], precision: Sequence[int | str | None]
) -> list[Value]:
    """entPhySensorValue in whole units, by each row's scale and precision; None where one of them is missing."""
    out: list[Value] = []
    for value, power, digits in zip(raw, scale, precision, strict=True):
        if not isinstance(value, int) or power is None or digits is None or abs(value) >= _SENSOR_NO_FIT:
            out.append(None)
        else:
            out.append(float(value) * 10.0 ** (3 * (int(power) - _SENSOR_UNITS) - int(digits)))
    return out


def _numbers(column: Column, raw: Sequence[Value]) -> tuple[npt.NDArray[np.float64], Codes, Bools]:
    """Values as numbers, reasons, and which of them came as text with its unit and need no scale."""
    codes = np.zeros(len(raw), np.int8)
    in_unit = np.zeros(len(raw), dtype=bool)
    if set(map(type, raw)) <= {int, float}:
        numbers = np.fromiter(raw, np.float64, len(raw))
        codes[np.isin(numbers, [*_ENDS, *_numeric(column)])] = _CODE[Reason.SENTINEL]
        return numbers, codes, in_unit
    numbers = np.full(len(raw), np.nan)
    for n, value in enumerate(raw):
        numbers[n], codes[n], in_unit[n] = _number(column, value)
    return numbers, codes, in_unit


def _number(column: Column, value: Value) -> tuple[float, int, bool]:
    sentinel = _CODE[Reason.SENTINEL]
    if isinstance(value, int | float):
        return float(value), sentinel if value in _ENDS or value in _numeric(column) else 0, False
    text = octets_as_text(value) if isinstance(value, bytes) else value
    if text is None:
        real = opaque_real(value) if isinstance(value, bytes) else None
        return (np.nan, _CODE[Reason.UNREADABLE], False) if real is None else (real, 0, False)
    if column.pattern is not None:
        match = column.pattern.search(text)
        text = match[1] if match else text
    if text.strip() in column.none:
        return np.nan, sentinel, False
    read = number_in(text, column.field.unit)
    if read is None:
        return np.nan, _CODE[Reason.UNREADABLE], False
    number, in_unit = read
    if np.isnan(number) or number in _ENDS or number in _numeric(column):
        return np.nan, sentinel, False
    return number, 0, in_unit


def _numeric(column: Column) -> list[float]:
    out = []
    for word in column.none:
        try:
            out.append(float(word))
        except ValueError:
            continue
    return out


def _gauge(column: Column, raw: npt.NDArray[np.float64], codes: Codes, in_unit: Bools) -> Decoded:
    said = raw
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if column.signed is not None:
            half = float(1 << (column.signed - 1))
            raw = np.where(raw >= half, raw - 2 * half, raw)
            codes = np.where((codes == 0) & np.isin(raw, _numeric(column)), _CODE[Reason.SENTINEL], codes)
        for beyond in (None if column.least is None else raw < column.least,
                       None if column.most is None else raw > column.most):  # fmt: skip
            if beyond is not None:
                codes = np.where((codes == 0) & beyond & ~in_unit, _CODE[Reason.SENTINEL], codes)
        values = raw * column.scale + column.offset
        if column.above is not None:
            limit, scale, offset = column.above
            values = np.where(raw > limit, raw * scale + offset, values)
        if column.power is not None:
            milliwatts = values * (1e-3 if column.power == "uW" else 1.0)
            codes = np.where((codes == 0) & (milliwatts <= 0) & ~in_unit, _CODE[Reason.SENTINEL], codes)
            values = 10 * np.log10(np.where(milliwatts > 0, milliwatts, np.nan))
        values = np.where(in_unit, said, values)
        low, high = column.field.low, column.field.high
        beyond_range = np.zeros(len(values), dtype=bool)
        if low is not None:
            beyond_range |= values < low
        if high is not None:
            beyond_range |= values > high
    codes = np.where((codes == 0) & beyond_range, _CODE[Reason.OUT_OF_RANGE], codes)
    codes = np.where((codes == 0) & np.isnan(values), _CODE[Reason.UNREADABLE], codes).astype(np.int8)
    return Decoded(pa.array(np.where(codes == 0, values, np.nan).astype(np.float32), mask=codes != 0), codes)


def _counters(column: Column, raw: Sequence[Value]) -> Decoded:
    codes = np.zeros(len(raw), np.int8)
    none = {int(n) for n in _numeric(column)}
    out: list[int | None] = []
    for n, value in enumerate(raw):
        whole = value if isinstance(value, int) else _whole(value)
        if whole is None:
            codes[n] = _CODE[Reason.UNREADABLE]
        elif whole in none:
            codes[n] = _CODE[Reason.SENTINEL]
        elif not 0 <= whole < 2**63 - 1:  # the largest is what the decoder makes of an INTEGER that is too long
            codes[n] = _CODE[Reason.OUT_OF_RANGE]
        out.append(whole if codes[n] == 0 else None)
    return Decoded(pa.array(out, pa.int64()), codes)


def _whole(value: Value) -> int | None:
    text = octets_as_text(value) if isinstance(value, bytes) else value
    return int(text) if isinstance(text, str) and text.strip().isdecimal() else None


def _as_words(column: Column, raw: Sequence[Value]) -> pa.Array:
    """Values as text: numbers in decimal, octets decoded; null where they are no text."""
    if set(map(type, raw)) <= {int}:
        return pa.array(raw, pa.int64()).cast(pa.string()) if _fits(raw) else pa.array(map(str, raw), pa.string())
    words = [octets_as_text(v) if isinstance(v, bytes) else None if v is None else str(v) for v in raw]
    if column.pattern is not None:
        matches = [None if w is None else column.pattern.search(w) for w in words]
        words = [w if m is None else m[1] for w, m in zip(words, matches, strict=True)]
    return pa.array(words, pa.string())


def _fits(raw: Sequence[Value]) -> bool:
    return all(isinstance(v, int) and -(2**63) <= v < 2**63 for v in raw)


def _mapped(column: Column, raw: Sequence[Value]) -> Decoded:
    """Codes and words through the profile's map; what it lacks is "unknown" for words, unreadable for numbers."""
    words = _as_words(column, raw).dictionary_encode()
    folded = {str(k).strip().casefold(): v for k, v in column.map.items()}
    none = {w.strip().casefold() for w in column.none}
    values: list[str | float | None] = []
    reasons: list[int] = []
    for word in words.dictionary.to_pylist():
        key = word.strip().casefold()
        if key in folded:
            value = folded[key]
            reasons.append(_CODE[Reason.SENTINEL] if value is None else 0)
        elif key in none or (key in NO_VALUE and column.field.kind != "state"):
            value = None
            reasons.append(_CODE[Reason.SENTINEL])
        else:
            value = "unknown" if column.field.kind in ("state", "text") else None
            reasons.append(0 if value is not None else _CODE[Reason.UNREADABLE])
        values.append(value)
    table = pa.array(values, column.field.arrow)
    at = words.indices
    codes = np.full(len(raw), _CODE[Reason.UNREADABLE], np.int8)
    known = np.array(at.is_valid(), dtype=bool)
    codes[known] = np.array(reasons, np.int8)[np.asarray(at.drop_null())] if reasons else 0
    return Decoded(table.take(at) if len(table) else pa.nulls(len(raw), column.field.arrow), codes)


def _texts(column: Column, raw: Sequence[Value]) -> Decoded:
    words = _as_words(column, raw)
    empty = pc.fill_null(pc.equal(words, ""), False)
    codes = np.where(words.is_null(), _CODE[Reason.UNREADABLE], np.where(empty, _CODE[Reason.SENTINEL], 0))
    return Decoded(pc.if_else(empty, pa.scalar(None, pa.string()), words), codes.astype(np.int8))


def _serials(column: Column, raw: Sequence[Value]) -> Decoded:
    if column.pattern is None and (plain := plain_serials(raw)) is not None:
        return Decoded(plain, np.zeros(len(raw), np.int8))
    serials = [_serial(column, value) for value in raw]
    codes = np.array([0 if s is not None else _CODE[Reason.SENTINEL] for s in serials], np.int8)
    return Decoded(pa.array(serials, pa.string()), codes)


def _serial(column: Column, value: Value) -> str | None:
    if column.pattern is not None:
        text = octets_as_text(value) if isinstance(value, bytes) else str(value)
        match = column.pattern.search(text) if text is not None else None
        return serial_text(match[1].encode()) if match else None
    if isinstance(value, bytes):
        return serial_text(value)
    return None if value is None else serial_text(str(value).encode())
