"""What a full run of a block notes for the daily runs after it: what lines are held against, and where each stood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from analyzer import coax
from analyzer.analyze import judged, sides_of
from analyzer.arrays import ZERO, Days, Floats, Ints, Names, Reals, compiled
from analyzer.backdrop import Level, Noted
from analyzer.change import LEAST_AFTER
from analyzer.history import History, last_reading
from analyzer.levels import excess_loss, weak_from_the_start
from analyzer.polish import spread_out
from analyzer.settings import Settings
from analyzer.significance import Null
from analyzer.steadiness import NOTHING, Told
from analyzer.symptoms import SQUEEZE, figures
from analyzer.uptime import own_drops
from analyzer.works import without_works
from plant.finding import Finding
from plant.works import Work

FORTNIGHT = 14  # readings whose mean is a level that a rise can start from
LATE = 14  # days from which the level of a figure is taken: since the last swap it is the same
SURE = 0.9  # share of what a rise must keep from which a line is looked at: no close call is lost
IN_SIGHT = 0.05  # chance under which a rise may be believed within days without a new one
NEWS = 1.0  # deviations of the long-run noise by which a week stands over the week before when there is something new
NEAR_DB = 0.5  # over the limit of weak light within which a line may come under it in a week
SQUEEZED = 3e-3  # chance under which a growing coupling is watched
SIDES = ("down", "up", *coax.SIDES)
PORTS = ("pon_tx_dbm", "pon_bias_ma")
GROUPS: tuple[Level, ...] = ("pon", "splitter1", "splitter2", "device", "grid")


@dataclass(frozen=True)
class Kept:
    """`series` are what groups share, (groups, days of `dates`) or (lines,); `lines` are by line, NaN where untold.

    `names` of lines and groups, `places` the group of each line. Of `lines`, "level X" is what is taken from X as read
    to see what it does, "taken X" its coupling to the temperature, "bar X" the level from which the last days of X may
    hold a finding, "fast" the best Ethernet speed; "watched" is 1 for lines that are judged daily, "shared" for those
    whose ports are.
    """

    on: date
    dates: Days
    names: Mapping[Level, Names]
    places: Mapping[Level, Ints]
    series: Mapping[tuple[Level, str], Floats]
    lines: Mapping[str, Floats]
    figures: Mapping[str, float]
    nulls: Mapping[str, Null]


def keep_block(
    history: History, as_of: date, settings: Settings, works: Sequence[Work] = (), told: Told = NOTHING
) -> tuple[list[Finding], Kept]:
    """Findings of a block as `analyze_block` has them, and what was noted on the way."""
    noted = Noted()
    seen = without_works(history.until(as_of, settings.window_days), works).against(noted)
    findings = judged(seen, as_of, settings, told)
    return findings, _kept(seen, noted, as_of, findings, settings)


def names_of(history: History) -> dict[Level, Names]:
    tree = history.tree
    return {
        "line": history.line_ids, "pon": history.pon_ids, "splitter1": tree.splitters1, "splitter2": tree.splitters2,
        "device": tree.devices, "grid": tree.grids,
    }  # fmt: skip


def places_of(history: History) -> dict[Level, Ints]:
    tree = history.tree
    return {"pon": tree.pon, "splitter1": tree.splitter1, "splitter2": tree.splitter2, "device": tree.device,
            "grid": tree.grid}  # fmt: skip


def _kept(seen: History, noted: Noted, as_of: date, findings: list[Finding], settings: Settings) -> Kept:
    lines = _levels(seen, noted, settings)
    speed = seen.get("eth_speed_mbps", "median")
    if speed is not None:
        lines["fast"] = np.fmax.reduce(speed, axis=1)
    watched, shared = np.zeros(len(seen), dtype=np.bool_), np.zeros(len(seen), dtype=np.bool_)
    for finding in findings:
        rows = rows_in(np.array(finding.lines, dtype=object), seen.line_ids)
        watched[rows] = True
        shared[rows] |= len(finding.lines) > 1
    if SQUEEZE in noted.prepared:
        squeeze = noted.prepared[SQUEEZE]
        watched |= (squeeze["p"] < SQUEEZED) & (squeeze["swing"] > 0.5 * settings.coupling_db)
    near = replace(
        settings, weak_margin_db=settings.weak_margin_db - NEAR_DB, excess_db=SURE * settings.excess_db,
        excess_z=SURE * settings.excess_z,
    )  # fmt: skip
    watched |= weak_from_the_start(seen, excess_loss(seen, near), near)
    lines |= {"watched": watched.astype(np.float32), "shared": shared.astype(np.float32)}
    for name in PORTS:
        worse = worse_of_ports(seen, name)
        if worse is not None:
            noted.series["pon", f"low {name}"] = lowest(worse)
    return Kept(as_of, seen.dates, names_of(seen), places_of(seen), noted.series, lines, noted.figures, noted.nulls)


def worse_of_ports(history: History, name: str) -> Floats | None:
    """What a port's own module tells of itself (ports, days), more being worse."""
    read = history.get_pon(name, "median")
    if read is None or name == "pon_tx_dbm":
        return None if read is None else -read
    return np.log(np.where(read > 0, read, np.nan)).astype(np.float32)


