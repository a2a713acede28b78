"""SnmpAsker: the collector's way to ask a device over SNMP. Profiles say what; this says when and in which order."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from collector.asking import Chosen, Place
from collector.profile import Column, Profile, Table, load_profiles
from collector.snmp.choice import choose_profile
from collector.snmp.index import RowNames
from collector.snmp.memory import DeviceMemory
from collector.snmp.one_line import ask_line
from collector.snmp.rows import Answer, Rows, beside, counted, lookup_table, merge, table_of, unanswered
from collector.snmp.session import (
    Credentials,
    CredentialsError,
    GarbledError,
    RefusedError,
    SilentError,
    open_session,
    resolve_credentials,
)
from collector.snmp.text import octets_as_text
from collector.snmp.walk import Repetitions, Walked, Walker, WalkLimits
from collector.turnstile import Turnstile
from plant.inventory import Device

# Serials are read with these tiers, so that a swapped ONT is known by the time its optics are.
_SERIAL_TIERS = frozenset({"optics", "identity"})
_CPU_EVERY = 25  # requests between looks at a device's CPU, where its profile says how
_V3_HANDSHAKE = 3  # requests: engine, then its clock


@dataclass(frozen=True)
class Poll:
    """One tier's figures; satisfies collector.asking.Polled."""

    lines: pa.Table
    pons: pa.Table
    time: datetime
    requests: int
    seconds: float
    notes: Sequence[str] = field(default_factory=tuple)


class SnmpAsker:
    """Asks devices over SNMP; satisfies collector.asking.DeviceAsker.

    `credentials` turns a device's references into secrets when it is asked.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile] | None = None,
        *,
        timeout_s: float = 3.0,
        limits: WalkLimits | None = None,
        credentials: Callable[[Device], Credentials] = resolve_credentials,
    ) -> None:
        self.profiles = load_profiles() if profiles is None else profiles
        self._timeout_s, self._limits = timeout_s, limits or WalkLimits()
        self._credentials = credentials
        self._memories: dict[tuple[str, str, int], DeviceMemory] = {}

    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen:
        """The profile that fits what the device answers. Raises SilentError, CredentialsError, GarbledError."""
        self._memories.pop(_key(device), None)  # firmware may have changed: nothing is taken for granted
        with _Naming(device, self._timeout_s):
            async with self._walking(device, turnstile) as walker:
                return await choose_profile(walker, self.profiles, device.profile)

    async def poll(self, device: Device, profile: str, tier: str, turnstile: Turnstile) -> Poll:
        """One tier's figures. Raises as `choose` does, and BudgetSpentError."""
        return await self._poll(device, self.profiles[profile], {tier}, turnstile)

    async def poll_all(self, device: Device, profile: str, turnstile: Turnstile) -> Poll:
        """Every tier's figures at once."""
        known = self.profiles[profile]
        return await self._poll(device, known, known.tiers.keys(), turnstile)

    async def ask_line(
        self, device: Device, profile: str, place: Place, tiers: Collection[str], turnstile: Turnstile
    ) -> Poll:
        """One line, where earlier polls found it. Raises LineNotSeenError, and as `poll` does."""
        asked, started = datetime.now(UTC), time.monotonic()
        with _Naming(device, self._timeout_s):
            async with self._walking(device, turnstile) as walker:
                lines, notes = await ask_line(walker, self.profiles[profile], self._memory(device), place, tiers)
        pons = pa.table({"pon": pa.array([], pa.string())})
        return Poll(lines, pons, asked, walker.requests, time.monotonic() - started, tuple(walker.notes + notes))

    @asynccontextmanager
    async def _walking(self, device: Device, turnstile: Turnstile) -> AsyncIterator[Walker]:
        """One socket for the whole of a poll."""
        async with turnstile.alone:
            if device.version == "3":
                await turnstile.enter(_V3_HANDSHAKE)
            session = await open_session(device, self._credentials(device), self._timeout_s)
        try:
            yield Walker(session, turnstile, self._limits, self._memory(device).repetitions)
        finally:
            session.close()

    def _memory(self, device: Device) -> DeviceMemory:
        return self._memories.setdefault(_key(device), DeviceMemory(Repetitions(self._limits.repetitions)))

    async def _poll(self, device: Device, profile: Profile, tiers: Collection[str], turnstile: Turnstile) -> Poll:
        asked, started, before = datetime.now(UTC), time.monotonic(), turnstile.requests
        with _Naming(device, self._timeout_s):
            async with self._walking(device, turnstile) as walker:
                asking = _Asking(walker, profile, self._memory(device), tiers, turnstile)
                lines, pons = await asking.run()
        return Poll(
            lines, pons, asked, turnstile.requests - before, time.monotonic() - started,
            tuple(walker.notes + asking.notes),
        )  # fmt: skip


