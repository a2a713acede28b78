"""Our own SNMP engine: its id, and how often it started. Senders of v3 informs sign for it, so both must last."""

import time
from pathlib import Path

from collector.spool.durable import write_whole
from collector.traps.usm import Usm

_HEAD = bytes.fromhex("8000000004")  # RFC 3411: form 4 (text) under enterprise 0, for we have no number of our own
_LONGEST = 27


def our_engine(folder: Path, owner: str) -> Usm:
    """`owner`: a name that stays. Raises OSError where `folder` cannot be written.

    The count of starts grows even where its file is lost: it is never below the minutes since 1970.
    """
    path = folder / "boots"
    try:
        before = int(path.read_text("ascii"))
    except (OSError, ValueError):
        before = 0
    boots = max(before + 1, int(time.time()) // 60)
    write_whole(path, str(boots).encode())
    return Usm(_HEAD + owner.encode()[:_LONGEST], boots)
