"""The folder of an operator's own rules: read, checked and written whole, the version before kept."""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from maintenance.rules import FILES
from maintenance.rules_checking import examine_rules, shipped
from plant.problems import Problem

PREVIOUS = ".previous"  # a folder in it: one file of each name


class RulesChangedError(RuntimeError):
    """Somebody wrote the file since it was read."""


class RulesWrongError(ValueError):
    """The text would not do; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True)
class RulesFile:
    """`own`: it lies in the folder; else it is the shipped one. `version` changes with the text. `previous`: there is a
    version before this one."""

    name: str
    own: bool
    text: str
    version: str
    changed_at: datetime | None = None
    previous: bool = False


class RulesFolder:
    """`folder` need not be there yet. None: the shipped rules alone, and nothing can be written."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def all(self) -> list[RulesFile]:
        return [self.file(name) for name in FILES]

    def file(self, name: str) -> RulesFile:
        """KeyError for a name there is none of."""
        if name not in FILES:
            raise KeyError(name)
        if self.folder is None:
            return RulesFile(name, own=False, text=shipped(name), version=_version(shipped(name)))
        path = self._path(name)
        own = path.is_file()
        text = path.read_text(encoding="utf-8", errors="replace") if own else shipped(name)
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC) if own else None
        return RulesFile(name, own, text, _version(text), at, self._before(name).exists())

    def check(self, name: str, text: str) -> list[Problem]:
        """What would be wrong with this text, and with the others beside it."""
        return examine_rules(self.folder, {name: text})

    def write(self, name: str, text: str, version: str) -> RulesFile:
        """Replace the file at once; `version`: of the text that was read. RulesChangedError, RulesWrongError."""
        self._unchanged(name, version)
        if wrong := [p for p in self.check(name, text) if p.severity == "error"]:
            raise RulesWrongError(wrong)
        self._keep(name)
        _replace(self._path(name), text)
        return self.file(name)

    def undo(self, name: str, version: str) -> RulesFile:
        """The version before, back again; what is undone becomes the version before. KeyError where there is none."""
        self._unchanged(name, version)
        before = self._before(name)
        if not before.exists():
            raise KeyError(name)
        text = before.read_text(encoding="utf-8")
        self._keep(name)
        if text:
            _replace(self._path(name), text)
        else:
            self._path(name).unlink(missing_ok=True)
        return self.file(name)

    def _unchanged(self, name: str, version: str) -> None:
        if self.file(name).version != version:
            raise RulesChangedError(f"{name}.yaml was changed since it was read")

    def _keep(self, name: str) -> None:
        """The present file as the version before; an empty one where the shipped one counts."""
        path = self._path(name)
        _replace(self._before(name), path.read_text(encoding="utf-8") if path.is_file() else "")

    def _path(self, name: str) -> Path:
        if self.folder is None:
            raise ValueError("no folder of rules is named")
        return self.folder / f"{name}.yaml"

    def _before(self, name: str) -> Path:
        path = self._path(name)
        return path.parent / PREVIOUS / path.name


def _version(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)
