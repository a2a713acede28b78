"""The JSON reading an ONT publishes, decoded strictly.

Topic `lightline/ont/<ont_serial>/reading`; an object, or a list of objects, with fields named as in plant/fields.yaml
and optionally `time` (ISO 8601 with zone, or seconds since 1970), `line_id` and `ont_serial` (else the topic's last
level but one). A value outside its field's range, or a word that is none of the field's, becomes null with a reason;
anything else that is wrong refuses the reading, with the payload where it is the payload that is wrong.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.mqtt.refusals import Refusal, RefusedError
from collector.serials import LONGEST
from plant.batch import Reason
from plant.fields import Field, fields

MAX_BYTES = 64 << 10
AHEAD = timedelta(minutes=5)  # how far a publisher's clock may be wrong
OLDEST = timedelta(days=30)
_NAMES = ("time", "line_id", "ont_serial")
_COUNTER_END = 1 << 63


@dataclass(frozen=True)
class Reading:
    """One decoded reading: who it says it is of, when, the figures (None where there was none), and why none."""

    ont_serial: str | None
    line_id: str | None
    time: datetime
    values: Mapping[str, float | int | str | None]
    quality: str | None


def line_fields() -> dict[str, Field]:
    """Fields that an ONT or a modem may publish: those of lines, not of PON ports."""
    return {name: f for name, f in fields().items() if f.of != "pon"}


def decode(
    topic: str,
    payload: bytes,
    arrived: datetime,
    *,
    retained: bool = False,
    known: Mapping[str, Field] | None = None,
    refuse: Callable[[RefusedError], None],
    max_bytes: int = MAX_BYTES,
) -> list[Reading]:
    """Readings of a payload; each one that cannot be taken goes to `refuse` and the others are kept."""
    known = line_fields() if known is None else known
    try:
        document = _parse(payload, max_bytes)
    except RefusedError as refused:
        refuse(refused)
        return []
    levels = topic.split("/")
    from_topic = levels[-2] if len(levels) > 1 else None
    out: list[Reading] = []
    for item in document if isinstance(document, list) else [document]:
        try:
            out.append(_reading(item, from_topic, arrived, retained, known))
        except RefusedError as refused:
            refuse(refused)
    return out


def _parse(payload: bytes, max_bytes: int) -> Any:
    if len(payload) > max_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"{len(payload)} bytes, at most {max_bytes} are taken")
    try:
        return json.loads(payload.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise RefusedError(Refusal.NESTED, "brackets without end") from None
    except RefusedError:
        raise
    except ValueError as error:
        raise RefusedError(Refusal.NOT_JSON, str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RefusedError(Refusal.DUPLICATE_KEY, f'"{twice[:40]}" stands twice')
    return out


def _no_constant(word: str) -> float:
    raise RefusedError(Refusal.NOT_FINITE, f"{word} is no reading; leave the field out or write null")


def _reading(
    item: Any, from_topic: str | None, arrived: datetime, retained: bool, known: Mapping[str, Field]
) -> Reading:
    if not isinstance(item, dict):
        raise RefusedError(Refusal.NOT_AN_OBJECT, f"an object with fields expected, not {type(item).__name__}")
    time = _time(item.get("time"), arrived, retained)
    line_id, serial = (_name(item, name) for name in ("line_id", "ont_serial"))
    serial = serial or (from_topic if from_topic and len(from_topic) <= LONGEST else None)
    values: dict[str, float | int | str | None] = {}
    reasons: list[str] = []
    for name, value in item.items():
        if name in _NAMES:
            continue
        field = known.get(name)
        if field is None:
            raise RefusedError(Refusal.UNKNOWN_FIELD, f'"{name[:40]}" is not a field of a line')
        values[name], reason = _value(field, value)
        if reason is not None:
            reasons.append(f"{name}:{reason.value}")
    if not values:
        raise RefusedError(Refusal.NO_READING, "no field in it")
    return Reading(serial, line_id, time, values, ",".join(reasons) or None)


def _name(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 2 * LONGEST or not value.isprintable():
        raise RefusedError(Refusal.WRONG_TYPE, f'"{name}" must be a short text')
    return value


def _value(field: Field, value: Any) -> tuple[float | int | str | None, Reason | None]:
    if isinstance(value, dict | list):
        raise RefusedError(Refusal.NESTED, f'"{field.name}" holds {type(value).__name__}; one value expected')
    if value is None:
        return None, Reason.NO_ANSWER
    if field.kind in ("state", "text"):
        if not isinstance(value, str):
            raise RefusedError(Refusal.WRONG_TYPE, f'"{field.name}" must be a word')
        return (value, None) if value in field.words or not field.words else (None, Reason.UNREADABLE)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusedError(Refusal.WRONG_TYPE, f'"{field.name}" must be a number')
    if field.kind == "counter":
        if not isinstance(value, int):
            raise RefusedError(Refusal.WRONG_TYPE, f'"{field.name}" counts; a whole number expected')
        return (value, None) if 0 <= value < _COUNTER_END else (None, Reason.OUT_OF_RANGE)
    number = _finite(value, field.name)
    inside = (field.low is None or number >= field.low) and (field.high is None or number <= field.high)
    return (number, None) if inside else (None, Reason.OUT_OF_RANGE)


def _finite(value: float, name: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RefusedError(Refusal.NOT_FINITE, f'"{name}" is larger than any reading')
    return number


def _time(value: Any, arrived: datetime, retained: bool) -> datetime:
    if value is None:
        if retained:
            raise RefusedError(Refusal.RETAINED_WITHOUT_TIME, 'a retained message needs "time"')
        return arrived
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = datetime.fromtimestamp(_finite(value, "time"), UTC)
        else:
            raise RefusedError(Refusal.BAD_TIME, '"time" must be ISO 8601 with a zone, or seconds since 1970')
        if time.tzinfo is None:
            raise RefusedError(Refusal.BAD_TIME, f'"{value}" has no zone; add Z or an offset')
        time = time.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(Refusal.BAD_TIME, f'"{str(value)[:40]}" is no time') from None
    if time > arrived + AHEAD:
        raise RefusedError(Refusal.FUTURE, f"{time.isoformat()} is ahead of {arrived.isoformat()}; check its clock")
    if time < arrived - OLDEST:
        raise RefusedError(Refusal.TOO_OLD, f"{time.isoformat()} is more than {OLDEST.days} days ago")
    return time
