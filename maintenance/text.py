"""Text that people and other systems give: kept as it is, within limits both databases can hold."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from maintenance.errors import InputError

NAME = 200  # characters of a person, a code, an id
NOTE = 4000  # characters of what somebody writes


def name(field: str, value: object, *, limit: int = NAME) -> str:
    """A short text that must not be empty."""
    text = words(field, value, limit=limit).strip()
    if not text:
        raise InputError(f"{field} is empty; give one")
    return text


def words(field: str, value: object, *, limit: int = NOTE) -> str:
    """A text, possibly empty."""
    if not isinstance(value, str):
        raise InputError(f"{field} must be text, not {type(value).__name__}")
    if len(value) > limit:
        raise InputError(f"{field} has {len(value)} characters; at most {limit} are kept: shorten it")
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InputError(
            f"{field} has characters that no database keeps (a null or half a surrogate pair); remove them"
        )
    return value


def moment(field: str, value: object) -> datetime:
    """A time with its zone, as UTC."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InputError(f"{field} must be a time with a zone, as in 2026-05-01T08:00:00+08:00")
    return value.astimezone(UTC)


def storable(field: str, value: Any) -> Any:
    """JSON that both databases keep: figures that are no number become null."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, str):
        return words(field, value)
    if isinstance(value, Mapping):
        return {name(field, k): storable(f"{field}.{k}", v) for k, v in value.items()}
    if isinstance(value, Sequence):
        return [storable(field, v) for v in value]
    return value
