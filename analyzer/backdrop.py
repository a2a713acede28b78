"""What a line is held against: the parts of its port and splitter, the plant's usual noise, how many looks were taken.

Every judgement of a line asks the history's backdrop for what other lines say. Here they are asked themselves; where
only a few lines are looked at (daily.py), what a full run noted is given in their place.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from analyzer.arrays import Floats, Ints, Mask, Reals
from analyzer.change import Changes
from analyzer.significance import Null, change_p, discoveries, null_of

Level = Literal["line", "pon", "splitter1", "splitter2", "device", "grid"]


class Backdrop:
    """All lines are at hand, and say it themselves."""

    def settled(self, level: Level, name: str, computed: Floats) -> Floats:
        """What the groups of a level share: (groups,) or (groups, days), as `computed` from the lines at hand."""
        return computed

    def figure(self, name: str, computed: float) -> float:
        """What the whole plant says."""
        return computed

    def chances(self, family: str, changes: Changes) -> Reals:
        """p of each line's change (lines,)."""
        return change_p(changes, null_of(changes))

    def believed(self, p: Reals, rate: float) -> Mask:
        """Which p (families, lines) may be believed."""
        return discoveries(p, rate)

    def members(self, level: Level, codes: Ints, code: int) -> int:
        """How many lines hang on a group."""
        return int((codes == code).sum())

    def note(self, name: str, values: Mapping[str, Floats | Reals]) -> None:
        """Take notice of how a figure of every line was prepared."""


ALL_LINES = Backdrop()


class Noted(Backdrop):
    """All lines are at hand, and what they say is written down."""

    def __init__(self) -> None:
        self.series: dict[tuple[Level, str], Floats] = {}
        self.figures: dict[str, float] = {}
        self.nulls: dict[str, Null] = {}
        self.prepared: dict[str, Mapping[str, Floats | Reals]] = {}

    def settled(self, level: Level, name: str, computed: Floats) -> Floats:
        self.series[level, name] = computed.astype(np.float32)
        return computed

    def figure(self, name: str, computed: float) -> float:
        self.figures[name] = computed
        return computed

    def chances(self, family: str, changes: Changes) -> Reals:
        self.nulls[family] = null_of(changes)
        p = change_p(changes, self.nulls[family])
        noise = changes.sigma * np.sqrt((1 + changes.phi) / (1 - changes.phi))
        self.prepared[f"noise {family}"] = {"p": p, "noise": noise}
        return p

    def believed(self, p: Reals, rate: float) -> Mask:
        found = discoveries(p, rate)
        self.figures["judged"] = float(np.count_nonzero(p < 1))
        self.figures["cutoff"] = float(p[found].max(initial=0.0))
        return found

    def note(self, name: str, values: Mapping[str, Floats | Reals]) -> None:
        self.prepared[name] = values
