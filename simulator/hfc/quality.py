"""Codewords from signal quality: what a Reed-Solomon code meets behind a QAM demapper in white noise."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, erfc

from simulator.constants import hfc

F64 = npt.NDArray[np.float64]
_GRID = np.arange(5.0, 50.0, 0.05)


def day_words(way: str, snr_db: npt.ArrayLike) -> tuple[F64, F64]:
    """Expected (corrected, uncorrectable) codewords of a day at this SNR; `way` is `down` or `up`."""
    some, bad = _table(way)
    snr = np.asarray(snr_db, np.float64)
    words = float(hfc()["errors"][way]["words"])
    return words * 10 ** np.interp(snr, _GRID, some), words * 10 ** np.interp(snr, _GRID, bad)


@cache
def _table(way: str) -> tuple[F64, F64]:
    """log₁₀ of the shares of codewords (corrected, uncorrectable) over _GRID.

    Square QAM of M points has the symbol error ratio 4(1 − 1/√M)·Q(√(3·SNR/(M − 1))); a byte is hit when one of its
    symbols is, and the code repairs so many bytes of a word.
    """
    said = hfc()["errors"][way]
    points, word, repairs = said["points"], said["word"], said["repairs"]
    q = 0.5 * erfc(np.sqrt(3 * 10 ** (_GRID / 10) / (points - 1)) / np.sqrt(2))
    symbol = np.minimum(4 * (1 - points**-0.5) * q, 1.0)
    byte = -np.expm1(8 / np.log2(points) * np.log1p(-np.minimum(symbol, 1 - 1e-12)))
    hit = -np.expm1(word * np.log1p(-byte))
    bad = np.where(byte > 0, betainc(repairs + 1, word - repairs, byte), 0.0)
    return np.log10(np.maximum(hit - bad, 1e-30)), np.log10(np.maximum(bad, 1e-30))
