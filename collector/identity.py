"""Which line a reading belongs to: rows of a poll become batches with line ids; swaps, moves and strangers are noticed.

Vectorised over the poll's rows; lines are the inventory's table, sorted by device once.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from collector.asking import Place, Polled
from plant.batch import Batch
from plant.changes import EventKind, PlantEvent
from plant.fields import fields
from plant.serials import normal_serials

log = structlog.get_logger(__name__)

_EVENTS_KEPT = 500
_REMOVED_AFTER = timedelta(days=1)  # not listed for so long; some OLTs leave out ONTs that are merely off
_NAMES_LOGGED = 5
_WORDS: dict[EventKind, str] = {
    "swap": "ONT swapped",
    "move": "ONT moved",
    "removal": "ONT no longer listed",
    "unknown": "ONT that no lines file has",
}
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DeviceLines:
    """Counts of a device after its last poll. `unknown` are names made for ONTs that no lines file has."""

    lines: int
    unknown: tuple[str, ...]
    missing: int  # lines of the inventory the device did not list


@dataclass(frozen=True)
class _Seen:
    """What a device's ONTs were at its last poll: place key → line id and serial, row by row."""

    key: pa.Array
    line_id: pa.Array
    serial: pa.Array
    pon: pa.Array


class Identity:
    """Line ids for polled rows. Keeps what each device showed last, to notice what changed."""

    def __init__(
        self,
        lines: pa.Table,
        tell: Callable[[list[PlantEvent]], None] = lambda _: None,
        before: Iterable[PlantEvent] = (),
    ) -> None:
        """`lines`: the inventory's table (plant.inventory.LINE_SCHEMA). `tell` hears of each poll's events; `before`
        are those of an earlier run."""
        self._tell = tell
        self._seen: dict[str, _Seen] = {}
        self._known: dict[str, DeviceLines] = {}  # what came of `_seen` with this inventory
        self._absent: dict[str, dict[str, tuple[datetime, str | None]]] = {}  # by device and line: since when, serial
        self.events: deque[PlantEvent] = deque(before, maxlen=_EVENTS_KEPT)
        self.reload(lines)

    def reload(self, lines: pa.Table) -> None:
        """Use another inventory; what was seen on the devices stays known."""
        self._known.clear()
        table = lines.select(["line_id", "device", "pon", "ont_serial", "ont_index"]).sort_by("device").combine_chunks()
        self._line_id = _one(table["line_id"])
        self._pon = _one(table["pon"])
        self._serial = normal_serials(_one(table["ont_serial"]))
        self._key = _place_key(self._pon, _one(table["ont_index"]))
        encoded = _one(table["device"]).dictionary_encode()
        bounds = np.searchsorted(encoded.indices.to_numpy(zero_copy_only=False), np.arange(len(encoded.dictionary) + 1))
        self._slices = {
            str(name): (int(bounds[n]), int(bounds[n + 1])) for n, name in enumerate(encoded.dictionary.to_pylist())
        }

    def batches(self, device: str, tier: str, poll: Polled) -> tuple[list[Batch], DeviceLines]:
        """The poll's readings with line ids: one batch of lines and one of PON ports, each left out when empty."""
        out: list[Batch] = []
        line_ids, known = self._lines_of(device, poll.lines, poll.time)
        if poll.lines.num_rows:
            out.append(_batch(device, tier, poll.time, line_ids, poll.lines))
        if poll.pons.num_rows:
            prefix = pa.scalar(f"pon:{device}/")
            ids = pc.binary_join_element_wise(prefix, _one(poll.pons["pon"]), "")
            out.append(_batch(device, tier, poll.time, ids, poll.pons))
        return [b for b in out if b.field_names], known

    def place_of(self, line_id: str) -> tuple[str, Place] | None:
        """A line's device and its place there: as the last poll had it, else the inventory. None where neither is."""
        wanted = pa.scalar(line_id, pa.string())
        at = pc.index(self._line_id, wanted).as_py()
        device = None if at < 0 else next((d for d, (start, end) in self._slices.items() if start <= at < end), None)
        for name in self._seen if device is None else [device]:
            seen = self._seen.get(name)
            row = -1 if seen is None else pc.index(seen.line_id, wanted).as_py()
            if seen is not None and row >= 0:
                return name, _place(seen.pon[row].as_py(), seen.key[row].as_py(), seen.serial[row].as_py())
        if device is None:
            return None
        return device, _place(self._pon[at].as_py(), self._key[at].as_py(), self._serial[at].as_py())

    def line_at(self, device: str, pon: str | None, ont: int | None, serial: str | None) -> str | None:
        """The line of an ONT that a device speaks of outside a poll: as its last poll had it, else the inventory.

        `serial` in one form (plant.serials) goes before the place, as in a poll. None where neither is known.
        """
        start, end = self._slices.get(device, (0, 0))
        own = slice(start, end)
        seen = self._seen.get(device)
        known = [] if seen is None else [(seen.serial, seen.key, seen.line_id)]
        known.append((self._serial[own], self._key[own], self._line_id[own]))
        place = None if pon is None or ont is None else f"{pon}/{ont}"
        for column, wanted in ((0, serial), (1, place)):
            if wanted is None:
                continue
            for arrays in known:
                at = pc.index(arrays[column], pa.scalar(wanted, pa.string())).as_py()
                if at >= 0:
                    return str(arrays[2][at].as_py())
        return None

    def _lines_of(self, device: str, rows: pa.Table, time: datetime) -> tuple[pa.Array, DeviceLines]:
        start, end = self._slices.get(device, (0, 0))
        own = slice(start, end)
        ids, serials, keys, pons = self._line_id[own], self._serial[own], self._key[own], self._pon[own]
        if rows.num_rows == 0:
            return pa.array([], pa.string()), DeviceLines(0, (), end - start)
        pon, ont = _one(rows["pon"]), _one(rows["ont"])
        key = _place_key(pon, ont)
        serial = self._serials_with_memory(device, rows, key)
        seen, known = self._seen.get(device), self._known.get(device)
        if seen is not None and known is not None and seen.key.equals(key) and seen.serial.equals(serial):
            self._notice_removals(device, time)
            return seen.line_id, known  # as at nearly every poll: nothing was plugged in, out or over
        at = _assign(serial, key, pon, serials, keys, pons)

        found = at >= 0
        named = ids.take(pa.array(np.where(found, at, 0))) if len(ids) else pa.nulls(len(key), pa.string())
        stranger = _stranger_names(device, pon, ont, serial)
        line_ids = pc.if_else(pa.array(found), named, stranger)
        line_ids = _without_repeats(line_ids)
        now = _Seen(key, line_ids, serial, pon)
        inventory = _Seen(keys, ids, serials, pons)
        self._notice(device, now, inventory, found, time)
        self._note_absent(device, now, time)
        self._notice_removals(device, time)
        self._seen[device] = now
        unknown = tuple(line_ids.filter(pa.array(~found)).to_pylist())
        self._known[device] = DeviceLines(len(line_ids), unknown, len(ids) - len(np.unique(at[found])))
        return line_ids, self._known[device]

    def _serials_with_memory(self, device: str, rows: pa.Table, key: pa.Array) -> pa.Array:
        """Serials of the rows; where this tier does not read them, those last seen at the same place."""
        missing = pa.nulls(rows.num_rows, pa.string())
        asked = (
            normal_serials(_one(rows["ont_serial"]).cast(pa.string())) if "ont_serial" in rows.column_names else missing
        )
        seen = self._seen.get(device)
        if seen is None or asked.null_count == 0:
            return asked
        if asked.null_count == len(asked) and key.null_count == 0 and seen.key.equals(key):
            return seen.serial
        before = seen.serial.take(pc.index_in(key, value_set=seen.key, skip_nulls=True))
        return pc.coalesce(asked, before)

    def _notice(self, device: str, now: _Seen, inventory: _Seen, found: npt.NDArray[np.bool_], time: datetime) -> None:
        """Events against what was seen last, else against the inventory."""
        seen = self._seen.get(device)
        was_serial = _before(now.line_id, seen, inventory, "serial")
        was_pon = _before(now.line_id, seen, inventory, "pon")
        known = pa.array(found)
        swapped = pc.fill_null(pc.and_(known, pc.not_equal(was_serial, now.serial)), False)
        moved = pc.fill_null(pc.and_(known, pc.not_equal(was_pon, now.pon)), False)
        new = pc.invert(known)
        if seen is not None:
            new = pc.and_(new, pc.invert(pc.is_in(now.line_id, value_set=seen.line_id)))
        events: list[PlantEvent] = []
        nothing = pa.nulls(len(known), pa.string())
        kinds: list[tuple[EventKind, pa.Array, pa.Array, pa.Array]] = [
            ("swap", swapped, was_serial, now.serial),
            ("move", moved, was_pon, now.pon),
            ("unknown", new, nothing, now.serial),
        ]
        for kind, which, was, is_now in kinds:
            told = zip(*(a.filter(which).to_pylist() for a in (now.line_id, was, is_now, now.key)), strict=True)
            events += [
                PlantEvent(kind, device, line, old, to, time, _number(to, key) if kind == "move" else None)
                for line, old, to, key in told
            ]
        self._publish(device, events)

    def _note_absent(self, device: str, now: _Seen, time: datetime) -> None:
        """Remember lines that were listed a poll ago and are not now; forget those that are back."""
        absent = self._absent.setdefault(device, {})
        if absent:
            listed = pc.is_in(pa.array(list(absent), pa.string()), value_set=now.line_id).to_pylist()
            for line_id in [line_id for line_id, back in zip(list(absent), listed, strict=True) if back]:
                del absent[line_id]
        if (seen := self._seen.get(device)) is not None:
            gone = pc.invert(pc.is_in(seen.line_id, value_set=now.line_id))
            left = (column.filter(gone).to_pylist() for column in (seen.line_id, seen.serial))
            for line_id, serial in zip(*left, strict=True):
                absent.setdefault(line_id, (time, serial))

    def _notice_removals(self, device: str, time: datetime) -> None:
        """Tell of lines that have not been listed for long."""
        absent = self._absent.get(device)
        if not absent:
            return
        removed = [line_id for line_id, (since, _) in absent.items() if time - since >= _REMOVED_AFTER]
        self._publish(
            device,
            [PlantEvent("removal", device, line_id, absent.pop(line_id)[1], None, time) for line_id in removed],
        )

    def _publish(self, device: str, events: list[PlantEvent]) -> None:
        if not events:
            return
        self.events.extend(events)
        self._tell(events)
        for kind, several in groupby(events, lambda e: e.kind):
            lines = [e.line_id for e in several]
            log.info(_WORDS[kind], device=device, count=len(lines), lines=lines[:_NAMES_LOGGED])


