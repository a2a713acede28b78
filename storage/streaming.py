"""Matrices of many lines in bounded memory: a block of lines after the other, from any store."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date

from plant.matrix import Matrix, Scope
from storage.protocol import TelemetryStore

LINES_AT_ONCE = 50_000  # of 90 days a matrix of so many lines is 18 MB


async def matrices(
    store: TelemetryStore,
    blocks: Iterable[Sequence[str]],
    wanted: Sequence[tuple[str, str]],
    first: date,
    last: date,
) -> AsyncGenerator[list[Matrix]]:
    """For each block of lines (as of an OLT) its matrices, one for each (field, statistic) of `wanted`, in that order.

    Lines × days from `first` to `last`, both included. Holds one block; what the caller lets go of is free.
    """
    for lines in blocks:
        scope = Scope(tuple(lines))
        yield [await store.matrix(scope, field, statistic, first, last) for field, statistic in wanted]


def in_blocks(line_ids: Sequence[str], most: int = LINES_AT_ONCE) -> list[Sequence[str]]:
    """Sorted ids in blocks that lie together in the store's files, of at most `most` lines."""
    ordered = sorted(line_ids)
    return [ordered[begin : begin + most] for begin in range(0, len(ordered), most)]