def _key(device: Device) -> tuple[str, str, int]:
    return device.id, device.host, device.port


class _Asking:
    """One poll of one device."""

    def __init__(
        self,
        walker: Walker,
        profile: Profile,
        memory: DeviceMemory,
        tiers: Collection[str],
        turnstile: Turnstile,
    ) -> None:
        self._walker, self._profile, self._memory, self._tiers = walker, profile, memory, tiers
        self._turnstile = turnstile
        self._cpu_after = 0  # requests after which the device's CPU is asked for again
        self._walked: dict[str, Walked] = {}
        self._looked_up: set[str] = set()
        self.notes: list[str] = []

    async def _heed_cpu(self) -> None:
        """Tell the pace how busy the device says it is: the busiest of its CPUs, in percent."""
        oid = self._profile.cpu
        if oid is None or self._walker.requests < self._cpu_after or self._memory.is_absent(oid):
            return
        walked = await self._walker.column(oid)
        self._memory.told(oid, len(walked.rows))
        self._cpu_after = self._walker.requests + _CPU_EVERY
        loads = [v for v in walked.values if isinstance(v, int) and 0 <= v <= 100]  # percent
        if loads and self._turnstile.pacer.cpu(max(loads)) == "busy":
            self._note("the device says that it is busy: it is asked more slowly")

    async def run(self) -> tuple[pa.Table, pa.Table]:
        """Tables of lines and of PON ports."""
        if "identity" in self._tiers:
            self._memory.forget_absent()
        wanted = [(t, c) for t, c in self._profile.columns() if c.tier in self._tiers]
        line_columns = [(t, c) for t, c in wanted if t.of == "line"]
        pon_columns = [(t, c) for t, c in wanted if t.of == "pon"]
        lines = await self._lines(line_columns)
        pons = merge(await self._answers(pon_columns), while_up=False)
        unanswered(pons, self._silent(pon_columns))
        line_table = table_of(lines, [c.field.name for _, c in line_columns], "line")
        pon_table = table_of(pons, [c.field.name for _, c in pon_columns], "pon")
        if "status" in self._tiers and self._profile.technology != "coax":
            told = {c.field.name for _, c in self._profile.columns("pon") if not self._never_answers(c)}
            pon_table = beside(pon_table, counted(lines, told))
        self._tell_silent(wanted)
        return line_table, pon_table

    async def _lines(self, columns: Sequence[tuple[Table, Column]]) -> Rows:
        if not columns:
            return merge([], while_up=False)
        has = {c.field.name for _, c in columns}
        every = list(self._profile.columns("line"))
        extra = []
        if any(c.while_up for _, c in columns) and "state" not in has:
            extra += [(t, c) for t, c in every if c.field.name == "state"]
        serials = [(t, c) for t, c in every if c.field.name == "ont_serial"]
        if "ont_serial" not in has and (set(self._tiers) & _SERIAL_TIERS or not len(self._memory.keys)):
            extra += serials
            has.add("ont_serial")
        answers = await self._answers([*columns, *extra])
        rows = merge(answers, while_up=True)
        if "ont_serial" not in has and not self._memory.knows(rows.key):
            rows = merge([*answers, *await self._answers(serials)], while_up=True)
        self._memory.keys = rows.key
        if rows.up is not None and (unknown := rows.fields["state"].values.null_count):
            self._note(f"{unknown} of {len(rows.key)} lines tell no state: what counts only while up does not count")
        unanswered(rows, self._silent(columns))
        return rows

    async def _answers(self, columns: Sequence[tuple[Table, Column]]) -> list[Answer]:
        """Walk the columns, one after the other, and name their rows; those that answer nothing are left out."""
        out: list[Answer] = []
        for table, column in columns:
            if column.part is not None:
                continue
            walked = await self._first_that_answers(column)
            if walked is not None and walked.rows:
                out.append(Answer(table, column, await self._names(table, walked.rows), walked))
        for table, column in columns:
            if column.part is not None:
                out += await self._from_index(table, column, out)
        return out

    async def _from_index(self, table: Table, column: Column, answers: Sequence[Answer]) -> list[Answer]:
        """A field that stands in the index: it comes with any column of its table."""
        seen = {id(a.names): a.names for a in answers if a.table is table}
        if not seen:
            for carrier in table.columns:
                walked = await self._first_that_answers(carrier) if carrier.oids else None
                if walked is not None and walked.rows:
                    names = await self._names(table, walked.rows)
                    seen[id(names)] = names
                    break
        return [Answer(table, column, names, None) for names in seen.values()]

    async def _first_that_answers(self, column: Column) -> Walked | None:
        for oid in column.oids:
            walked = await self._column(oid)
            if walked.rows:
                return walked
        return None

    async def _column(self, oid: str) -> Walked:
        """A column's rows, walked once a poll; none where it is known not to answer."""
        if oid not in self._walked:
            if self._memory.is_absent(oid):
                return Walked(oid)
            await self._heed_cpu()
            walked = await self._walker.column(oid)
            self._memory.told(oid, len(walked.rows))
            # Columns of a table have the same rows: one of these is kept while the others are walked. Tuples of plain
            # values leave the garbage collector's sight: it would go through those of all devices again and again.
            rows = tuple(walked.rows)
            rows = next((w.rows for w in self._walked.values() if w.rows == rows), rows)
            self._walked[oid] = Walked(oid, rows, tuple(walked.values))
        return self._walked[oid]

    async def _names(self, table: Table, rows: Sequence[str]) -> RowNames:
        """Row names; columns that name rows are read once, again with names, and where a row is not known."""
        parts = self._profile.parts
        needed = [column for n in sorted(table.names()) if n in parts for w in parts[n] for column in w.columns]
        for oid in needed:
            if oid not in self._memory.lookups or "identity" in self._tiers:
                await self._look_up(oid)
        names = self._memory.names(table, parts, rows)
        if needed and not table.only and names.pon.null_count:
            for oid in needed:
                await self._look_up(oid)
            names = self._memory.names(table, parts, rows)
        strangers = len(rows) - int(np.count_nonzero(names.kept))
        if strangers:
            why = f"have no {' and '.join(table.only)}" if table.only else "do not fit its index"
            self._note(f"{strangers} of {len(rows)} rows of the table {table.name} {why}: left out")
        return names

    async def _look_up(self, oid: str) -> None:
        if oid in self._looked_up:
            return
        self._looked_up.add(oid)
        walked = await self._column(oid)
        texts = [octets_as_text(v) if isinstance(v, bytes) else None if v is None else str(v) for v in walked.values]
        self._memory.set_lookup(oid, lookup_table(walked, texts))

    def _answers_at_all(self, column: Column) -> bool:
        return any(oid in self._memory.answered for oid in column.oids)

    def _never_answers(self, column: Column) -> bool:
        return all(self._memory.is_absent(oid) for oid in column.oids)

    def _silent(self, columns: Sequence[tuple[Table, Column]]) -> list[Column]:
        """Columns that answered before and say nothing now."""
        return [
            c for _, c in columns
            if self._answers_at_all(c) and not any(self._walked[o].rows for o in c.oids if o in self._walked)
        ]  # fmt: skip

    def _tell_silent(self, columns: Sequence[tuple[Table, Column]]) -> None:
        for of, what in (("line", "lines"), ("pon", "PON ports")):
            asked = [c for t, c in columns if t.of == of]
            told = {c.field.name for c in asked if not c.oids or self._answers_at_all(c)}
            left = [name for name in dict.fromkeys(c.field.name for c in asked) if name not in told]
            if left:
                self._note(f"of {what} this device does not answer: {', '.join(left)}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


class _Naming:
    """Puts the device and the remedy into what goes wrong while it is asked."""

    def __init__(self, device: Device, timeout_s: float) -> None:
        self._place = f"{device.host}:{device.port}"
        self._user = "user and keys" if device.version == "3" else "community"
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RefusedError):
            raise RefusedError(
                f"{self._place} cannot be asked: {error}; check the address and port, and that SNMP is on there"
            ) from error
        if isinstance(error, SilentError):
            raise SilentError(
                f"{self._place} does not answer within {self._timeout_s:g} s ({error or 'no answer'}); check the "
                f"address, that SNMP is on and allows this machine, and the {self._user}: a wrong one gets no answer"
            ) from error
        if isinstance(error, CredentialsError):
            raise CredentialsError(f"{self._place} answers, but: {error}; check the {self._user}") from error
        if isinstance(error, GarbledError):
            raise GarbledError(f"{self._place}: {error}; is this an SNMP agent, and of this version?") from error
