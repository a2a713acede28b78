"""A daily run: only lines that can hold a finding are judged, against what the last full run noted of all others.

A finding needs a rise that is still there. Of every line the last days are looked at, each figure over the lowest
level the full run saw of it; lines that stand high enough, that were told before, that are dark, slow, swapped or new
are judged with all of their days, as a full run judges them, but against the kept backdrop: parts of ports, splitters
and OLTs (of the days since, from all lines), noise, inflation and looks. A port is judged whole where its own series
or a splitter's stands high, or where lines of it may have one cause. What is left out can hold no finding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from analyzer.analyze import judged, sides_of
from analyzer.arrays import Days, Floats, Ints, Mask, Reals
from analyzer.backdrop import Backdrop, Level, Noted
from analyzer.change import Changes
from analyzer.coax import FORTNIGHT, nodes_of
from analyzer.history import History
from analyzer.kept import (
    GROUPS,
    SIDES,
    SURE,
    Kept,
    latest,
    lowest,
    names_of,
    places_of,
    rows_in,
    swing,
    worse_of_ports,
)
from analyzer.losses import rebaselines
from analyzer.nodes import legs_of, olt_parts, single_legs
from analyzer.polish import group_medians, spread_out
from analyzer.ranking import ranked
from analyzer.settings import Settings
from analyzer.significance import change_p, discoveries
from analyzer.steadiness import NOTHING, Told
from analyzer.symptoms import COUNTED, figures
from analyzer.uptime import MOST, NODES_FELL, beyond_usual, dark, fell_together, own_drops, powerless
from analyzer.weather import of_devices
from analyzer.works import without_works
from plant.finding import Finding
from plant.works import Work

RECENT_DAYS = 8  # of every line: what a rise must still be seen in; a full run must be no older
SLOW_DAYS = 4  # days at the lower speed
MOST_NEW = 0.05  # share of a block's lines that may be new, or elsewhere, since the full run
FALLS = 4  # of a node in a fortnight, under which they are not of its own
OFTEN = 2  # days with drops among the last ones


class ChangedPlantError(Exception):
    """The plant is another than at the last full run: all of its lines must be judged. The message says how."""


@dataclass(frozen=True)
class Recent:
    """The last days of every line of a block, against what was kept: `known` the kept row of each line, −1 if none."""

    history: History
    kept: Kept
    known: Ints
    groups: Mapping[Level, Ints]  # the kept row of each group
    series: Mapping[tuple[Level, str], Floats]  # of the last days (groups, days)
    standing: Mapping[str, Floats]  # each figure of each line over its bar (lines,)


class Before(Backdrop):
    """What the lines at hand say of groups that are whole among them, and of the others what was kept."""

    def __init__(self, recent: Recent, rows: Ints, dates: Days) -> None:
        kept, places = recent.kept, places_of(recent.history)
        self.rows, self.known, self.kept = rows, recent.known[rows], kept
        self.places = places
        self.whole: dict[Level, Mask] = {}
        for level in GROUPS:
            count = len(names_of(recent.history)[level])
            every = np.bincount(places[level][places[level] >= 0], minlength=count)
            here = places[level][rows]
            self.whole[level] = np.bincount(here[here >= 0], minlength=count) == every
        self.series = {key: _joined(recent, key, dates) for key in recent.series}

    def settled(self, level: Level, name: str, computed: Floats) -> Floats:
        if level == "line":
            kept = self.kept.series.get((level, name))
            return computed if kept is None else np.where(self.known >= 0, kept[self.known], np.nan).astype(np.float32)
        series = self.series.get((level, name))
        if series is None:
            return computed
        out = series.copy()
        whole = self.whole[level][: len(computed)]
        out[: len(whole)][whole] = computed[: len(whole)][whole]
        return out

    def figure(self, name: str, computed: float) -> float:
        return self.kept.figures.get(name, computed)

    def chances(self, family: str, changes: Changes) -> Reals:
        return change_p(changes, self.kept.nulls.get(family))

    def believed(self, p: Reals, rate: float) -> Mask:
        found = discoveries(p, rate, int(self.kept.figures.get("judged", 0)))
        return np.asarray(found | (p <= self.kept.figures.get("cutoff", 0.0)))

    def members(self, level: Level, codes: Ints, code: int) -> int:
        return int((self.places[level] == code).sum())


def daily_block(
    recent: History,
    window: Callable[[Ints], History],
    kept: Kept,
    as_of: date,
    settings: Settings,
    works: Sequence[Work] = (),
    told: Told = NOTHING,
) -> tuple[list[Finding], int]:
    """Findings of a block, and how many of its lines were judged.

    `recent` are the last RECENT_DAYS days of every line; `window` gives some lines (ascending rows of it) with all of
    their days, and all ports. Raises ChangedPlantError where too many lines are new or hang elsewhere now.
    """
    looked = look(without_works(recent.until(as_of, RECENT_DAYS), works), kept, settings)
    new = int((looked.known < 0).sum())
    if new > MOST_NEW * len(recent):
        raise ChangedPlantError(f"{new} of {len(recent)} lines are new or hang elsewhere than at the last full run")
    rows = np.flatnonzero(to_judge(looked, told, settings))
    found = _judge(looked, rows, window, as_of, settings, works, told)
    ports = _open_ports(looked, rows, found)
    if not len(ports):
        return found, len(rows)
    port = looked.history.tree.pon
    more = np.flatnonzero(np.isin(port, ports))
    again = _judge(looked, more, window, as_of, settings, works, told)
    lines = set(looked.history.line_ids[more])
    return ranked([f for f in found if lines.isdisjoint(f.lines)] + again), len(np.union1d(rows, more))


def _judge(
    looked: Recent,
    rows: Ints,
    window: Callable[[Ints], History],
    as_of: date,
    settings: Settings,
    works: Sequence[Work],
    told: Told,
) -> list[Finding]:
    if not len(rows):
        return []
    some = window(rows).until(as_of, settings.window_days)
    tree = looked.history.tree
    places = {name: getattr(tree, name)[rows] for name in ("area", "grid", "device", "pon", "splitter1", "splitter2")}
    ports = rows_in(looked.history.pon_ids, some.pon_ids)
    pon_values = {key: np.where(ports[:, None] >= 0, v[ports], np.nan) for key, v in some.pon_values.items()}
    some = replace(some, tree=replace(tree, **places), pon_ids=looked.history.pon_ids, pon_values=pon_values)
    some = without_works(some, works)
    return judged(some.against(Before(looked, rows, some.dates)), as_of, settings, told)


def _open_ports(looked: Recent, rows: Ints, found: list[Finding]) -> Ints:
    """Ports that were not judged whole though lines of theirs may share a cause."""
    history = looked.history
    port = history.tree.pon
    hits = np.zeros(len(history.pon_ids), dtype=np.int64)
    for finding in found:
        of = port[rows_in(np.array(finding.lines, dtype=object), history.line_ids)]
        np.add.at(hits, of[of >= 0], 1 if finding.place.kind == "line" else 2)
    every, here = (np.bincount(p[p >= 0], minlength=len(hits)) for p in (port, port[rows]))
    return np.flatnonzero((hits > 1) & (here < every))


def look(recent: History, kept: Kept, settings: Settings) -> Recent:
    """What groups did in the last days, and where every line stands."""
    known, groups = _known(recent, kept)

    def of(name: str) -> Floats:
        values = kept.lines.get(name)
        if values is None:
            return np.full(len(recent), np.nan, dtype=np.float32)
        return np.where(known >= 0, values[known], np.nan).astype(np.float32)

    tree, ports = recent.tree, len(recent.pon_ids)
    series: dict[tuple[Level, str], Floats] = {}
    own: dict[str, Floats] = {}
    warmth = recent.get("temp_c", "median")
    relative = None if warmth is None else warmth - of("level temperature")[:, None]
    degrees = None
    if relative is not None:
        series["device", "temperature"], at = of_devices(recent, relative)
        degrees = series["device", "temperature"][at]
    for side, values in sides_of(recent).items():
        left = values - of(f"level {side}")[:, None]
        series["pon", f"common {side}"] = group_medians(left, tree.pon, ports, settings.common_lines)
        series["device", side] = olt_parts(recent, left, settings)
        left = left - spread_out(series["device", side], tree.device)
        series["pon", side] = group_medians(left, tree.pon, ports, settings.common_lines)
        own[side] = left - spread_out(series["pon", side], tree.pon)
    alone = single_legs(recent) if own else np.zeros(len(recent), dtype=np.bool_)
    for level, codes, names in legs_of(recent):
        for side, values in own.items() if len(names) else ():
            series[level, side] = group_medians(values, np.where(alone, -1, codes), len(names), 2)
    if degrees is not None:
        own = {side: values - swing(np.nan_to_num(of(f"taken {side}")), degrees) for side, values in own.items()}
    noted = Noted()
    raw = figures(recent, own_drops(recent.against(noted), settings))
    for family, values in raw.items():
        left = values - of(f"level {family}")[:, None]
        if family == "bias" and relative is not None:
            left = left - swing(np.nan_to_num(of("taken bias")), relative)
        if ("pon", family) in kept.series:
            series["pon", family] = group_medians(left, tree.pon, ports, settings.common_lines)
            left = left - spread_out(series["pon", family], tree.pon)
        own[family] = left
    changes = recent.get("state", "changes")
    if changes is not None:
        fell_together(recent.against(noted), changes, nodes_of(recent))
    series |= noted.series
    if "bip" in raw:
        series["pon", "upstream errors"] = group_medians(raw["bip"], tree.pon, ports, settings.node_lines)
    standing = {name: latest(values) - of(f"bar {name}") for name, values in own.items()}
    standing |= {f"loud {name}": latest(raw[name]) for name in COUNTED if name in raw}
    if "drops" in raw:
        standing["loud drops"] = (raw["drops"] > 0).sum(axis=1)
    return Recent(recent, kept, known, groups, series, standing)


def _known(recent: History, kept: Kept) -> tuple[Ints, Mapping[Level, Ints]]:
    """The kept row of each line, −1 where it is new or hangs elsewhere now, and of each group."""
    names, places = names_of(recent), places_of(recent)
    groups = {level: rows_in(names[level], kept.names[level]) for level in GROUPS}
    known = rows_in(names["line"], kept.names["line"])
    for level in GROUPS:
        now = np.append(groups[level], -1)[places[level]]
        was = kept.places[level][known]
        known = np.where((known >= 0) & (now == was), known, -1)
    return known, groups


def _joined(recent: Recent, key: tuple[Level, str], dates: Days) -> Floats:
    """What was kept of groups and what the days since say, on the days of `dates`."""
    kept, new = recent.kept.series.get(key), recent.series[key]
    out = np.full((len(new), len(dates)), np.nan, dtype=np.float32)
    rows = np.arange(len(new)) if key[1] == "temperature" else recent.groups[key[0]]
    if key[1] == "temperature":  # of every device, and of all of them
        rows = np.append(recent.groups["device"], -1)
    if kept is not None:
        last = int(np.searchsorted(recent.kept.dates, np.datetime64(recent.kept.on)))  # its own day may not have ended
        first = int(np.searchsorted(recent.kept.dates, dates[0]))
        at = np.searchsorted(dates, recent.kept.dates[first:last])
        there = rows[: len(new)] >= 0
        out[np.ix_(there, at)] = kept[rows[: len(new)][there], first:last]
        if key[1] == "temperature":
            out[-1, at] = kept[-1, first:last]
    since = recent.history.dates >= np.datetime64(recent.kept.on)
    at = np.searchsorted(dates, recent.history.dates[since])
    out[:, at] = new[:, since]
    return np.nan_to_num(out, copy=False) if key[1] in ("fell", NODES_FELL) else out


def to_judge(recent: Recent, told: Told, settings: Settings) -> Mask:
    """Lines that can hold a finding (lines,), and all lines of ports that can."""
    history, kept = recent.history, recent.kept
    flags = {n: np.where(recent.known >= 0, kept.lines[n][recent.known], 0) > 0 for n in ("watched", "shared")}
    chosen = (recent.known < 0) | flags["watched"] | _high(recent, settings) | _slow(recent)
    dark_now = dark(history, settings)
    breaks = rebaselines(history)[:, history.dates >= np.datetime64(kept.on)].any(axis=1)
    chosen |= dark_now | breaks
    shared = flags["shared"]
    for finding in told.findings:
        rows = rows_in(np.array(finding.lines, dtype=object), history.line_ids)
        rows = rows[rows >= 0]
        chosen[rows] = True
        shared[rows] |= len(rows) > 1
    for rows in powerless(history).values():
        shared[rows] = True
    port, ports = history.tree.pon, len(history.pon_ids)
    inside = port >= 0
    whole = np.bincount(port[inside & dark_now], minlength=ports) > 1
    whole |= np.bincount(port[inside & shared], minlength=ports) > 0
    whole |= _high_ports(recent, settings)
    chosen[inside] |= whole[port[inside]]
    return chosen


def _high(recent: Recent, settings: Settings) -> Mask:
    """Lines one of whose figures stands so high over its lowest level that a rise worth a trip can still be there."""
    out = np.zeros(len(recent.history), dtype=np.bool_)
    for name, standing in recent.standing.items():
        if name not in settings.families or name == "fec":
            continue
        high = standing >= 0
        if name in settings.errors_least:
            high &= recent.standing[f"loud {name}"] >= SURE * np.log10(1 + settings.errors_least[name])
        if name == "drops":
            high &= recent.standing["loud drops"] >= OFTEN
        out |= high
    return out


def _slow(recent: Recent) -> Mask:
    speed = recent.history.get("eth_speed_mbps", "median")
    best = recent.kept.lines.get("fast")
    if speed is None or best is None:
        return np.zeros(len(recent.history), dtype=np.bool_)
    best = np.where(recent.known >= 0, best[recent.known], np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.fmax.reduce(speed[:, -SLOW_DAYS:], axis=1) < 0.75 * best)


def _high_ports(recent: Recent, settings: Settings) -> Mask:
    """Ports whose own series, or that of a splitter of theirs, stands high (ports,)."""
    history, tree = recent.history, recent.history.tree
    out = np.zeros(len(history.pon_ids), dtype=np.bool_)
    dates = np.union1d(recent.kept.dates, history.dates)
    for level, name in recent.series:
        if level not in ("pon", "splitter1", "splitter2"):
            continue
        if name in SIDES:
            least = SURE * 0.8 * settings.families[name].node_material
        elif name == "upstream errors":
            least = SURE * 0.7 * settings.families["bip"].material
        elif name == NODES_FELL:
            fell = beyond_usual(_joined(recent, (level, name), dates))[:, -FORTNIGHT:] >= MOST
            out |= fell.sum(axis=1) >= FALLS
            continue
        else:
            continue
        values = _joined(recent, (level, name), dates)
        high = latest(values[:, -RECENT_DAYS:]) - lowest(values) >= least
        if level == "pon":
            out |= high
        else:
            codes = places_of(history)[level]
            out[np.unique(tree.pon[(codes >= 0) & high[codes] & (tree.pon >= 0)])] = True
    rises = {"pon_tx_dbm": settings.olt_tx_fall_db, "pon_bias_ma": float(np.log(settings.olt_bias_rise))}
    for name, least in rises.items():
        worse, low = worse_of_ports(history, name), recent.kept.series.get(("pon", f"low {name}"))
        if worse is not None and low is not None:
            low = np.where(recent.groups["pon"] >= 0, low[recent.groups["pon"]], np.nan)
            out |= latest(worse) - low >= SURE * 0.7 * least
    return out
