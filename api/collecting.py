"""The collector's snapshot of itself, as other pages need it."""

import asyncio
from datetime import datetime, timedelta

from api.parts import Parts
from api.problems import ProblemError
from collector.status import CollectorStatus

SILENT_AFTER = timedelta(minutes=1)  # it writes every few seconds


async def collector_of(parts: Parts) -> CollectorStatus | None:
    """Its last snapshot; None where none ever ran. A problem where it cannot be read."""
    try:
        return await asyncio.to_thread(parts.collector_status)
    except (ValueError, OSError) as error:
        raise ProblemError("collector-status", str(error)) from error


def is_running(status: CollectorStatus, now: datetime) -> bool:
    return now - status.written_at <= SILENT_AFTER
