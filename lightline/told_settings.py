"""The settings in force, each with where it came from; what could be a secret is not told."""

import os
import re
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel

from api.schemas.settings import Source, ToldSetting
from lightline.settings import FILE, Settings

PREFIX = "LIGHTLINE_"
HIDDEN = "•••"
_USER = re.compile(r"(?<=//)[^/@\s]*@")  # of an address: user and password
_QUERY = re.compile(r"\?.*$")  # may hold a password too


def words() -> Mapping[str, Mapping[str, str]]:
    """What each setting is, by name."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        (files("lightline") / "settings.yaml").read_text(encoding="utf-8")
    )
    return loaded


def told_settings(settings: Settings, given: Collection[str] = ()) -> list[ToldSetting]:
    """All of them in their order. `given`: those that the command line gave."""
    in_file, known = _in_file(settings), words()
    closed = type(settings) is not Settings  # of the demo: neither file nor environment was asked
    out = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        source: Source = "default"
        if name in given or (closed and name in settings.model_fields_set):
            source = "command_line"
        elif name in in_file:
            source = "file"
        elif not closed and any(key.upper() == f"{PREFIX}{name}".upper() for key in os.environ):
            source = "environment"
        told = known.get(name) or dict.fromkeys(("zh", "en"), field.description or name)
        default = field.get_default(call_default_factory=True)
        out.append(
            ToldSetting(
                name=name, value=_text(value), default=_text(default), source=source, unit=told.get("unit", ""),
                zh=told["zh"], en=told["en"],
            )
        )  # fmt: skip
    return out


def _in_file(settings: Settings) -> set[str]:
    """Names that lightline.toml sets, where it is read."""
    path = settings.model_config.get("toml_file")
    if path is None or not FILE.is_file():
        return set()
    with FILE.open("rb") as file:
        return set(tomllib.load(file))


def _text(value: Any) -> str:
    """A value as people read it: never a password, wherever it stands."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, BaseModel):
        return _text(getattr(value, "issuer", type(value).__name__))
    if isinstance(value, tuple):
        return ", ".join(_text(one) for one in value)
    return _QUERY.sub(f"?{HIDDEN}", _USER.sub(f"{HIDDEN}@", str(value)))
