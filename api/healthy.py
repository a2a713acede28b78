"""Health: lines, tickets and parts, and the worst of the parts as one word."""

import asyncio
from datetime import datetime

from api.collecting import is_running
from api.figures import Figures
from api.parts import Parts
from api.problems import ProblemError
from api.rows import health_counts
from api.schemas.service import Health, LinesHealth, Part, TicketsHealth
from api.sight import Sight
from api.snapshot import Snapshot
from api.standing import Standing, TicketCounts
from collector.lateness import late_tiers
from collector.status import CollectorStatus


async def health_of(parts: Parts, figures: Figures, standing: Standing, sight: Sight) -> Health:
    """As who sees this much may see it."""
    snapshot = await figures.current()
    tickets = await standing.counts(sight)
    told = [_store(figures), *await _collector(parts, standing)]
    states = {p.state for p in told}
    worst = "down" if "down" in states else "troubled" if states - {"well"} else "well"
    return Health(
        as_of=snapshot.as_of,
        store_down_since=figures.down_since,
        state=worst,  # type: ignore[arg-type]
        simulated=snapshot.roster.inventory.simulated,
        lines=await _lines(snapshot, sight, tickets),
        tickets=TicketsHealth(
            unfinished=tickets.unfinished, overdue=tickets.overdue, by_grade=tickets.by_grade,
            by_state=tickets.by_state,
        ),
        parts=told,
    )  # fmt: skip


async def _lines(snapshot: Snapshot, sight: Sight, tickets: TicketCounts) -> LinesHealth:
    counts = snapshot.counts.get(sight)
    if counts is None:
        counts = await asyncio.to_thread(health_counts, snapshot, sight)
    return counts.model_copy(update={"at_risk": tickets.lines})


def _store(figures: Figures) -> Part:
    if figures.is_down:
        return Part(name="store", state="down", detail=figures.down_detail, since=figures.down_since)
    return Part(name="store", state="well", detail="", since=None)


async def _collector(parts: Parts, standing: Standing) -> list[Part]:
    try:
        status = await standing.collector()
    except ProblemError as error:
        return [Part(name="collector", state="troubled", detail=error.detail, since=None)]
    if status is None:
        return [Part(name="collector", state="not_running", detail="no collector ever ran here", since=None)]
    if not is_running(status, parts.clock()):
        silent = f"it last wrote its status at {status.written_at:%Y-%m-%d %H:%M:%S} UTC"
        return [Part(name="collector", state="down", detail=silent, since=status.written_at)]
    return [_devices(status), *_brokers(status), *_listeners(status), _spool(status)]


def _devices(status: CollectorStatus) -> Part:
    bad = [d for d in status.devices if d.state in ("silent", "troubled", "unknown")]
    late = late_tiers(status.devices)
    if not bad and late:
        return Part(
            name="collector", state="troubled", detail=f"{len(late)} tiers are late, first {late[0]}", since=None
        )
    if not bad:
        return Part(name="collector", state="well", detail="", since=None)
    since: datetime | None = min((d.since for d in bad if d.since is not None), default=None)
    detail = (
        f"{len(bad)} of {len(status.devices)} devices in trouble, first {bad[0].id}: {bad[0].trouble or bad[0].state}"
    )
    return Part(name="collector", state="troubled", detail=detail, since=since)


def _brokers(status: CollectorStatus) -> list[Part]:
    return [
        Part(
            name=f"broker {b.id}",
            state="well" if b.state == "connected" else "down" if b.state in ("down", "stopped") else "troubled",
            detail=b.detail,
            since=b.since if b.state != "connected" else None,
        )
        for b in status.brokers
    ]


def _listeners(status: CollectorStatus) -> list[Part]:
    return [
        Part(
            name=f"trap listener {t.id}",
            state="down" if t.state in ("down", "stopped") else "troubled" if t.detail else "well",
            detail=t.detail,
            since=t.since if t.state != "listening" else None,
        )
        for t in status.traps
    ]


def _spool(status: CollectorStatus) -> Part:
    if status.spool.full:
        return Part(name="spool", state="down", detail=status.spool.detail, since=None)
    if status.drain.state == "store_unavailable":
        detail = f"{status.spool.records} records wait for the store: {status.drain.detail}"
        return Part(name="spool", state="troubled", detail=detail, since=status.drain.since)
    return Part(name="spool", state="well", detail="", since=None)
