"""What a store's folder says of itself, who may write there, and what its disk refuses."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.embedded.copying import write_durably
from storage.embedded.lock import WriterLock
from storage.errors import StoreCorruptedError, StoreUnavailableError

FORMAT = 2  # 1: no levels in parts. An older version would read a part for nothing at all, and must not open it
READABLE = (1, 2)


@contextlib.contextmanager
def disk() -> Iterator[None]:
    """What the disk refuses becomes StoreUnavailableError: the same call may succeed later."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(f"the store's disk refuses: {error}") from error


def locked(folder: Path, reason: str) -> WriterLock:
    """The folder, made if need be, and the right to write there. StoreUnavailableError where that is not to be had."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(f"{folder} cannot be made: {error.strerror}") from error
    return WriterLock(folder / "writer.lock", reason)


def same_zone(folder: Path, zone: str, *, write: bool) -> None:
    """Daily rows are days of one zone: remember which, and refuse another."""
    path = folder / "store.json"
    with contextlib.suppress(FileNotFoundError):
        try:
            said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            said["format"], said["zone"]
        except (ValueError, KeyError, TypeError):
            raise StoreCorruptedError(
                f'{path} is damaged; write {{"format": {FORMAT}, "zone": "{zone}"}} into it if its days were {zone}'
            ) from None
        if said["format"] not in READABLE:
            raise StoreUnavailableError(f"{folder} has format {said['format']}; this version reads format {FORMAT}")
        if said["zone"] != zone:
            raise ValueError(
                f"the store in {folder} keeps days of {said['zone']}, not of {zone}; "
                "set calendar: zone back, or begin a new store and import the history"
            )
        if not write or said["format"] == FORMAT:
            return
    if write:
        write_durably(path, json.dumps({"format": FORMAT, "zone": zone}).encode())
