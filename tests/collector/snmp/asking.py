"""A device on loopback and an asker that knows its community, for these tests."""

from collections.abc import Mapping

from collector.pacing import PaceLimits
from collector.profile import Profile
from collector.snmp import SnmpAsker
from collector.snmp.session import Credentials
from collector.snmp.walk import WalkLimits
from collector.turnstile import Turnstile
from plant.inventory import Device


def turnstile(per_hour: int = 100_000) -> Turnstile:
    """At full pace: what is tested is not the pause."""
    return Turnstile(PaceLimits(first_rate=1000.0), per_hour)


def device(port: int, profile: str = "auto", version: str = "2c") -> Device:
    return Device("OLT", "127.0.0.1", "olt", "tianhe", port=port, profile=profile, version=version)  # type: ignore[arg-type]


def asker(
    community: str,
    profiles: Mapping[str, Profile] | None = None,
    *,
    timeout_s: float = 2.0,
    limits: WalkLimits | None = None,
) -> SnmpAsker:
    return SnmpAsker(
        profiles, timeout_s=timeout_s, limits=limits, credentials=lambda _: Credentials(community=community)
    )