def _assign(
    serial: pa.Array, key: pa.Array, pon: pa.Array, serials: pa.Array, keys: pa.Array, pons: pa.Array
) -> IntArray:
    """For each polled row the position of its line among the device's, or -1.

    By serial first; a serial shown twice goes to the row on the line's own PON port. Then by place, for lines whose own
    ONT was not seen elsewhere on the device: there the ONT was swapped.
    """
    by_serial = _positions(serial, serials)
    hit = by_serial >= 0
    if hit.any():
        home = pons.take(pa.array(np.where(hit, by_serial, 0)))
        at_home = np.asarray(pc.fill_null(pc.equal(home, pon), False)) & hit
        by_serial = _first_claims(by_serial, at_home)
    by_place = _positions(key, keys)
    taken = np.isin(by_place, by_serial[by_serial >= 0])
    by_place = np.where((by_serial < 0) & ~taken, by_place, -1)
    by_place = _first_claims(by_place, by_place >= 0)
    return np.where(by_serial >= 0, by_serial, by_place)


def _positions(values: pa.Array, among: pa.Array) -> IntArray:
    """Index of each value in `among`, -1 for null or not found."""
    found = pc.index_in(values, value_set=among, skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1)).astype(np.int64)


def _first_claims(claims: IntArray, preferred: npt.NDArray[np.bool_]) -> IntArray:
    """Each position claimed once: by a preferred row, else by the first; other claims become -1."""
    order = np.lexsort((np.arange(len(claims)), ~preferred))
    _, first = np.unique(claims[order], return_index=True)
    winners = order[first]
    out = np.full_like(claims, -1)
    out[winners] = claims[winners]
    return out


