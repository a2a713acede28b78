"""The scanned figures of single lines: one array a family, what is common to the PON already taken out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.arrays import Floats, Mask, Reals
from analyzer.change import Changes, scan
from analyzer.history import History
from analyzer.losses import rebaselined
from analyzer.meters import coarsest_step
from analyzer.polish import centred, group_medians, row_medians, spread_out
from analyzer.settings import Family, Settings
from analyzer.squeeze import Squeezes, squeezes
from analyzer.weather import Coupling, in_common, temperature_range, without_weather

SQUEEZE = "squeeze"
WITNESS = 0.01  # chance under which another figure bears out a swing that is still small
# What a loss is read from; the quantiles move where the median of a coarse meter does not.
METERS = {
    "down": (("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90")),
    "up": (("tx_dbm", "median"), ("olt_rx_dbm", "median")),
}
MORE_THAN_A_STEP = 1.1  # a line between two steps goes up by one for no reason
COUNTED = {"bip": "bip_errors", "fec": "fec_corrected", "lost": "fec_uncorrected"}


@dataclass(frozen=True)
class Symptoms:
    """By family: the series scanned (lines, days), what the scan found, its p-values and what may be believed."""

    series: Mapping[str, Floats]
    changes: Mapping[str, Changes]
    p: Mapping[str, Reals]
    believed: Mapping[str, Mask]
    coupling: Mapping[str, Coupling]
    coupled: Mask  # lines whose loss follows the temperature more than is healthy
    squeeze: Squeezes | None = None  # believed and p hold its entry too, under SQUEEZE


def observe(
    history: History,
    own: Mapping[str, Floats],
    drops: Floats | None,
    breaks: Mask,
    degrees: Floats | None,
    settings: Settings,
) -> Symptoms:
    """Scan every family there are readings for. `own`: losses less what is common; `degrees` (lines, days)."""
    backdrop = history.backdrop
    series: dict[str, Floats] = {}
    couplings: dict[str, Coupling] = {}
    span = 0.0 if degrees is None else backdrop.figure("temperature range", temperature_range(degrees))
    for side, values in own.items():
        if degrees is None:
            series[side] = values
        else:
            series[side], couplings[side] = without_weather(values, degrees)
            backdrop.note(f"weather {side}", {"taken": couplings[side].taken})
    series |= figures(history, drops)
    for family in ("bias", "tx", "sag"):
        if family in series:
            series[family] = rebaselined(centred(series[family]), breaks)
    if "spread" in series:  # another unit's meter has another noise
        series["spread"] = rebaselined(series["spread"], breaks)
    if "bias" in series:
        series["bias"] = _of_one_warmth(history, series["bias"])
    for family in ("spread", "bias", "tx", *COUNTED):
        if family in series:
            series[family] = _less_common(history, family, series[family], settings)
    backdrop.note("series", series)
    changes = {family: scan(values, settings.families[family].floor) for family, values in series.items()}
    p = {family: backdrop.chances(family, found) for family, found in changes.items()}
    coupled = _coupled(couplings, span, settings, len(history))
    rounding = {side: _loss_step(history, side) for side in METERS}
    squeeze = _squeezed(own, degrees, span, rounding)
    if squeeze is not None:
        p[SQUEEZE] = squeeze.p
        backdrop.note(SQUEEZE, {"p": squeeze.p, "swing": squeeze.swing})
    if not p:
        return Symptoms(series, changes, p, {}, couplings, coupled)
    told = {family: settings.meter_steps * step for family, step in _meter_steps(history).items()}
    told |= {
        family: MORE_THAN_A_STEP * rounding[side]
        for family, side in (("down", "down"), ("up", "up"), ("spread", "down"))
    }
    nothing = np.zeros(len(history))
    all_of_them = backdrop.believed(np.stack(list(p.values())), settings.false_discovery_rate)
    borne_out = np.min([p[f] for f in ("down", "up", SQUEEZE) if f in p], axis=0, initial=1.0) < WITNESS
    believed = {
        family: all_of_them[i]
        & _material(
            changes[family],
            settings.families[family],
            # swings come with the weather: a mild week is no repair, nor a cold one a fault by itself
            0.5 * settings.still_there if family == "spread" else settings.still_there,
            borne_out if family == "spread" else True,
            len(history.dates),
        )
        & ~(changes[family].shift < told.get(family, nothing))
        for i, family in enumerate(p)
        if family in changes
    }
    if squeeze is not None:
        believed[SQUEEZE] = all_of_them[list(p).index(SQUEEZE)] & (squeeze.swing >= settings.coupling_db)
        coupled = coupled | believed[SQUEEZE]
    return Symptoms(series, changes, p, believed, couplings, coupled, squeeze)


def _squeezed(
    own: Mapping[str, Floats], degrees: Floats | None, span: float, rounding: Mapping[str, Reals]
) -> Squeezes | None:
    """The coupling's growth on the side of each line that shows it better; its chance doubled for the choice."""
    if degrees is None:
        return None
    found = [squeezes(own[side], degrees, span, rounding[side]) for side in METERS if side in own]
    if len(found) < 2:
        return found[0] if found else None
    down, up = found
    better = up.p < down.p
    p = np.minimum(1.0, 2 * np.minimum(down.p, up.p))
    return Squeezes(
        p,
        np.where(better, up.onset, down.onset),
        np.where(better, up.slope, down.slope),
        np.where(better, up.swing, down.swing),
    )


