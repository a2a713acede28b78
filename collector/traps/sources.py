"""Who sends: from an address or an engine id to the devices it may be, and what each of them must show."""

import asyncio
import contextlib
import hmac
import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Mapping

import structlog

from collector.traps.refusals import Refusal, RefusedError
from collector.traps.skim import Skimmed
from collector.traps.usm import Keys
from plant.inventory import Device, TrapListener
from plant.secrets import SecretError, resolve

log = structlog.get_logger(__name__)

SECRETS_S = 60.0  # how long a secret that was looked up counts
NAMES_AT_ONCE = 20


class Sources:
    """The inventory's devices by the addresses their traps come from."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = tuple(devices)
        self._by_address: dict[str, tuple[Device, ...]] = {}
        self._by_engine = {bytes.fromhex(d.engine_id): (d,) for d in self._devices if d.engine_id is not None}
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._index()

    def _index(self) -> None:
        found: dict[str, tuple[Device, ...]] = {}
        for device in self._devices:
            for name in device.trap_address or (device.host,):
                for address in _literal(name) or self._resolved.get(name, ()):
                    found[address] = (*found.get(address, ()), device)
        self._by_address = found

    async def look_up(self) -> None:
        """Ask the name service for hosts that are given by name; names it does not know keep what they had."""
        names = {n for d in self._devices for n in d.trap_address or (d.host,) if not _literal(n)}
        slots = asyncio.Semaphore(NAMES_AT_ONCE)

        async def one(name: str) -> None:
            async with slots:
                with contextlib.suppress(OSError, UnicodeError):
                    told = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
                    self._resolved[name] = tuple(dict.fromkeys(bare(str(info[4][0])) for info in told))

        if names:
            await asyncio.gather(*(one(name) for name in names))
            self._index()

    def candidates(self, host: str, engine_id: bytes) -> tuple[Device, ...]:
        """Devices this may come from; none where nobody is known."""
        if engine_id:
            of_engine = self._by_engine.get(engine_id)
            if of_engine is not None:
                return of_engine
        return self._by_address.get(host, ())


def bare(address: str) -> str:
    """An address as one text: IPv4 that comes through an IPv6 socket is IPv4, and there is no zone."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _literal(name: str) -> tuple[str, ...]:
    try:
        return (bare(str(ipaddress.ip_address(name))),)
    except ValueError:
        return ("127.0.0.1", "::1") if name == "localhost" else ()


class Agreed:
    """What senders must show at a listener: its own credentials where it has any, else those of the device."""

    def __init__(self, listener: TrapListener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener, self._clock = listener, clock
        self._secrets: dict[str, tuple[float, str | None]] = {}
        self._missing: dict[str, str] = {}  # references that lead to no secret, and why

    @property
    def trouble(self) -> str:
        """Why a secret cannot be found; empty where all are."""
        return next(iter(self._missing.values()), "")

    def by_community(self, candidates: Iterable[Device], skimmed: Skimmed) -> Device:
        """The one device whose community it is. Raises RefusedError."""
        fitting = []
        for device in candidates:
            wanted = self._secret(self._of(device, "community"))
            if wanted is not None and hmac.compare_digest(wanted.encode(), skimmed.who):
                fitting.append(device)
        if not fitting:
            raise RefusedError(Refusal.WRONG_COMMUNITY, "the community is not the one agreed on")
        return one_of(fitting)

    def keys(self, device: Device) -> Keys | None:
        """The v3 user of a device; None where none is agreed on, or a secret is missing."""
        given = self._given(device, "user")
        if "user" not in given or any(f"{k}_key" in given and self._secret(given[f"{k}_key"]) is None for k in _KEYS):
            return None
        auth, priv = (self._secret(given.get(f"{k}_key")) for k in _KEYS)
        return Keys(given["user"], given.get("auth", "sha1"), auth, given.get("priv", "aes128"), priv)

    def _given(self, device: Device, key: str) -> Mapping[str, str]:
        own = self._listener.credentials
        return own if own else device.credentials if key in device.credentials else {}

    def _of(self, device: Device, key: str) -> str | None:
        return self._given(device, key).get(key)

    def _secret(self, reference: str | None) -> str | None:
        if reference is None:
            return None
        at, value = self._secrets.get(reference, (float("-inf"), None))
        if self._clock() - at > SECRETS_S:
            try:
                value = resolve(reference)
                self._missing.pop(reference, None)
            except SecretError as error:
                value = None
                if reference not in self._missing:
                    log.error("a secret for traps is missing", listener=self._listener.id, why=str(error))
                self._missing[reference] = str(error)
            self._secrets[reference] = (self._clock(), value)
        return value


_KEYS = ("auth", "priv")


def one_of(fitting: Iterable[Device]) -> Device:
    """The only one. Raises RefusedError where there are several."""
    found = tuple(fitting)
    if len(found) > 1:
        names = ", ".join(d.id for d in found[:3])
        what = f"{names} have this address and the same credentials: give them trap_address or engine_id"
        raise RefusedError(Refusal.AMBIGUOUS_SOURCE, what)
    return found[0]
