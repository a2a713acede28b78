"""History: what the detectors look at. Lines × days of rollup statistics, aligned, with the plant tree as codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from analyzer.arrays import Days, Floats, Ints, Mask, Names
from analyzer.backdrop import ALL_LINES, Backdrop
from plant.fields import fields
from plant.matrix import Matrix
from plant.pon_classes import PonClass, default_class, pon_classes
from plant.splitters import splitter_ids

PON_PREFIX = "pon:"
MOST_COUNTED = 1e15  # a day: more is no count

# What the wiring should load for `analyze`. Any of them may be missing: the detectors that need it are silent.
REQUIRED: tuple[tuple[str, str], ...] = (
    ("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90"), ("tx_dbm", "median"), ("olt_rx_dbm", "median"),
    ("bias_ma", "median"), ("temp_c", "median"), ("voltage_v", "median"), ("voltage_v", "min"),
    ("distance_m", "median"), ("eth_speed_mbps", "median"),
    ("fec_corrected", "increase"), ("fec_uncorrected", "increase"), ("bip_errors", "increase"),
    ("state", "up_share"), ("state", "los_share"), ("state", "changes"), ("down_cause", "last"),
    ("ont_serial", "changes"),
    ("ds_snr_db", "median"), ("ds_power_dbmv", "median"), ("us_power_dbmv", "median"), ("us_snr_db", "median"),
    ("reflection_dbc", "median"), ("cw_uncorrected", "increase"),
    ("pon_tx_dbm", "median"), ("pon_bias_ma", "median"),
)  # fmt: skip


@dataclass(frozen=True)
class Tree:
    """Where each line hangs: codes (lines,), −1 where unknown, and the names the codes stand for.

    `pon` is a row of History.pon_ids. What a splitter is called: plant/splitters.py.
    """

    area: Ints
    grid: Ints
    device: Ints
    pon: Ints
    splitter1: Ints
    splitter2: Ints
    areas: Names
    grids: Names
    devices: Names
    splitters1: Names
    splitters2: Names


@dataclass(frozen=True)
class History:
    """`values` and `pon_values` map (field, statistic) to float32 (lines, days) and (PON ports, days).

    `class_code` (lines,) indexes `classes`, −1 where the technology has no optical budget; `sold_mbps` and
    `distance_m` (lines,) are NaN and `installed` NaT where unknown.
    """

    line_ids: Names
    dates: Days
    values: Mapping[tuple[str, str], Floats]
    pon_ids: Names
    pon_values: Mapping[tuple[str, str], Floats]
    tree: Tree
    technology: Names
    class_code: Ints
    classes: tuple[PonClass, ...]
    sold_mbps: Floats
    distance_m: Floats
    installed: Days
    backdrop: Backdrop = field(default=ALL_LINES, compare=False)

    @classmethod
    def build(
        cls,
        inventory_lines: pa.Table,
        matrices: Sequence[Matrix],
        pon_matrices: Sequence[Matrix] = (),
        *,
        device_area: Mapping[str, str] | None = None,
        device_class: Mapping[str, str | None] | None = None,
    ) -> "History":
        """Align everything on one set of lines and days.

        Lines are those of the inventory (plant.inventory.LINE_SCHEMA) and any other that has a matrix row; days run
        from the first to the last of any matrix. Rows of `pon_matrices` are named `pon:DEVICE/PON`. A PON class that
        is not in pon_classes.yaml raises ValueError.
        """
        columns = _columns(inventory_lines)
        known = columns["line_id"]
        seen = [m.line_ids[~_is_pon(m.line_ids)] for m in matrices]
        line_ids = np.unique(np.concatenate([known, *seen]).astype(object))
        dates = _day_range([*matrices, *pon_matrices])
        row = np.full(len(line_ids), -1, dtype=np.int64)  # the inventory row of each line
        row[np.searchsorted(line_ids, known)] = np.arange(len(known))

        def of(column: str) -> Names:
            taken = np.full(len(line_ids), None, dtype=object)
            taken[row >= 0] = columns[column][row[row >= 0]]
            return taken

        ports = [_strip(m.line_ids) for m in pon_matrices]
        device, pon = of("device"), of("pon")
        path = _join(device, pon)
        unlisted = row < 0
        if unlisted.any():
            path[unlisted], device[unlisted] = _place_unlisted(line_ids[unlisted], [path, *ports], device)
        splitter1, splitter2 = of("splitter1"), of("splitter2")
        pon_ids = np.unique(np.concatenate([path[_known(path)], *ports]).astype(object))
        area = np.array([None if d is None else (device_area or {}).get(d) for d in device], dtype=object)
        technology = of("technology")
        class_code, classes = _classes(technology, device, device_class or {})
        coded = [_codes(names) for names in (area, of("grid"), device, splitter1, splitter2)]
        (a, areas), (g, grids), (d, devices), (s1, names1), (s2, names2) = coded
        at = np.full(len(line_ids), -1, dtype=np.int64)
        at[_known(path)] = np.searchsorted(pon_ids, path[_known(path)])
        return cls(
            line_ids=line_ids,
            dates=dates,
            values={(m.field, m.statistic): _align(m.line_ids, m, line_ids, dates) for m in matrices},
            pon_ids=pon_ids,
            pon_values={(m.field, m.statistic): _align(_strip(m.line_ids), m, pon_ids, dates) for m in pon_matrices},
            tree=Tree(a, g, d, at, s1, s2, areas, grids, devices, names1, names2),
            technology=technology,
            class_code=class_code,
            classes=classes,
            sold_mbps=_numbers(of("sold_mbps")),
            distance_m=_numbers(of("distance_m")),
            installed=np.array([np.datetime64("NaT") if v is None else v for v in of("installed")], "datetime64[D]"),
        )

    def __len__(self) -> int:
        return len(self.line_ids)

    def get(self, field: str, statistic: str) -> Floats | None:
        """The matrix, or None where it was not loaded or holds no reading at all."""
        found = self.values.get((field, statistic))
        return None if found is None or not np.isfinite(found).any() else found

    def get_pon(self, field: str, statistic: str) -> Floats | None:
        found = self.pon_values.get((field, statistic))
        return None if found is None or not np.isfinite(found).any() else found

    def until(self, as_of: date, days: int) -> "History":
        """The last `days` days up to and with `as_of`: nothing later is looked at."""
        end = int(np.searchsorted(self.dates, np.datetime64(as_of), side="right"))
        part = slice(max(0, end - days), end)
        return replace(
            self,
            dates=self.dates[part],
            values={k: v[:, part] for k, v in self.values.items()},
            pon_values={k: v[:, part] for k, v in self.pon_values.items()},
        )

    def against(self, backdrop: Backdrop) -> "History":
        """The same, whose lines are held against another backdrop."""
        return replace(self, backdrop=backdrop)

    @cached_property
    def weak_dbm(self) -> Floats:
        """The operator's weak-light limit of each line (lines,), NaN without an optical budget."""
        return self._limit([c.weak_dbm for c in self.classes])

    @cached_property
    def sensitivity_dbm(self) -> Floats:
        """The receiver sensitivity its PON class promises (lines,), NaN without an optical budget."""
        return self._limit([c.ont_rx[0] for c in self.classes])

    @cached_property
    def reach_m(self) -> Floats:
        """Fibre length (lines,): the inventory's, else the ranged one, else NaN."""
        ranged = self.get("distance_m", "median")
        if ranged is None:
            return self.distance_m
        last = last_reading(ranged)
        return np.where(np.isfinite(self.distance_m), self.distance_m, last).astype(np.float32)

    def _limit(self, of_class: Sequence[float]) -> Floats:
        table: Floats = np.array([*of_class, np.nan], dtype=np.float32)
        return np.asarray(table[self.class_code])


