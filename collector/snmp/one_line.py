"""One line asked for by itself: GETs of its own instances, at the rows where earlier polls found it. Never a walk."""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from collector.asking import NotAskedError, Place
from collector.profile import Column, Profile, Table
from collector.snmp.index import row_names
from collector.snmp.memory import DeviceMemory
from collector.snmp.rows import Answer, merge, table_of, unanswered
from collector.snmp.session import Value
from collector.snmp.walk import Walked, Walker

_AT_ONCE = 12  # instances a request: each may make the OLT ask the ONT
_ALWAYS = frozenset({"state", "ont_serial"})  # whether readings count, and whose they are


class LineNotSeenError(NotAskedError):
    """The device's polls so far did not show the line."""


@dataclass(frozen=True)
class _Wanted:
    table: Table
    column: Column
    oid: str
    rows: tuple[str, ...]


async def ask_line(
    walker: Walker, profile: Profile, memory: DeviceMemory, place: Place, tiers: Collection[str]
) -> tuple[pa.Table, list[str]]:
    """The line's figures of these tiers as a table of one row, and notes. Raises LineNotSeenError and as walks do."""
    columns = [(t, c) for t, c in profile.columns("line") if c.tier in tiers or c.field.name in _ALWAYS]
    rows = {t.name: memory.rows_of(t, place) for t, _ in columns}
    if not any(rows.values()):
        raise LineNotSeenError("the polls so far did not show this line; try again after the next one")
    wanted = [
        _Wanted(table, column, oid, rows[table.name])
        for table, column in columns
        if rows[table.name] and (oid := next((o for o in column.oids if o in memory.answered), None)) is not None
    ]
    said = await _get(walker, [f"{one.oid}.{row}" for one in wanted for row in one.rows])
    answers = [answer for one in wanted if (answer := _answer(one, profile, memory, said)) is not None]
    seen = {a.table.name: a for a in answers}
    answers += [
        Answer(table, column, seen[table.name].names, None)
        for table, column in columns
        if column.part is not None and table.name in seen
    ]
    merged = merge(answers, while_up=True)
    unanswered(merged, [one.column for one in wanted])
    missing = sorted({c.field.name for t, c in columns if not rows[t.name]} - merged.fields.keys())
    notes = [f"not asked for, as no poll has shown where it is yet: {', '.join(missing)}"] if missing else []
    return table_of(merged, [c.field.name for _, c in columns], "line"), notes


async def _get(walker: Walker, instances: list[str]) -> dict[str, Value]:
    said: dict[str, Value] = {}
    for first in range(0, len(instances), _AT_ONCE):
        said |= await walker.scalars(instances[first : first + _AT_ONCE])
    return said


def _answer(one: _Wanted, profile: Profile, memory: DeviceMemory, said: dict[str, Value]) -> Answer | None:
    rows = [row for row in one.rows if said.get(f"{one.oid}.{row}") is not None]
    if not rows:
        return None
    walked = Walked(one.oid, rows, [said[f"{one.oid}.{row}"] for row in rows])
    names = row_names(one.table, profile.parts, rows, lambda oid: memory.lookups.get(oid, {}))
    return Answer(one.table, one.column, names, walked)
