"""What a power cut may leave of a table's log, put right by the writing process before it opens the table.

A commit is acknowledged once its log file is on disk. So a newest log file that is torn was never acknowledged: it is
set aside. A torn checkpoint only sums up log files that are still there: it is set aside with the pointer to it.
"""

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

log = structlog.get_logger(__name__)

SUFFIX = ".torn"


def mend(table: Path) -> None:
    """Set aside what is torn in the log of the table in the folder `table`. OSError where it cannot be renamed."""
    folder = table / "_delta_log"
    commits = sorted(folder.glob("[0-9]*.json"))
    if commits and not _whole(commits[-1]):
        _set_aside(commits[-1], "a commit that was never acknowledged")
    checkpoints = sorted(folder.glob("*.checkpoint.parquet"))
    if checkpoints and not _readable(checkpoints[-1]):
        _set_aside(checkpoints[-1], "a summary of commits that are kept")
        pointer = folder / "_last_checkpoint"
        if pointer.exists():
            _set_aside(pointer, "the pointer to that summary")


def _whole(commit: Path) -> bool:
    try:
        actions = [orjson.loads(line) for line in commit.read_bytes().splitlines()]
    except orjson.JSONDecodeError:
        return False
    return bool(actions)


def _readable(checkpoint: Path) -> bool:
    try:
        pq.read_metadata(checkpoint)
    except pa.ArrowException:
        return False
    return True


def _set_aside(path: Path, what: str) -> None:
    path.replace(path.with_name(path.name + SUFFIX))
    log.warning("a torn file of the store was set aside", file=str(path), what=what)
