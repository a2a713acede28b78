"""Array types of this room, and the decorator of its compiled kernels."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]  # lines × days (or nodes × days); NaN where there was no reading
Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.object_]
Days = npt.NDArray[np.datetime64]

# Zero as a number of numba's int64: a literal is a type of its own, for which every callee is compiled once more.
ZERO = cast(int, np.int64(0))

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile with numba on first call.

    The machine code is kept beside the module, else in the user's cache folder or NUMBA_CACHE_DIR, and not at all
    where none of them can be written.
    """
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder to write to
        return cast(F, numba.njit(nogil=True)(function))
