"""What is wrong with an inventory: a place, a message and a remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FLOOD = 50  # problems of one sort that are spelled out; the rest is counted


@dataclass(frozen=True)
class Problem:
    """One thing to mend: `file:line: message; remedy`."""

    file: str
    line: int
    message: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    sort: str = ""

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        return f"{self.file}:{self.line}: {mark}{self.message}; {self.remedy}"


class InventoryError(ValueError):
    """The inventory has errors; `problems` holds all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class Report:
    """Problems as they are found; floods of one sort are folded into a count."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._folded: dict[tuple[str, str], list[int]] = {}

    def add(self, problem: Problem, more: int = 0) -> None:
        """Note a problem; `more` says how many of its sort follow that are not spelled out."""
        key = (problem.file, problem.sort or problem.message)
        counts = self._folded.setdefault(key, [0, 0])
        counts[0] += 1
        counts[1] += more
        if counts[0] <= FLOOD:
            self._problems.append(problem)
        else:
            counts[1] += 1

    def problems(self) -> list[Problem]:
        """All problems by file and line, with a closing line for each folded flood."""
        out = sorted(self._problems, key=lambda p: (p.file, p.line))
        for (file, sort), (_, more) in self._folded.items():
            if more:
                last = next(p for p in reversed(out) if p.file == file and (p.sort or p.message) == sort)
                out.append(Problem(file, last.line, f"and {more:,} more like it", last.remedy, last.severity))
        return out

    @property
    def failed(self) -> bool:
        return any(p.severity == "error" for p in self._problems)
