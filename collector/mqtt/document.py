"""A payload as JSON, strictly: no NaN, no key twice, no bottomless nesting, no more bytes than agreed."""

import json
from typing import Any

from collector.mqtt.refusals import Refusal, RefusedError


def parse(payload: bytes, max_bytes: int) -> Any:
    """The document. Raises RefusedError."""
    if len(payload) > max_bytes:
        raise RefusedError(Refusal.TOO_LARGE, f"{len(payload)} bytes, at most {max_bytes} are taken")
    try:
        return _DECODER.decode(payload.decode("utf-8"))
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


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
