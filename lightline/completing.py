"""What the shell offers after Tab: areas, grids, devices, roles and fields; from devices.yaml without its lines.

Completion answers at once or not at all: whatever is wrong with a file, nothing is offered and nothing is said.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

Offered = list[tuple[str, str]]


def areas(ctx: typer.Context, incomplete: str) -> Offered:
    """Ids of areas, with their names."""
    return _offered(((a.get("id"), a.get("name")) for a in _entries(ctx, "areas")), incomplete)


def grids(ctx: typer.Context, incomplete: str) -> Offered:
    """Ids of grids; where areas were named before, of those only."""
    named = ctx.params.get("area") or ()
    among = [a for a in _entries(ctx, "areas") if not named or a.get("id") in named]
    found = [g for a in among for g in a.get("grids") or () if isinstance(g, dict)]
    return _offered(((g.get("id"), g.get("name")) for g in found), incomplete)


def hosts(ctx: typer.Context, incomplete: str) -> Offered:
    """Addresses of devices, with their ids beside them."""
    devices = (d for d in _entries(ctx, "devices") if d.get("host"))
    return _offered(((_with_port(d), d.get("id")) for d in devices), incomplete)


def roles(incomplete: str) -> list[str]:
    """Roles of users and tokens."""
    from typing import get_args

    from api.roles import Role

    return [r for r in get_args(Role) if r.startswith(incomplete)]


def fields(incomplete: str) -> Offered:
    """Fields of readings, with what they are."""
    from plant.fields import fields as known

    return _offered(((name, f.en) for name, f in known().items()), incomplete)


def _with_port(device: dict[str, Any]) -> str:
    port = device.get("port", 161)
    return str(device["host"]) if port == 161 else f"{device['host']}:{port}"


def _offered(pairs: Iterator[tuple[Any, Any]], incomplete: str) -> Offered:
    return [(str(i), str(name or "")) for i, name in pairs if i is not None and str(i).startswith(incomplete)]


def _entries(ctx: typer.Context, key: str) -> list[dict[str, Any]]:
    try:
        said = yaml.load(_inventory(ctx).read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return []
    found = said.get(key) if isinstance(said, dict) else None
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []


def _inventory(ctx: typer.Context) -> Path:
    """As lightline.settings would find it, without the time that takes."""
    given = ctx.params.get("inventory_option") or ctx.params.get("inventory")
    if given:
        return Path(given)
    try:
        named = tomllib.loads(Path("lightline.toml").read_text(encoding="utf-8")).get("inventory")
    except (OSError, ValueError):
        named = None
    return Path(str(named or os.environ.get("LIGHTLINE_INVENTORY") or "devices.yaml"))