def _before(line_ids: pa.Array, seen: _Seen | None, inventory: _Seen, column: str) -> pa.Array:
    out = getattr(inventory, column).take(pc.index_in(line_ids, value_set=inventory.line_id, skip_nulls=True))
    if seen is not None:
        earlier = getattr(seen, column).take(pc.index_in(line_ids, value_set=seen.line_id, skip_nulls=True))
        out = pc.coalesce(earlier, out)
    return out


def _without_repeats(ids: pa.Array) -> pa.Array:
    """Names made for two rows at the same place are told apart, so that neither hides the other."""
    counts = pc.value_counts(ids)
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(repeated):
        return ids
    names, seen = ids.to_pylist(), dict.fromkeys(repeated.to_pylist(), 0)
    for n, name in enumerate(names):
        if name in seen:
            seen[name] += 1
            names[n] = name if seen[name] == 1 else f"{name}#{seen[name]}"
    return pa.array(names, pa.string())


def _stranger_names(device: str, pon: pa.Array, ont: pa.Array, serial: pa.Array) -> pa.Array:
    """DEVICE/PON/INDEX; DEVICE/-/SERIAL where a device has no index: its ports come and go with the ONT's state."""
    index = ont.cast(pa.string())
    unnumbered = pc.and_(pc.is_null(index), pc.is_valid(serial))
    port = pc.if_else(unnumbered, pa.scalar(None, pa.string()), pon)
    return pc.binary_join_element_wise(
        device, port, pc.coalesce(index, serial), "/", null_handling="replace", null_replacement="-"
    )


def _place_key(pon: pa.Array, ont: pa.Array) -> pa.Array:
    """`PON/INDEX`; null where either is."""
    return pc.binary_join_element_wise(pon, ont.cast(pa.string()), "/")


def _place(pon: str | None, key: str | None, serial: str | None) -> Place:
    return Place(pon, _number(pon, key), serial)


def _number(pon: str | None, key: str | None) -> int | None:
    """The ONT's number of a place key."""
    return None if pon is None or key is None else int(key.removeprefix(f"{pon}/"))


def _batch(device: str, tier: str, time: datetime, line_ids: pa.Array, rows: pa.Table) -> Batch:
    known = fields()
    columns = {name: _one(rows[name]) for name in rows.column_names if name in known}
    return Batch.of(device, tier, time, line_ids, columns, _one(rows["quality"]).cast(pa.string()))


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
