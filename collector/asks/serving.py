"""Asking for one line on behalf of a person: whether it may be asked now, of whom, and what the answer means."""

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import structlog

from collector.asking import NotAskedError, Place, Polled
from collector.asks.answer import LineAnswer
from collector.turnstile import BudgetSpentError
from plant.batch import Batch
from plant.fields import fields

log = structlog.get_logger(__name__)

_BUDGET_S = 60.0  # until it is worth another try: the budget is counted by the minute
TIER = "ask"  # of the batches that come of it


@dataclass(frozen=True)
class AskLimits:
    """A line once in `line_s` seconds; of a device at most `device_asks` lines in `device_s` seconds."""

    line_s: float = 60.0
    device_asks: int = 6
    device_s: float = 60.0


class Askable(Protocol):
    """A device that can be asked for one line."""

    async def ask(self, place: Place) -> Polled: ...


class LineAsks:
    """Answers for lines, within limits. `find` tells a line's device and place; `keep` stores what was read."""

    def __init__(
        self,
        find: Callable[[str], tuple[str, Place] | None],
        device: Callable[[str], Askable | None],
        keep: Callable[[Batch], Awaitable[None]],
        limits: AskLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find, self._device, self._keep = find, device, keep
        self._limits, self._clock = limits or AskLimits(), clock
        self._lines: dict[str, float] = {}  # when each was asked for last
        self._devices: dict[str, deque[float]] = {}

    async def answer(self, line_id: str) -> LineAnswer:
        """Ask now, or say why not. Never raises for what a device does."""
        found = self._find(line_id)
        device = None if found is None else self._device(found[0])
        if found is None or device is None:
            return LineAnswer(
                "unknown_line", line_id,
                "no device that is polled has this line; ids are those of the lines files, or DEVICE/PON/INDEX",
            )  # fmt: skip
        device_id, place = found
        wait = self._wait_s(device_id, line_id)
        if wait > 0:
            return LineAnswer(
                "too_soon", line_id, f"asked for a moment ago; again in {math.ceil(wait)} s", device_id,
                retry_after_s=math.ceil(wait),
            )  # fmt: skip
        self._count(device_id, line_id)
        try:
            return await self._told(device_id, line_id, await device.ask(place))
        except NotAskedError as error:
            self._lines.pop(line_id, None)
            self._devices[device_id].pop()
            return LineAnswer("not_answering", line_id, str(error), device_id)
        except Exception as error:  # noqa: BLE001 - whatever a device does stays an answer
            return _gone_wrong(device_id, line_id, error)

    async def _told(self, device_id: str, line_id: str, polled: Polled) -> LineAnswer:
        if polled.lines.num_rows == 0:
            why = "the device answers, but nothing at this line's place"
            return LineAnswer("failed", line_id, why, device_id, notes=tuple(polled.notes))
        row, notes = polled.lines.slice(0, 1), list(polled.notes)
        names = [name for name in row.column_names if name in fields()]
        values = {name: row[name][0].as_py() for name in names}
        quality = row["quality"][0].as_py()
        if any(value is not None for value in values.values()):
            columns = {name: row[name].combine_chunks() for name in names}
            reasons = row["quality"].combine_chunks().cast(pa.string())
            try:
                await self._keep(Batch.of(device_id, TIER, polled.time, [line_id], columns, reasons))
            except Exception as error:  # noqa: BLE001 - the spool is full: who asked has the answer still
                notes.append(f"not kept: {error}")
        return LineAnswer(
            "answered", line_id, "", device_id, polled.time,
            {name: _rounded(name, value) for name, value in values.items()},
            dict(pair.split(":", 1) for pair in quality.split(",")) if quality else {},
            polled.requests, round(polled.seconds, 3), tuple(notes),
        )  # fmt: skip

    def _wait_s(self, device_id: str, line_id: str) -> float:
        now, at = self._clock(), self._limits
        line = self._lines.get(line_id, -math.inf) + at.line_s - now
        recent = self._devices.get(device_id, deque())
        device = recent[0] + at.device_s - now if len(recent) >= at.device_asks else 0.0
        return max(line, device, 0.0)

    def _count(self, device_id: str, line_id: str) -> None:
        now, at = self._clock(), self._limits
        self._lines = {line: when for line, when in self._lines.items() if when + at.line_s > now}
        self._lines[line_id] = now
        self._devices.setdefault(device_id, deque(maxlen=at.device_asks)).append(now)


def _gone_wrong(device_id: str, line_id: str, error: Exception) -> LineAnswer:
    why = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
    if isinstance(error, BudgetSpentError):
        return LineAnswer("budget_spent", line_id, why, device_id, retry_after_s=_BUDGET_S)
    if isinstance(error, TimeoutError):
        return LineAnswer("not_answering", line_id, why, device_id)
    log.warning("a line cannot be asked for", device=device_id, line=line_id, why=why)
    return LineAnswer("failed", line_id, why, device_id)


def _rounded(name: str, value: float | str | None) -> float | str | None:
    """As many decimals as the field has: a float32 has more digits than the device told."""
    return round(value, fields()[name].decimals) if isinstance(value, float) else value
