"""Trap listeners of the inventory, and what a device says of its own traps."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from plant.entry import Entry
from plant.inventory import TrapListener

LISTENER_KEYS = ("id", "host", "port", "credentials", "rules")
DEVICE_KEYS = ("trap_address", "engine_id")


def read_listener(
    entry: Entry, ident: str, seen: dict[tuple[str, int], int], credentials: Mapping[str, str]
) -> TrapListener | None:
    """One listener; `seen` has the ports so far with their line, `credentials` what it says of its own."""
    if not entry.require("host"):
        return None
    host, port = entry.text("host", "") or "", entry.number("port", 1, 65535, TrapListener.port, whole=True)
    if (host, port) in seen:
        what = f"{entry.what}: port {port} on {host} is that of the listener in line {seen[host, port]}"
        entry.problem(entry.at("port"), what, "one listener takes v1, v2c and v3; keep one of them")
        return None
    seen[host, port] = entry.line
    if "credentials" in entry and not {"community", "user"} & credentials.keys():
        remedy = "write community, user or both, or leave credentials out: then each device shows its own"
        entry.problem(entry.at("credentials"), f"{entry.what}: nobody could show these credentials", remedy)
    return TrapListener(ident, host, port, dict(credentials), _rules(entry))


def _rules(entry: Entry) -> tuple[str, ...]:
    """Paths of rule files, relative to the inventory; what is in them the collector checks."""
    found = [Path(entry.file).parent / name for name in entry.texts("rules")]
    for path in found:
        if not path.is_file():
            entry.problem(entry.at("rules"), f"{entry.what}: {path} does not exist", "paths are relative to this file")
    return tuple(str(path) for path in found)


def trap_addresses(entry: Entry) -> tuple[str, ...]:
    """Where a device's traps come from: one address or name, or a list of them."""
    node = entry.node("trap_address")
    if node is None:
        return ()
    given = entry.texts("trap_address") if isinstance(node.value, list) else (entry.text("trap_address") or "",)
    for one in given:
        if one and not _host(one):
            remedy = "write an address such as 192.0.2.7, or a name, without a port"
            entry.problem(entry.at("trap_address"), f'{entry.what}: "trap_address" holds "{one}"', remedy)
    return tuple(one for one in given if one)


def _host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", text) is not None
    return True


def engine_id(entry: Entry, seen: dict[str, int]) -> str | None:
    """A v3 engine id as hexadecimal digits, however written (0x80…, 80:00:…); `seen` has those so far."""
    text = entry.text("engine_id")
    if text is None:
        return None
    digits = re.sub(r"[:\s-]", "", text).lower().removeprefix("0x")
    if not re.fullmatch(r"(?:[0-9a-f]{2}){5,32}", digits):
        remedy = "write its 5 to 32 octets as hexadecimal digits in quotes (snmpEngineID, 1.3.6.1.6.3.10.2.1.1.0)"
        entry.problem(entry.at("engine_id"), f'{entry.what}: "engine_id" is "{text}"', remedy)
        return None
    if digits in seen:
        what = f"{entry.what}: its engine id is also that of the device in line {seen[digits]}"
        entry.problem(entry.at("engine_id"), what, "an engine id belongs to one device")
        return None
    seen[digits] = entry.at("engine_id")
    return digits
