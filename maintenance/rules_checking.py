"""Check a folder of rules before it counts: every error with file, line and remedy."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from maintenance.rules import FILES, Rules
from plant.problems import Problem

REMEDY = "compare with the shipped file, or take yours away to use that one"
LONGEST = 64 << 10  # octets of a file


def shipped(name: str) -> str:
    """The text of the file that comes with the package."""
    return (files("maintenance") / f"{name}.yaml").read_text(encoding="utf-8")


def examine_rules(folder: Path | None, changed: Mapping[str, str] | None = None) -> list[Problem]:
    """What is wrong with the rules of `folder` beside the shipped ones; `changed`: texts to be looked at instead.

    A file that is no rules file is a warning: most likely its name is mistyped.
    """
    problems: list[Problem] = []
    data: dict[str, Any] = {}
    places: dict[str, tuple[str, str]] = {}  # by name: what the file is called, its text
    for name in FILES:
        called, text = _text(name, folder, changed or {}, problems)
        places[name] = called, text
        try:
            data[name] = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or str(error)
            problems.append(Problem(called, mark.line + 1 if mark else 1, f"is not YAML: {why}", "mend it there"))
    if folder is not None and folder.is_dir():
        strange = sorted(p.name for p in folder.glob("*.y*ml") if p.stem not in FILES)
        problems += [
            Problem(str(folder / name), 1, "is no file of rules", f"there are: {', '.join(FILES)}", "warning")
            for name in strange
        ]
    if len(data) < len(FILES):
        return problems
    try:
        Rules.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            name, *path = [str(part) for part in one["loc"]] or [FILES[0]]
            called, text = places.get(name, (name, ""))
            where = ".".join(path)
            message = f"{where}: {one['msg']}" if where else one["msg"]
            problems.append(Problem(called, line_of(text, path), message, REMEDY))
    return problems


def _text(name: str, folder: Path | None, changed: Mapping[str, str], problems: list[Problem]) -> tuple[str, str]:
    own = folder / f"{name}.yaml" if folder is not None else None
    called = str(own) if own is not None and (name in changed or own.is_file()) else f"{name}.yaml"
    if name in changed:
        return called, changed[name]
    if own is None or not own.is_file():
        return called, shipped(name)
    try:
        data = own.read_bytes()
        if len(data) > LONGEST:
            raise ValueError(f"is larger than {LONGEST >> 10} KiB")
        return called, data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        problems.append(Problem(called, 1, why, "save it as UTF-8, readable for the service"))
        return called, shipped(name)


def line_of(text: str, path: Sequence[str]) -> int:
    """The line on which a member stands, or the nearest one above it."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            return line
    return line
