"""Where the collector listens for other processes of this machine: a Unix socket in the data folder.

The folder's permissions and the socket's own (0600) say who may ask. A path too long for a socket's address is reached
through the folder's descriptor, where the system has /proc.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 100  # octets of a Unix socket's address: 104 to 108, by system
_DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """An address for `path` that fits. Raises OSError where there is none."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    if not _DESCRIPTORS.is_dir():
        raise OSError(f"{path} is too long for a socket; name a data folder with a shorter path")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_DESCRIPTORS / str(folder) / path.name)
    finally:
        os.close(folder)


def listening(path: Path) -> socket.socket:
    """A socket that listens at `path`, for this user alone; one left by a collector that was killed is replaced."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            with address_of(path) as address:
                made.bind(address)
        finally:
            os.umask(before)
        made.listen(16)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
