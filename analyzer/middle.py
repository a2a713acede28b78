"""The median inside compiled kernels: one small selection instead of numba's own, which takes seconds to compile."""

from typing import Any

import numpy as np
import numpy.typing as npt

from analyzer.arrays import compiled


@compiled
def median_of(values: npt.NDArray[np.floating[Any]], n: int) -> float:
    """Median of the first n ≥ 1 `values`, none of them NaN; reorders them.

    Hoare's FIND (1961) with Lomuto's partition, written without branches: readings come in no order, and a processor
    that guesses wrong at every second comparison takes three times as long.
    """
    k = n // 2
    low, high = 0, n - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = values[low], values[middle], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        at = low if a == pivot else (middle if b == pivot else high)
        values[at], values[high] = values[high], pivot
        less = low
        for i in range(low, high):
            v = values[i]
            values[i] = values[less]
            values[less] = v
            less += v < pivot
        values[high], values[less] = values[less], pivot
        if k < less:
            high = less - 1
            continue
        same = less + 1
        if less == low:  # nothing was smaller: readings may all be one, and are passed over together
            for i in range(same, high + 1):
                v = values[i]
                values[i] = values[same]
                values[same] = v
                same += v == pivot
        if k < same:
            break
        low = same
    upper = float(values[k])
    if n % 2:
        return upper
    lower = values[0]
    for i in range(1, k):
        lower = max(lower, values[i])
    return 0.5 * (float(lower) + upper)
