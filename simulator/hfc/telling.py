"""What CMTSs and modems tell: meters with offsets, noise and steps; reads nobody answers; and all that as batches.

A modem's own figures come from the modem or through its CMTS; the CMTS tells upstream SNR, states and codewords.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME, Batch, Reason
from plant.fields import fields
from simulator.constants import hfc
from simulator.diary import Diary
from simulator.hfc.layout import Cmts, HfcLayout
from simulator.hfc.levels import Levels
from simulator.layout import FAR
from simulator.noise import Floats, Keys, Noise, Stream
from simulator.telling import NOISE_KEY_S

OWN = ("ds_power_dbmv", "ds_snr_db", "us_power_dbmv", "reflection_dbc")  # asked of the modem itself
LINE_FIELDS = (*OWN, "us_snr_db", "cw_corrected", "cw_uncorrected")
NODE_FIELDS = ("us_snr_db", "rx_dbm", "onts_up", "onts_total")
KINDS = ("cw_corrected", "cw_uncorrected")


@dataclass(frozen=True)
class HfcTold:
    """Of one CMTS at `times`: float32 (modems, times) and (nodes, times), NaN where nothing is told; counters int64."""

    cmts: Cmts
    times: Keys
    line: dict[str, Floats]
    counters: dict[str, npt.NDArray[np.int64]]
    node: dict[str, Floats]
    up: npt.NDArray[np.bool_]
    missed: npt.NDArray[np.bool_]


def tell(layout: HfcLayout, cmts: Cmts, times: Keys, levels: Levels, noise: Noise, diary: Diary) -> HfcTold:
    p = hfc()
    modems, own = layout.modems, cmts.lines
    rows = np.arange(own.start, own.stop)[:, None]
    key = (times // NOISE_KEY_S)[None, :]
    state = diary.state(own, times)
    q = p["modem"]
    mute = (
        (levels.down < q["silent_down_dbmv"])
        | (levels.down_snr < q["silent_down_snr_db"])
        | (levels.up_snr < q["silent_up_snr_db"])
    )
    up = ~(state.down | mute)
    missed = noise.uniform(Stream.MISSED_MODEM, rows, key) < p["supply"]["missed"]
    unit = ((modems.swapped_at[own, None] <= times[None, :]) & (modems.swapped_at[own, None] != FAR)).astype(np.int64)
    at = np.arange(own.start, own.stop)[:, None]

    def of_unit(figures: Floats) -> Floats:
        return np.asarray(figures[unit, at], np.float32)

    meter, offset, step = (of_unit(f) for f in (modems.reading_noise_db, modems.offset_db, modems.step_db))
    line = {
        "ds_power_dbmv": _steps(levels.down + offset + meter * noise.normal(Stream.DS_POWER, rows, key), step),
        "ds_snr_db": _steps(levels.down_snr + 0.4 * offset + meter * noise.normal(Stream.DS_SNR, rows, key), step),
        "us_power_dbmv": _ranged(levels.up - offset + meter * noise.normal(Stream.US_POWER, rows, key),
                                 of_unit(modems.ranging_step_db)),
        "reflection_dbc": np.round(levels.echo + noise.normal(Stream.ECHO, rows, key)).astype(np.float32),
        "us_snr_db": _steps(levels.up_snr + 0.3 * noise.normal(Stream.US_SNR, rows, key), np.float32(0.1)),
    }  # fmt: skip
    for name in OWN:
        line[name][~up | missed] = np.nan
    line["us_snr_db"][~up] = np.nan
    node_rows = np.arange(cmts.nodes.start, cmts.nodes.stop)[:, None]
    first = layout.nodes.lines[cmts.nodes, 0] - own.start
    light = _steps(levels.light + 0.05 * noise.normal(Stream.NODE_OPTICAL, node_rows, key), np.float32(0.1))
    light[~layout.nodes.tells_optical[cmts.nodes]] = np.nan
    counted = up.astype(np.float32)
    node = {
        "us_snr_db": _steps(levels.node_snr + 0.2 * noise.normal(Stream.US_SNR, -1 - node_rows, key), np.float32(0.1)),
        "rx_dbm": light,
        "onts_up": np.add.reduceat(counted, first, axis=0),
        "onts_total": np.add.reduceat(np.ones_like(counted), first, axis=0),
    }
    node["us_snr_db"][node["onts_up"] == 0] = np.nan  # no modem on the channel: nothing to measure
    counters = {name: state.counters[i] for i, name in enumerate(KINDS)}
    return HfcTold(cmts, times, line, counters, node, up, missed)


def _steps(values: Floats, step: Floats | np.float32) -> Floats:
    """Rounded to the meter's step, then to the tenths the tables carry."""
    return np.round(np.round(values / step) * step, 1).astype(np.float32)


def _ranged(values: Floats, step: Floats) -> Floats:
    return _steps(np.minimum(values, np.float32(hfc()["modem"]["most_up_dbmv"])), step)


def line_batch(layout: HfcLayout, told: HfcTold, keep: npt.NDArray[np.bool_]) -> Batch:
    """Modems × the times kept, modem by modem."""
    n, times = len(told.up), told.times[keep]
    k = len(times)

    def flat(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(values[:, keep]).ravel()

    modems, own = layout.modems, told.cmts.lines
    up = flat(told.up)
    columns: dict[str, pa.Array] = {
        "line_id": pa.array(modems.id[own], pa.string()).take(pa.array(np.repeat(np.arange(n), k))),
        "time": _times(times, n),
    }
    for name in LINE_FIELDS:
        if name in told.counters:
            columns[name] = pa.array(flat(told.counters[name]), pa.int64(), mask=~up)
        else:
            columns[name] = pa.array(flat(told.line[name]), fields()[name].arrow, from_pandas=True)
    columns["state"] = pc.if_else(pa.array(up), "up", "down")
    at = modems.swapped_at[own, None]
    second = (at <= times[None, :]) & (at != FAR)
    macs = pa.array(np.concatenate(list(modems.mac[:, own])), pa.string())
    columns["ont_serial"] = macs.take(pa.array((np.arange(n)[:, None] + n * second).ravel()))
    words = pa.array([
        None, ",".join(f"{f}:{Reason.NOT_UP}" for f in LINE_FIELDS), ",".join(f"{f}:{Reason.SENTINEL}" for f in OWN)
    ], pa.string())  # fmt: skip
    columns["quality"] = words.take(pa.array(np.where(up, np.where(flat(told.missed), 2, 0), 1)))
    return Batch(told.cmts.id, "optics", pa.table(columns))


def node_batch(layout: HfcLayout, told: HfcTold, keep: npt.NDArray[np.bool_]) -> Batch:
    """Nodes × the times kept, rows named `pon:CMTS/NODE`."""
    times = told.times[keep]
    ids = [f"pon:{layout.node_place(n)}" for n in range(told.cmts.nodes.start, told.cmts.nodes.stop)]
    columns: dict[str, pa.Array] = {
        "line_id": pa.array(ids, pa.string()).take(pa.array(np.repeat(np.arange(len(ids)), len(times)))),
        "time": _times(times, len(ids)),
    }
    for name in NODE_FIELDS:
        columns[name] = pa.array(told.node[name][:, keep].ravel(), pa.float32(), from_pandas=True)
    columns["quality"] = pa.nulls(len(ids) * len(times), pa.string())
    return Batch(told.cmts.id, "pon", pa.table(columns))


def _times(times: Keys, rows: int) -> pa.Array:
    return pa.array(np.tile(times * 1_000_000, rows), pa.int64()).cast(TIME)
