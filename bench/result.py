"""What a benchmark tells, and how it is printed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """One figure. `ratio` is ours to `against` in the same run, above 1 is better; None where nothing compares."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str | None = None


def print_results(results: Sequence[Result], *, as_json: bool) -> None:
    """A JSON list, or a table of name, value, unit and ratio."""
    if as_json:
        print(json.dumps([asdict(r) for r in results], indent=2))
        return
    for r in results:
        against = f"{r.ratio:8.2f} × {r.against}" if r.ratio is not None else ""
        print(f"{r.name:34} {r.value:14,.1f} {r.unit:14} {against}")
