"""Where a webhook may go: nobody may have this service ask machines that only it can reach.

Names are looked up once a message and the connection is made to the address that was looked at, so that a name cannot
change between the look and the call.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from maintenance.errors import InputError
from maintenance.hooks.rules import HookRules

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Sequence[str]]


class ForbiddenAddressError(ValueError):
    """The rules do not let a message go there; the message says why and what would let it."""


@dataclass(frozen=True)
class Target:
    """A receiver as it is called: `address` is what is connected to, `host` what it is called by."""

    url: SplitResult
    host: str
    port: int
    address: str


def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a host. OSError where there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def checked_url(text: str) -> SplitResult:
    """An address that can be called at all. InputError names what is wrong."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise InputError("url is not readable; write https://HOST/PATH") from None
    if url.scheme not in ("https", "http") or not url.hostname or port == 0:
        raise InputError("url must be https://HOST/PATH, or http:// on this machine or to a host that is allowed")
    if url.username or url.password or url.fragment:
        raise InputError("url must have neither user nor password nor fragment: messages are signed instead")
    if not text.isascii() or any(c.isspace() or not c.isprintable() for c in text) or len(text) > 2000:
        raise InputError("url must be printable ASCII without spaces, 2000 characters at most")
    return url


def target(text: str, rules: HookRules, find: LookUp = look_up) -> Target:
    """Where to connect for `text`. ForbiddenAddressError where the rules forbid it, OSError where nothing is found."""
    url = checked_url(text)
    host = (url.hostname or "").lower()
    port = url.port or (443 if url.scheme == "https" else 80)
    addresses = find(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    for address in addresses:  # all of them: the connection may go to any
        _may(url.scheme, host, ipaddress.ip_address(address.partition("%")[0]), rules)
    return Target(url, host, port, addresses[0])


def _may(scheme: str, host: str, address: Address, rules: HookRules) -> None:
    seen = getattr(address, "ipv4_mapped", None) or address
    if seen.is_loopback or host in rules.allow or any(seen in _network(one) for one in rules.allow if _numeric(one)):
        return
    if not seen.is_global or seen.is_multicast:
        raise ForbiddenAddressError(
            f"{host} is at {seen}, which is no public address; name the host or its network in hooks.yaml (allow)"
        )
    if scheme != "https":
        raise ForbiddenAddressError(f"{host} is to be told over https; or name it in hooks.yaml (allow)")


def _numeric(text: str) -> bool:
    return "/" in text or ":" in text or text.replace(".", "").isdigit()


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)
