"""Tiers that fall behind: found in what devices say of themselves, told to the log once, and again when they keep up.

A tier is behind when it has been due for more than a whole cadence: a poll was missed. Of devices that cannot be read
the trouble is told instead.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from collector.status import DeviceStatus, TierStatus

log = structlog.get_logger(__name__)

_CANNOT_BE_READ = ("silent", "unknown")
_LONG_PAUSE_MS = 100.0  # between two requests; a device that is well is asked at once again


@dataclass(frozen=True)
class LateTier:
    """`behind_s`: how long it has been due beyond one cadence. `why` is what keeps it, and what to do."""

    device: str
    tier: str
    behind_s: float
    why: str

    def __str__(self) -> str:
        return f"device {self.device}: {self.tier} is {self.behind_s:,.0f} s behind its cadence: {self.why}"


def late_tiers(devices: Iterable[DeviceStatus]) -> list[LateTier]:
    """The tiers that are behind, the furthest first."""
    late = [
        LateTier(d.id, name, tier.behind_s, _why(d, name, tier))
        for d in devices
        if d.state not in _CANNOT_BE_READ
        for name, tier in d.tiers.items()
        if tier.behind_s > 0
    ]
    return sorted(late, key=lambda one: -one.behind_s)


def _why(device: DeviceStatus, name: str, tier: TierStatus) -> str:
    if tier.skipped:
        return f"left out: {tier.skipped}"
    if device.trouble:
        return device.trouble
    if tier.seconds is not None and tier.seconds > tier.cadence_s:
        return (
            f"a poll takes {tier.seconds:,.0f} s ({tier.requests} requests), a cadence {tier.cadence_s:,.0f} s; "
            f'give "{name}" a longer cadence at this device'
        )
    pace = device.pace
    if pace.slowed and pace.pause_ms >= _LONG_PAUSE_MS:
        return f"the device was slow or busy {pace.slowed} times and is asked with pauses of {pace.pause_ms:,.0f} ms"
    return "other devices are asked before it; raise `concurrency`, or share the devices among collectors"


class LatenessLog:
    """Tells the log what fell behind since it was asked last, one line for all of it."""

    def __init__(self) -> None:
        self._told: frozenset[tuple[str, str]] = frozenset()

    def look(self, devices: Sequence[DeviceStatus]) -> None:
        late = late_tiers(devices)
        now = frozenset((one.device, one.tier) for one in late)
        new = [one for one in late if (one.device, one.tier) not in self._told]
        if new:
            log.warning(
                "tiers fall behind their cadence", new=len(new), behind=len(late), device=new[0].device,
                tier=new[0].tier, behind_s=new[0].behind_s, why=new[0].why,
            )  # fmt: skip
        elif self._told and not now:
            log.info("tiers keep up with their cadence again", were_behind=len(self._told))
        self._told = now
