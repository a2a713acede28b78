"""Traps whose numbers the operator knows and the public does not: rules in files beside the inventory.

A file names a profile and has `traps` in the form that profiles use; its rules go before the profile's own.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from collector.profile import Profile, place_in, plain
from collector.trap_rules import TrapRuleError, trap_rules
from plant.document import compose
from plant.problems import Report


def with_own_rules(profiles: Mapping[str, Profile], paths: Iterable[str]) -> tuple[dict[str, Profile], list[str]]:
    """The profiles with the files' rules, and what is wrong with the files (`file:line: what; remedy`).

    A file with a mistake is left out as a whole; the others count.
    """
    out, wrong = dict(profiles), []
    for path in dict.fromkeys(paths):
        try:
            profile = _read(Path(path), out)
        except ValueError as error:
            wrong.append(str(error))
        else:
            out[profile.name] = profile
    return out, wrong


def _read(path: Path, profiles: Mapping[str, Profile]) -> Profile:
    """The profile that a file adds to, with what it adds. Raises ValueError."""
    report = Report()
    root = compose(path, report)
    if root is None or report.failed:
        raise ValueError("\n".join(str(p) for p in report.problems()))
    said = plain(root)
    error = best_match(_form().iter_errors(said))
    if error is not None:
        raise ValueError(place_in(path, root, list(error.absolute_path), error.message))
    profile = profiles.get(said["profile"])
    if profile is None:
        among = ", ".join(sorted(profiles))
        raise ValueError(place_in(path, root, ["profile"], f'"{said["profile"]}" is no profile; there are: {among}'))
    try:
        own = trap_rules(said["traps"], {t.name: t.numbers for t in profile.tables})
    except TrapRuleError as wrong:
        raise ValueError(place_in(path, root, ["traps", *wrong.place], wrong.message)) from None
    return replace(profile, traps=(*own, *profile.traps))


@cache
def _form() -> Draft202012Validator:
    profiles: dict[str, Any] = json.loads((files("collector") / "profiles" / "schema.json").read_text("utf-8"))
    form = {
        "type": "object",
        "required": ["profile", "traps"],
        "additionalProperties": False,
        "properties": {"profile": {"type": "string"}, "traps": {"$ref": "#/$defs/traps"}},
        "$defs": profiles["$defs"],
    }
    return Draft202012Validator(form)
