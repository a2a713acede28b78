"""One writer: a lock that the kernel releases when its holder ends, however it ends."""

import contextlib
import fcntl
import os
from pathlib import Path

from plant.batch import StoreUnavailableError


class WriterLock:
    """Held by the one process that may write. Raises StoreUnavailableError, naming the holder, when it is taken."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StoreUnavailableError(
                f"the store in {path.parent} is being written by process {holder}; stop it, or open the store read-only"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        with contextlib.suppress(ValueError):
            self._file.close()
