"""Closed means verified: repairs that wait for new readings are judged by what the store holds since."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pyarrow as pa
import structlog

from maintenance.errors import LedgerError
from maintenance.ledger import Ledger, Ticket
from maintenance.verification import Judgement, judge, readings_needed
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class VerificationReport:
    """Repairs looked at, by what their readings said."""

    held: int = 0
    failed: int = 0
    undecided: int = 0


async def verify_repairs(store: TelemetryStore, ledger: Ledger, now: datetime) -> VerificationReport:
    """Judge every repair that waits; what is decided closes or reopens its ticket.

    Raises StoreUnavailableError; what was decided until then stands. A ticket that changes meanwhile is left to the
    next time.
    """
    verdicts: Counter[str] = Counter()
    for ticket in await asyncio.to_thread(ledger.awaiting_verification, now):
        judgement = await _judge(store, ledger, ticket, now)
        try:
            await asyncio.to_thread(ledger.verify, ticket.id, judgement, now)
        except LedgerError as error:
            log.warning("verification was overtaken", ticket=ticket.id, why=str(error))
            continue
        verdicts[judgement.verdict] += 1
    return VerificationReport(verdicts["held"], verdicts["failed"], verdicts["undecided"])


async def _judge(store: TelemetryStore, ledger: Ledger, ticket: Ticket, now: datetime) -> Judgement:
    needed = readings_needed(ticket.cause, ledger.rules, ticket.kind, ticket.cause_code)
    repaired = ticket.resolved_at
    if repaired is None:
        raise ValueError(f"ticket {ticket.id} waits for verification without a repair")
    start = repaired - timedelta(hours=needed.before_hours)
    since = datetime.combine(ticket.onset, time(), UTC)  # a day of the operator's begins earlier where clocks are ahead
    table = await _readings(store, ticket.lines, needed.fields, start, now)
    return await asyncio.to_thread(
        judge,
        ticket.cause,
        table,
        table,
        repaired,
        now,
        ledger.rules,
        ticket.lines,
        ticket.kind,
        since,
        ticket.cause_code,
    )


async def _readings(
    store: TelemetryStore, lines: Iterable[str], fields: tuple[str, ...], start: datetime, now: datetime
) -> pa.Table:
    """Raw readings of the lines from `start` to `now` with `line_id`, one after the other."""
    tables = []
    for line in lines:
        series = await store.series(line, fields, start, now + timedelta(microseconds=1), "raw")
        tables.append(series.append_column("line_id", pa.repeat(line, series.num_rows)))
    if not tables:
        return pa.table({"time": pa.array([], pa.timestamp("us", tz="UTC"))})
    return pa.concat_tables(tables, promote_options="default")
