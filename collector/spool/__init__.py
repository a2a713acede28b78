"""The spool: what was decoded is on disk here before it is acknowledged, until the store has it."""

from collector.spool.record import DamagedRecordError
from collector.spool.segments import BatchTooLargeError, Group, SegmentLog, SpoolFullError, SpoolLockedError
from collector.spool.spool import Spool, SpoolStatus

__all__ = [
    "BatchTooLargeError",
    "DamagedRecordError",
    "Group",
    "SegmentLog",
    "Spool",
    "SpoolFullError",
    "SpoolLockedError",
    "SpoolStatus",
]