def enough_to_judge(history: History, least_days: int) -> Mask:
    """Lines with readings of some gauge on `least_days` days or more (lines,): the others are not judged."""
    most = np.zeros(len(history), dtype=np.int64)
    for (name, statistic), values in history.values.items():
        if name != "state" and statistic in ("median", "increase"):
            most = np.maximum(most, np.isfinite(values).sum(axis=1))
    return np.asarray(most >= least_days)


def last_reading(values: Floats) -> Floats:
    """The newest reading of each row (rows,), NaN where there is none."""
    if values.shape[1] == 0:
        return np.full(values.shape[0], np.nan, dtype=np.float32)
    back = np.isfinite(values[:, ::-1]).argmax(axis=1)
    return np.asarray(values[np.arange(len(values)), values.shape[1] - 1 - back])


def word_index(field: str, word: str) -> int:
    """The code under which a word of a text field is rolled up."""
    return fields()[field].words.index(word)


def _columns(table: pa.Table) -> dict[str, Names]:
    for name, ids in zip(("splitter1", "splitter2"), splitter_ids(table), strict=True):
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, ids)
    names = ("line_id", "device", "pon", "splitter1", "splitter2", "grid", "technology", "sold_mbps", "distance_m")
    out = {}
    for name in (*names, "installed"):
        if name in table.column_names:
            out[name] = table[name].to_numpy(zero_copy_only=False).astype(object)
            if table[name].null_count:
                out[name][table[name].is_null().to_numpy(zero_copy_only=False)] = None
        else:
            out[name] = np.full(table.num_rows, None, dtype=object)
    return out