def _levels(seen: History, noted: Noted, settings: Settings) -> dict[str, Floats]:
    """Of every figure: what is taken from it as read, its coupling, and its lowest level since."""
    told = noted.prepared
    late = slice(-LATE, None)
    lines: dict[str, Floats] = {}
    for side, values in sides_of(seen).items():
        if side in told.get("sides", {}):
            lines[f"level {side}"] = last_reading(_single(values[:, late] - told["sides"][side][:, late]))
    warmth = seen.get("temp_c", "median")
    if "warmth" in told and warmth is not None:
        lines["level temperature"] = last_reading(_single(warmth[:, late] - told["warmth"]["temperature"][:, late]))
    for name in (*SIDES, "bias"):
        if f"weather {name}" in told:
            lines[f"taken {name}"] = told[f"weather {name}"]["taken"].astype(np.float32)
    raw = figures(seen, own_drops(seen, settings))
    for name, noted_as in told.get("series", {}).items():
        values = _single(noted_as)
        bars = _bars(values, told[f"noise {name}"], least_rise(name, settings))
        if name in raw:
            ready = values[:, late]
            if name in told:  # the port's part was taken out, of what is relative to the line's own past
                centre = told[name]["level"]
                part = spread_out(noted.series["pon", name][:, late], seen.tree.pon)
                ready = ready + part - centre[:, None]
                bars = bars - centre
            read = raw[name][:, late]
            if name == "bias" and "taken bias" in lines and warmth is not None:
                read = read - swing(lines["taken bias"], warmth[:, late] - lines["level temperature"][:, None])
            lines[f"level {name}"] = last_reading(_single(read - ready))
        lines[f"bar {name}"] = bars.astype(np.float32)
    return lines


def _single(values: Floats | Reals) -> Floats:
    return np.asarray(values, dtype=np.float32)


def least_rise(family: str, settings: Settings) -> float:
    """What must be left of a rise worth a trip."""
    still = settings.still_there * (0.5 if family == "spread" else 1.0)
    early = 0.5 if settings.families[family].ahead_days else 1.0
    return SURE * 1.4 * still * early * settings.families[family].material


def _bars(values: Floats, found: Mapping[str, Floats | Reals], rise: float) -> Reals:
    """The level (rows,) from which the last days of a row may hold a finding: a rise worth a trip over its lowest one.

    Where nothing was in sight, what they show must be new as well.
    """
    usual = np.asarray(latest(values[:, -FORTNIGHT:]), dtype=np.float64)
    news = usual + NEWS * found["noise"]
    low = lowest(values) + rise
    return np.where(found["p"] > IN_SIGHT, np.fmax(low, news), low)


def swing(taken: Floats, degrees: Floats) -> Floats:
    """What follows the temperature (rows, days), of its coupling (rows,) and relative degrees."""
    return np.asarray(taken[:, None] * np.nan_to_num(degrees), dtype=np.float32)


@compiled
def _lowest(values: Floats) -> Floats:
    rows, days = values.shape
    out = np.full(rows, np.nan, dtype=np.float32)
    last = np.empty(days)
    for r in range(rows):
        n, total, least = ZERO, 0.0, np.inf
        for d in range(days):
            v = values[r, d]
            if np.isnan(v):
                continue
            last[n] = v
            n += 1
            total += v
            if n > FORTNIGHT:
                total -= last[n - FORTNIGHT - 1]
            if n >= LEAST_AFTER:
                least = min(least, total / min(n, FORTNIGHT))
        if n >= LEAST_AFTER:
            out[r] = least
    return out


def lowest(values: Floats) -> Floats:
    """The lowest mean of a fortnight's readings of each row (rows,), or of the first few; NaN under three readings."""
    return _lowest(np.ascontiguousarray(values, dtype=np.float32))


@compiled
def _latest(values: Floats) -> Floats:
    rows, days = values.shape
    out = np.full(rows, np.nan, dtype=np.float32)
    for r in range(rows):
        n, total, most = ZERO, 0.0, -np.inf
        for d in range(days - 1, -1, -1):
            v = values[r, d]
            if np.isnan(v):
                continue
            n += 1
            total += v
            if n >= LEAST_AFTER:
                most = max(most, total / n)
            if n == 7:
                break
        if n:
            out[r] = most if n >= LEAST_AFTER else total / n
    return out


def latest(values: Floats) -> Floats:
    """The highest mean of the last three to seven readings of each row (rows,); NaN where there is none."""
    return _latest(np.ascontiguousarray(values, dtype=np.float32))


def rows_in(names: Names, within: Names) -> Ints:
    """Where each of `names` stands in `within` (sorted), −1 where it does not."""
    if len(names) == len(within) and bool((names == within).all()):
        return np.arange(len(names))
    if not len(within):
        return np.full(len(names), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(within, names), len(within) - 1)
    return np.where(within[at] == names, at, -1)