def _loss_step(history: History, side: str) -> Reals:
    """The widest step of the meters a loss is taken from (lines,), dB."""
    steps = [coarsest_step(read) for name in METERS[side] if (read := history.get(*name)) is not None]
    return np.max(steps, axis=0) if steps else np.zeros(len(history))


def _material(change: Changes, family: Family, still_there: float, early: Mask | bool, days: int) -> Mask:
    """Rises worth a trip that have not gone away.

    Half of the size is enough of a ramp that at its pace will be worth the trip in the family's `ahead_days`, where
    `early` allows it. `days`: of the window.
    """
    pace = change.shift / np.maximum(days - 1 - change.onset, 1)
    growing = early & change.is_ramp & (change.shift >= 0.5 * family.material)
    expected = change.shift + np.where(growing, family.ahead_days * pace, 0.0)
    least = np.minimum(family.material, change.shift)
    still = change.recent >= np.maximum(1.4 * still_there * least, still_there * change.shift)
    return np.asarray((expected >= family.material) & still)


def _meter_steps(history: History) -> dict[str, Floats]:
    """By family, the step in which a unit's own meter moves (lines,), in the family's unit; NaN where it never does.

    Whole milliamperes are a tenth of a small laser's current: one of them is the weather, not its age.
    """
    out: dict[str, Floats] = {}
    for family, name in (("bias", "bias_ma"), ("tx", "tx_dbm"), ("sag", "voltage_v")):
        read = history.get(name, "median")
        if read is None or read.shape[1] < 2:
            continue
        moves = np.abs(np.diff(read, axis=1))
        moves = np.sort(np.where(moves > 0, moves, np.nan), axis=1)
        moving = np.isfinite(moves).sum(axis=1)
        # nine in ten: the median of a day of whole steps may lie half a step between two
        step = moves[np.arange(len(moves)), np.maximum(-(-9 * moving // 10) - 1, 0)]
        with np.errstate(divide="ignore", invalid="ignore"):
            # a median of few readings stands between two steps now and then; most days tell the whole step
            halves = read / (2 * step[:, None])
            on_whole = (np.abs(halves - np.round(halves)) < 0.02).sum(axis=1)
            step = np.where(on_whole >= 0.75 * np.isfinite(read).sum(axis=1), 2 * step, step)
            out[family] = step / row_medians(read) if family == "bias" else step
    return out


def figures(history: History, drops: Floats | None) -> dict[str, Floats]:
    """Of each family but the losses what is read (lines, days), more being worse."""
    out: dict[str, Floats] = {}
    low, high = history.get("rx_dbm", "q10"), history.get("rx_dbm", "q90")
    if low is not None and high is not None:
        out["spread"] = high - low
    bias, tx = history.get("bias_ma", "median"), history.get("tx_dbm", "median")
    if bias is not None:
        out["bias"] = np.log(np.where(bias > 0, bias, np.nan)).astype(np.float32)
    if tx is not None:
        out["tx"] = -tx
    voltage = history.get("voltage_v", "min")
    voltage = history.get("voltage_v", "median") if voltage is None else voltage
    if voltage is not None:
        out["sag"] = -voltage
    if drops is not None:
        out["drops"] = np.sqrt(np.maximum(drops, 0))
    for family, name in COUNTED.items():
        counted = history.get(name, "increase")
        if counted is not None:
            out[family] = np.log10(1 + np.maximum(counted, 0))
    return out


def _of_one_warmth(history: History, current: Floats) -> Floats:
    """ln of the bias less its own temperature's part: lasers need more current when warm."""
    warmth = history.get("temp_c", "median")
    if warmth is None:
        return current
    warmth = centred(warmth)
    usual = history.backdrop.figure("bias in common", in_common(current, warmth))
    left, coupling = without_weather(current, warmth, usual)
    history.backdrop.note("weather bias", {"taken": coupling.taken})
    return left


def _less_common(history: History, family: str, values: Floats, settings: Settings) -> Floats:
    """Rows less what their PON did that day (relative to its own past)."""
    level = row_medians(values)
    history.backdrop.note(family, {"level": level})
    parts = group_medians(values - level[:, None], history.tree.pon, len(history.pon_ids), settings.common_lines)
    return values - spread_out(history.backdrop.settled("pon", family, parts), history.tree.pon)


def _coupled(couplings: Mapping[str, Coupling], span: float, settings: Settings, lines: int) -> Mask:
    out = np.zeros(lines, dtype=np.bool_)
    for side in ("down", "up"):
        if side in couplings:
            c = couplings[side]
            out |= (np.abs(c.z) > settings.coupling_z) & (np.abs(c.slope) * span > settings.coupling_db)
    return out
