"""Where the ledger ends: whether anything has changed since."""

import asyncio
import time

from api.parts import Parts
from maintenance.changes import Mark

EVERY_S = 1.0  # between looks at the ledger, one for all who ask


class Newest:
    """Where the ledger ends, asked for once a second however many read."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._mark = Mark()
        self._read = float("-inf")
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        """Something was written here: ask again."""
        self._read = float("-inf")

    async def __call__(self) -> Mark:
        async with self._reading:
            if time.monotonic() - self._read >= EVERY_S:
                self._mark = await asyncio.to_thread(self._parts.ledger.newest)
                self._read = time.monotonic()
            return self._mark
