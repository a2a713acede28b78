"""The plant's constants, read from the data files beside this module."""

from functools import cache
from importlib.resources import files
from typing import Any, cast

import yaml


@cache
def physics() -> dict[str, Any]:
    return cast(dict[str, Any], _load("physics.yaml"))


@cache
def climate() -> dict[str, Any]:
    return cast(dict[str, Any], _load("climate.yaml"))


@cache
def places() -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], _load("places.yaml"))


@cache
def hfc() -> dict[str, Any]:
    return cast(dict[str, Any], _load("hfc/hfc.yaml"))


def _load(name: str) -> object:
    return yaml.safe_load((files("simulator") / name).read_text(encoding="utf-8"))
