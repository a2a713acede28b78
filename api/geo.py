"""Places on a map: points rounded for privacy, and what encloses many of them."""

import numpy as np
import numpy.typing as npt

from api.masking import DECIMALS

Points = npt.NDArray[np.float64]


def rounded(points: Points) -> Points:
    """Longitudes and latitudes, points × 2, to about a hundred metres."""
    return np.round(points, DECIMALS)


def hull(points: Points) -> list[list[float]]:
    """The convex hull, counter-clockwise as RFC 7946 wants it (Andrew's monotone chain); fewer than 3 where flat."""
    unique = np.unique(points, axis=0)
    if len(unique) < 3:
        return [[float(x), float(y)] for x, y in unique]

    def half(ordered: Points) -> list[list[float]]:
        chain: list[list[float]] = []
        for x, y in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], x, y) <= 0:
                chain.pop()
            chain.append([float(x), float(y)])
        return chain[:-1]

    return half(unique) + half(unique[::-1])


def _turn(a: list[float], b: list[float], x: float, y: float) -> float:
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