def _day_range(matrices: Sequence[Matrix]) -> Days:
    dated = [m.dates for m in matrices if len(m.dates)]
    if not dated:
        return np.empty(0, dtype="datetime64[D]")
    first, last = min(d.min() for d in dated), max(d.max() for d in dated)
    return np.arange(first, last + np.timedelta64(1, "D"), dtype="datetime64[D]")


def _align(ids: Names, matrix: Matrix, to_ids: Names, to_dates: Days) -> Floats:
    """The matrix on the lines and days of the history; what cannot be a reading of the field is none."""
    if len(ids) == len(to_ids) and len(matrix.dates) == len(to_dates) and bool(np.all(ids == to_ids)):
        out = np.ascontiguousarray(matrix.values, dtype=np.float32)
    else:
        out = np.full((len(to_ids), len(to_dates)), np.nan, dtype=np.float32)
        at = np.searchsorted(to_ids, ids) if len(to_ids) else np.zeros(len(ids), dtype=np.int64)
        inside = at < len(to_ids)
        inside[inside] = to_ids[at[inside]] == ids[inside]
        column = np.searchsorted(to_dates, matrix.dates)
        out[np.ix_(at[inside], column)] = matrix.values[inside]
    low, high = _possible(matrix.field, matrix.statistic)
    with np.errstate(invalid="ignore"):
        wrong = (out < low) | (out > high)
    return np.where(wrong, np.float32(np.nan), out) if wrong.any() else out


def _possible(name: str, statistic: str) -> tuple[float, float]:
    """The range of a statistic: that of a gauge's readings, else what a float can count to."""
    field = fields().get(name)
    if field is None or statistic in ("count", "increase", "changes", "last"):
        return 0.0, MOST_COUNTED
    if statistic.endswith("_share"):
        return 0.0, 1.0
    return (-MOST_COUNTED if field.low is None else field.low, MOST_COUNTED if field.high is None else field.high)


def _known(names: Names) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([n is not None for n in names], dtype=np.bool_)


def _is_pon(ids: Names) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([str(i).startswith(PON_PREFIX) for i in ids], dtype=np.bool_)


def _strip(ids: Names) -> Names:
    return np.array([str(i).removeprefix(PON_PREFIX) for i in ids], dtype=object)


def _join(parent: Names, child: Names) -> Names:
    pairs = zip(parent, child, strict=True)
    return np.array([None if p is None or c is None else f"{p}/{c}" for p, c in pairs], dtype=object)


def _place_unlisted(ids: Names, paths: Sequence[Names], devices: Names) -> tuple[Names, Names]:
    """PON path and device of lines in no file, which are named DEVICE/PON/INDEX when a device told of them."""
    known_paths = {p for names in paths for p in names if p is not None}
    known_devices = sorted({d for d in devices if d is not None}, key=len, reverse=True)
    path = np.full(len(ids), None, dtype=object)
    device = np.full(len(ids), None, dtype=object)
    for i, line in enumerate(ids):
        parent = str(line).rpartition("/")[0]
        if parent not in known_paths:
            continue
        path[i] = parent
        device[i] = next((d for d in known_devices if parent.startswith(f"{d}/")), None)
    return path, device


def _codes(names: Names) -> tuple[Ints, Names]:
    known = _known(names)
    unique, inverse = np.unique(names[known], return_inverse=True)
    codes = np.full(len(names), -1, dtype=np.int64)
    codes[known] = inverse
    return codes, unique.astype(object)


def _classes(
    technology: Names, device: Names, device_class: Mapping[str, str | None]
) -> tuple[Ints, tuple[PonClass, ...]]:
    """A line's class is its device's where told and of the line's technology, else the technology's default."""
    every = pon_classes()
    found: dict[tuple[object, object], int] = {}
    order: list[PonClass] = []
    optical = {c.technology for c in every.values()}
    codes = np.full(len(technology), -1, dtype=np.int64)
    for i, key in enumerate(zip(technology, device, strict=True)):
        if key not in found:
            tech, dev = key
            named = device_class.get(str(dev))
            if named is not None and named not in every:
                raise ValueError(f'device "{dev}": PON class "{named}" is not among: {", ".join(every)}')
            chosen = every[named] if named else None
            if tech is not None and (chosen is None or chosen.technology != tech):
                chosen = default_class(str(tech)) if tech in optical else None
            found[key] = -1 if chosen is None else len(order)
            if chosen is not None:
                order.append(chosen)
        codes[i] = found[key]
    return codes, tuple(order)


def _numbers(values: Names) -> Floats:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float32)
