"""A device whose states are wanted now: what comes of asking, and its form between processes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import orjson
from pydantic import TypeAdapter, ValidationError


@dataclass(frozen=True)
class DeviceLook:
    """`begun`: its states are read next, through the turnstile and within the budget as ever. `too_soon`: it was asked
    for a moment ago, by a person or by a trap; again in `retry_after_s`."""

    outcome: Literal["begun", "too_soon", "unknown_device"]
    device_id: str
    detail: str = ""
    retry_after_s: float | None = None


_LOOK: TypeAdapter[DeviceLook] = TypeAdapter(DeviceLook)


class Lookable(Protocol):
    def look_now(self) -> float: ...


def look_request(device_id: str) -> bytes:
    """What is sent to the collector."""
    return orjson.dumps({"device_id": device_id}) + b"\n"


def device_looked_for(request: bytes) -> str | None:
    """The device that a request names; None where it is no such request. Raises ValueError where it is not JSON."""
    said = orjson.loads(request)
    found = said.get("device_id") if isinstance(said, dict) else None
    return found if isinstance(found, str) and found else None


def look_line(look: DeviceLook) -> bytes:
    """What the collector sends back."""
    return orjson.dumps(look) + b"\n"


def read_look(line: bytes) -> DeviceLook:
    """Raises ValueError where it is none: a collector of another version."""
    try:
        return _LOOK.validate_json(line)
    except ValidationError as error:
        raise ValueError(f"the collector's answer cannot be read ({error.error_count()} errors)") from None


def look_at(find: Callable[[str], Lookable | None], device_id: str) -> DeviceLook:
    """Have the device's states read soon, or say why not."""
    device = find(device_id)
    if device is None:
        return DeviceLook("unknown_device", device_id, "the collector polls no such device")
    wait = math.ceil(device.look_now())
    if wait:
        return DeviceLook("too_soon", device_id, f"asked for a moment ago; again in {wait} s", wait)
    return DeviceLook("begun", device_id)
