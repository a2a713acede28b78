"""Reading one mapping of the inventory key by key, with a problem for each value that is not what it should be."""

import difflib
from collections.abc import Iterable
from datetime import date
from typing import Any

from plant.document import Node
from plant.problems import Problem, Report


class Entry:
    """A mapping of `devices.yaml`: typed access to its keys; unknown keys are problems. `what` names it in messages."""

    def __init__(self, node: Node, what: str, file: str, report: Report, known: Iterable[str]) -> None:
        self.what, self.file, self.line, self.report = what, file, node.line, report
        self._keys: dict[str, tuple[int, Node]] = {}
        known = tuple(known)
        if not isinstance(node.value, dict):
            self.problem(node.line, f"{what} should be keys and values", f"write keys such as: {', '.join(known)}")
            return
        for key, line, value in node.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                remedy = f'did you mean "{near[0]}"?' if near else f"known keys: {', '.join(known)}"
                self.problem(line, f'{what} has the unknown key "{key}"', remedy)
            elif value.value is not None:
                self._keys[key] = (line, value)

    def problem(self, line: int, message: str, remedy: str, *, warning: bool = False, sort: str = "") -> None:
        self.report.add(Problem(self.file, line, message, remedy, "warning" if warning else "error", sort))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def at(self, key: str) -> int:
        """The line of a key, or of the entry where the key is missing."""
        return self._keys[key][0] if key in self._keys else self.line

    def node(self, key: str) -> Node | None:
        return self._keys[key][1] if key in self._keys else None

    def require(self, *keys: str) -> bool:
        """Report every missing key; True when all are there."""
        missing = [k for k in keys if k not in self._keys]
        for key in missing:
            self.problem(self.line, f'{self.what} lacks the key "{key}"', f'add "{key}:"')
        return not missing

    def text(self, key: str, default: str | None = None) -> str | None:
        """A non-empty text; a number is taken as it is written where an id may look like one."""
        found = self.node(key)
        if found is None:
            return default
        if isinstance(found.value, str | int) and not isinstance(found.value, bool) and str(found.value).strip():
            return str(found.value)
        self.problem(self.at(key), f'{self.what}: "{key}" should be a text', "put it in quotes")
        return default

    def number(self, key: str, low: float, high: float, default: Any = None, *, whole: bool = False) -> Any:
        """A number within [low, high]; the default, with a problem, where it is none."""
        found = self.node(key)
        if found is None:
            return default
        value = found.value
        kind = "a whole number" if whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            self.problem(self.at(key), f'{self.what}: "{key}" should be {kind}', f"write {low:g} to {high:g}")
            return default
        if not low <= value <= high:
            self.problem(self.at(key), f'{self.what}: "{key}" is {value:g}', f"allowed: {low:g} to {high:g}")
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        found = self.node(key)
        if found is None:
            return default
        if isinstance(found.value, bool):
            return found.value
        self.problem(self.at(key), f'{self.what}: "{key}" should be true or false', "write true or false")
        return default

    def choice(self, key: str, allowed: Iterable[str], default: str | None = None) -> str | None:
        """One of the allowed words."""
        value = self.text(key, default)
        allowed = tuple(allowed)
        if value is None or value in allowed:
            return value
        near = difflib.get_close_matches(value, allowed, 1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        self.problem(
            self.at(key), f'{self.what}: "{key}" is "{value}"', f"which is not among: {', '.join(allowed)}{hint}"
        )
        return default

    def list(self, key: str) -> list[Node]:
        found = self.node(key)
        if found is None:
            return []
        if isinstance(found.value, list):
            return found.value
        self.problem(self.at(key), f'{self.what}: "{key}" should be a list', "start each item with a dash")
        return []

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        out = []
        for item in self.list(key):
            if isinstance(item.value, str | int) and not isinstance(item.value, bool):
                out.append(str(item.value))
            else:
                self.problem(item.line, f'{self.what}: "{key}" holds something that is no text', "put it in quotes")
        return tuple(out)

    def dates(self, key: str) -> tuple[date, ...]:
        """A list of days."""
        out = []
        for item in self.list(key):
            if type(item.value) is date:
                out.append(item.value)
            else:
                self.problem(item.line, f'{self.what}: "{key}" holds "{item.value}"', "write days as 2026-10-01")
        return tuple(out)

    def mapping(self, key: str) -> dict[str, tuple[int, Node]]:
        found = self.node(key)
        if found is None:
            return {}
        if isinstance(found.value, dict):
            return found.value
        self.problem(self.at(key), f'{self.what}: "{key}" should be keys and values', "write one a line, indented")
        return {}
