"""Small files that are either the old ones or the new ones, whatever happens meanwhile."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make names created, renamed or removed in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `data` at once; a reader sees all of the old or all of the new. Raises OSError.

    With `sync` the new content survives a power cut; without, only the death of the process.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as out:
            out.write(data)
            out.flush()
            if sync:
                os.fsync(out.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)
