"""One writer: a lock that the kernel releases when its holder ends, however it ends."""

import contextlib
import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import StoreLockedError, StoreUnavailableError


class WriterLock:
    """Held by the one process that may write. The file says who and why, for people; the kernel's lock is what counts.

    Raises StoreLockedError, naming the holder, when it is taken.
    """

    def __init__(self, path: Path, reason: str) -> None:
        try:
            self._file = path.open("a+")
        except OSError as error:
            raise StoreUnavailableError(f"{path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = _told(self._file.read())
            self._file.close()
            raise StoreLockedError(
                f"the store in {path.parent} is being written by {holder}; stop it, or open the store read-only"
            ) from None
        self._file.truncate(0)
        json.dump(
            {"pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "reason": reason}, self._file
        )
        self._file.flush()

    def __enter__(self) -> "WriterLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        with contextlib.suppress(ValueError):
            self._file.close()


def _told(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} ({holder['reason']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
