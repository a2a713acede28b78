"""What comes of asking for one line, and its form between processes: one line of JSON each way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import orjson
from pydantic import TypeAdapter, ValidationError

Outcome = Literal["answered", "unknown_line", "not_answering", "too_soon", "budget_spent", "failed"]


@dataclass(frozen=True)
class LineAnswer:
    """`readings` by field (None where there is none, with the reason in `quality`); `retry_after_s` where it helps."""

    outcome: Outcome
    line_id: str
    detail: str = ""  # why there are no readings, for people
    device: str | None = None
    time: datetime | None = None  # UTC: when the device was asked
    readings: Mapping[str, float | str | None] = field(default_factory=dict)
    quality: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    retry_after_s: float | None = None


_ANSWER: TypeAdapter[LineAnswer] = TypeAdapter(LineAnswer)


def request_line(line_id: str) -> bytes:
    """What is sent to the collector."""
    return orjson.dumps({"line_id": line_id}) + b"\n"


def line_asked_for(request: bytes) -> str:
    """The line that a request names. Raises ValueError."""
    said = orjson.loads(request)
    line_id = said.get("line_id") if isinstance(said, dict) else None
    if not isinstance(line_id, str) or not line_id:
        raise ValueError('a request is one line of JSON such as {"line_id": "L1"}')
    return line_id


def answer_line(answer: LineAnswer) -> bytes:
    """What the collector sends back."""
    return orjson.dumps(answer) + b"\n"


def read_answer(line: bytes) -> LineAnswer:
    """Raises ValueError where it is none: a collector of another version."""
    try:
        return _ANSWER.validate_json(line)
    except ValidationError as error:
        raise ValueError(f"the collector's answer cannot be read ({error.error_count()} errors)") from None
