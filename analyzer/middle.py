"""The median inside compiled kernels: one small selection instead of numba's own, which takes seconds to compile."""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.arrays import compiled


@compiled
def median_of(values: npt.NDArray[np.floating[Any]], n: int) -> float:
    """Median of the first n ≥ 1 `values`, none of them NaN; reorders them (Hoare 1961, algorithm 65: FIND)."""
    k = n // 2
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    upper = float(values[k])
    if n % 2:
        return upper
    lower = values[0]
    for i in range(1, k):
        lower = max(lower, values[i])
    return 0.5 * (float(lower) + upper)
