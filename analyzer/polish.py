"""What is common and what is own: medians up the plant tree.

The loss of a line is an OLT part + a PON part + a splitter-leg part + an own part. Each part is the median, day by day,
over the members of the group, after what stands above it has been taken away (Tukey's median polish, one sweep down a
tree). A median withstands bad lines up to half of a group; a median over few lines would swallow their faults, so
groups below a size keep nothing.
"""

import numpy as np

from analyzer.arrays import ZERO, Floats, Ints, compiled
from analyzer.middle import median_of


@compiled
def _medians(values: Floats, order: Ints, starts: Ints, least: int) -> Floats:
    groups, days = len(starts) - 1, values.shape[1]
    out = np.full((groups, days), np.nan, dtype=np.float32)
    for g in range(groups):
        size = starts[g + 1] - starts[g]
        if size < least:
            continue
        column = np.empty(size, dtype=np.float32)
        for d in range(days):
            n = ZERO
            for i in range(starts[g], starts[g + 1]):
                v = values[order[i], d]
                if not np.isnan(v):
                    column[n] = v
                    n += 1
            if n >= least:
                out[g, d] = median_of(column, n)
    return out


def group_medians(values: Floats, codes: Ints, groups: int, least: int) -> Floats:
    """Median of each group and day, (groups, days); NaN where fewer than `least` members have a reading.

    `codes` (rows,) names the group of each row of `values`, −1 for none.
    """
    order = np.argsort(codes, kind="stable").astype(np.int64)
    starts = np.searchsorted(codes[order], np.arange(groups + 1)).astype(np.int64)
    return _medians(np.ascontiguousarray(values, dtype=np.float32), order, starts, least)


def spread_out(parts: Floats, codes: Ints) -> Floats:
    """Each row's group part (rows, days); zero where the row has no group or the group no part."""
    out = np.zeros((len(codes), parts.shape[1]), dtype=np.float32)
    inside = codes >= 0
    out[inside] = parts[codes[inside]]
    return np.nan_to_num(out, copy=False)


def centred(values: Floats) -> Floats:
    """Rows less their own median over time: receivers are poor absolute meters and good relative ones."""
    return values - row_medians(values)[:, None]


@compiled
def _row_medians(values: Floats) -> Floats:
    rows, days = values.shape
    out = np.full(rows, np.nan, dtype=np.float32)
    seen = np.empty(days, dtype=np.float32)
    for r in range(rows):
        n = ZERO
        for d in range(days):
            if not np.isnan(values[r, d]):
                seen[n] = values[r, d]
                n += 1
        if n:
            out[r] = median_of(seen, n)
    return out


def row_medians(values: Floats) -> Floats:
    """Median over days of each row (rows,), NaN for rows without readings."""
    return _row_medians(np.ascontiguousarray(values, dtype=np.float32))
