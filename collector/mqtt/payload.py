"""The JSON reading an ONT publishes, decoded strictly.

Topic `lightline/ont/<ont_serial>/reading`; an object, or a list of objects, with fields named as in plant/fields.yaml
and optionally `time` (ISO 8601 with zone, or seconds since 1970), `line_id` and `ont_serial` (else the topic's last
level but one). A value outside its field's range, or a word that is none of the field's, becomes null with a reason;
anything else that is wrong refuses the reading, with the payload where it is the payload that is wrong.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from collector.mqtt.document import parse
from collector.mqtt.reading import Reading, finite, line_fields, reading_time
from collector.mqtt.refusals import Refusal, RefusedError
from plant.batch import Reason
from plant.fields import Field
from plant.serials import LONGEST

MAX_BYTES = 64 << 10
_NAMES = ("time", "line_id", "ont_serial")
_COUNTER_END = 1 << 63


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
        document = parse(payload, max_bytes)
    except RefusedError as refused:
        refuse(refused)
        return []
    return readings(topic, document, arrived, retained=retained, known=known, refuse=refuse)


def readings(
    topic: str,
    document: Any,
    arrived: datetime,
    *,
    retained: bool,
    known: Mapping[str, Field],
    refuse: Callable[[RefusedError], None],
) -> list[Reading]:
    """Readings of a payload that is parsed already."""
    levels = topic.split("/")
    from_topic = levels[-2] if len(levels) > 1 else None
    out: list[Reading] = []
    for item in document if isinstance(document, list) else [document]:
        try:
            out.append(_reading(item, from_topic, arrived, retained, known))
        except RefusedError as refused:
            refuse(refused)
    return out


def _reading(
    item: Any, from_topic: str | None, arrived: datetime, retained: bool, known: Mapping[str, Field]
) -> Reading:
    if not isinstance(item, dict):
        raise RefusedError(Refusal.NOT_AN_OBJECT, f"an object with fields expected, not {type(item).__name__}")
    time = reading_time(item.get("time"), arrived, retained=retained)
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
    number = finite(value, field.name)
    inside = (field.low is None or number >= field.low) and (field.high is None or number <= field.high)
    return (number, None) if inside else (None, Reason.OUT_OF_RANGE)
