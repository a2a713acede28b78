"""Matrix and Scope: what the store gives to those who look at many lines at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Scope:
    """Which lines a question is about: `line_ids` (sorted or not, no duplicates), or all of them when None.

    Area, grid, device and PON are resolved to line ids by the inventory; a store knows line ids only. PON ports are
    subjects too, named `pon:DEVICE/PON`; the scope ALL means every customer line and excludes them.
    """

    line_ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, *line_ids: str) -> "Scope":
        return cls(tuple(line_ids))


ALL = Scope(None)


@dataclass(frozen=True)
class Matrix:
    """lines × days of one rollup statistic; NaN where there was no reading.

    `values` float32 (lines, days); `line_ids` (lines,) str objects; `dates` (days,) datetime64[D], consecutive days
    in the operator's zone.
    """

    field: str
    statistic: str
    line_ids: npt.NDArray[np.object_]
    dates: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float32]
