"""Who is where in the coax part: CMTSs, nodes, amplifiers, taps and modems. Fixed by the seed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.constants import hfc
from simulator.layout import F32, FAR, I64

_ODD = 0x9E3779B1
FEWEST = 8  # modems of a coax part
FIRST_UPSTREAM = 1001  # ifIndex of a CMTS's first upstream channel: one a node


@dataclass(frozen=True)
class Cmts:
    """One CMTS: its half-open ranges of modems and nodes in the plant's arrays."""

    index: int
    id: str
    area: int
    lines: slice
    nodes: slice


@dataclass(frozen=True)
class Nodes:
    """One row a fibre node, each on an upstream channel of its own; the channel's ifIndex is its `name`."""

    cmts: I64
    name: npt.NDArray[np.object_]
    grid: I64
    carrier_noise_db: F32
    base_db: F32
    ingress_db: F32
    optical_dbm: F32
    tells_optical: npt.NDArray[np.bool_]
    lines: I64  # (nodes, 2): half-open range of its modems


@dataclass(frozen=True)
class Amplifiers:
    """One row an amplifier; `trunk_db` is the cable before it, of whose swings it lets `left` through."""

    node: I64
    number: I64  # A1, A2, … of its node
    trunk_db: F32
    left: F32


@dataclass(frozen=True)
class Modems:
    """One row a modem, ordered by CMTS, node, amplifier and tap. Levels in dBmV without any fault, losses in dB.

    Arrays of (2, modems) are of the unit before and after a swap.
    """

    id: npt.NDArray[np.object_]
    cmts: I64
    node: I64
    amplifier: I64
    tap: I64  # T1, T2, … of its amplifier
    index: I64  # as its CMTS numbers it
    down_dbmv: F32
    up_dbmv: F32
    cable_db: F32
    echo_dbc: F32
    mac: npt.NDArray[np.object_]
    offset_db: F32  # (2, modems)
    reading_noise_db: F32  # (2, modems)
    step_db: F32  # (2, modems)
    ranging_step_db: F32  # (2, modems)
    night: npt.NDArray[np.bool_]
    swapped_at: I64
    sold_mbps: I64
    installed: npt.NDArray[np.datetime64]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]


@dataclass(frozen=True)
class HfcLayout:
    cmts: tuple[Cmts, ...]
    nodes: Nodes
    amplifiers: Amplifiers
    modems: Modems

    def node_place(self, node: int) -> str:
        return f"{self.cmts[int(self.nodes.cmts[node])].id}/{self.nodes.name[node]}"

    def branch(self, modem: int) -> tuple[str, str]:
        """Names of a modem's amplifier and tap, as in the lines file."""
        amplifier = int(self.modems.amplifier[modem])
        return f"A{self.amplifiers.number[amplifier]}", f"T{self.modems.tap[modem]}"


def build(seed: int, modems: int, areas: tuple[dict[str, Any], ...], start: int, end: int) -> HfcLayout:
    """The coax part for a seed; `start` and `end` are UTC seconds of its history. ValueError on impossible sizes."""
    if modems < FEWEST:
        raise ValueError(f"a coax part needs at least {FEWEST} modems; asked for {modems}")
    rng = np.random.default_rng([seed, 21])
    p = hfc()
    counts = _shares(rng, modems, p["node"]["modems"])
    n_nodes = len(counts)
    cmts_of = np.arange(n_nodes) // int(p["node"]["per_cmts"])
    node, amplifier, tap = _branches(rng, counts)
    ends = np.cumsum(counts)
    ranges = np.stack([ends - counts, ends], axis=1)
    number = np.arange(n_nodes) % int(p["node"]["per_cmts"])
    nodes = Nodes(
        cmts=cmts_of, name=np.array([str(FIRST_UPSTREAM + n) for n in number], dtype=object), grid=number % 4,
        carrier_noise_db=_between(rng, p["node"]["carrier_noise_db"], n_nodes),
        base_db=_between(rng, p["upstream"]["base_db"], n_nodes),
        ingress_db=_between(rng, p["upstream"]["ingress_db"], n_nodes),
        optical_dbm=_between(rng, p["node"]["optical_dbm"], n_nodes),
        tells_optical=rng.random(n_nodes) < p["node"]["optical_told_share"], lines=ranges,
    )  # fmt: skip
    of_amplifier = np.array([int(node[np.argmax(amplifier == a)]) for a in range(int(amplifier.max()) + 1)])
    first = np.searchsorted(of_amplifier, of_amplifier)
    n_amplifiers = len(of_amplifier)
    agc = rng.random(n_amplifiers) < p["amplifier"]["agc_share"]
    amplifiers = Amplifiers(
        node=of_amplifier, number=np.arange(n_amplifiers) - first + 1,
        trunk_db=_between(rng, p["node"]["trunk_db"], n_amplifiers),
        left=np.where(agc, p["amplifier"]["agc_left"], 1.0).astype(np.float32),
    )  # fmt: skip
    sites = []
    for i in range(int(cmts_of[-1]) + 1):
        own = np.flatnonzero(cmts_of == i)
        area = i % len(areas)
        lines = slice(int(ranges[own[0], 0]), int(ranges[own[-1], 1]))
        name = f"{areas[area]['id'][:2].upper()}-CMTS-{i + 1:02d}"
        sites.append(Cmts(i, name, area, lines, slice(int(own[0]), int(own[-1]) + 1)))
    return HfcLayout(
        tuple(sites), nodes, amplifiers, _modems(rng, seed, node, amplifier, tap, cmts_of, sites, areas, start, end)
    )


def _shares(rng: np.random.Generator, modems: int, bounds: list[int]) -> I64:
    """Modems of each node; a small rest joins the last one."""
    counts: list[int] = []
    left = modems
    while left:
        some = min(left, int(rng.integers(bounds[0], bounds[1] + 1)))
        if counts and some < bounds[0] // 2:
            counts[-1] += some
        else:
            counts.append(some)
        left -= some
    return np.array(counts, np.int64)


def _branches(rng: np.random.Generator, counts: I64) -> tuple[I64, I64, I64]:
    """Node, amplifier and tap of each modem."""
    p = hfc()
    low, high = p["tap"]["modems"]
    node: list[int] = []
    amplifier: list[int] = []
    tap: list[int] = []
    amplifiers = 0
    for n, count in enumerate(counts.tolist()):
        behind = max(1, round(count / p["amplifier"]["modems"]))
        for part in np.array_split(np.arange(count), behind):
            left, number = len(part), 1
            while left:
                some = min(left, int(rng.integers(low, high + 1)))
                tap += [number] * some
                left -= some
                number += 1
            node += [n] * len(part)
            amplifier += [amplifiers] * len(part)
            amplifiers += 1
    return np.array(node), np.array(amplifier), np.array(tap)


def _modems(
    rng: np.random.Generator, seed: int, node: I64, amplifier: I64, tap: I64, cmts_of: I64, sites: list[Cmts],
    areas: tuple[dict[str, Any], ...], start: int, end: int,
) -> Modems:  # fmt: skip
    p = hfc()["modem"]
    n = len(node)
    cmts = cmts_of[node]
    centre = np.array([(a["lat"], a["lon"]) for a in areas])[cmts % len(areas)]
    spot = rng.normal(0, 0.012, (len(cmts_of), 2))[node] + rng.normal(0, 0.0015, (n, 2))
    swapped = np.where(
        rng.random(n) < hfc()["supply"]["swap_share"], start + rng.uniform(0.1, 0.9, n) * (end - start), FAR
    ).astype(np.int64)
    first = np.datetime64(start, "s").astype("datetime64[D]")
    # multiples of an odd number are all different in 32 bits: no two modems have one address
    macs = ((np.arange(2 * n, dtype=np.int64) * _ODD + seed) & 0xFFFFFFFF).reshape(2, n)
    return Modems(
        id=np.array([f"H{i + 1:07d}" for i in range(n)], dtype=object),
        cmts=cmts, node=node, amplifier=amplifier, tap=tap,
        index=np.concatenate([np.arange(s.lines.stop - s.lines.start) + 1 for s in sites]),
        down_dbmv=_around(rng, p["down_dbmv"], n), up_dbmv=_around(rng, p["up_dbmv"], n),
        cable_db=_between(rng, p["cable_db"], n), echo_dbc=_between(rng, p["echo_dbc"], n),
        mac=np.array([[f"0019{m:08X}" for m in row] for row in macs.tolist()], dtype=object),
        offset_db=rng.normal(0, p["offset_db"], (2, n)).clip(-2, 2).astype(np.float32),
        reading_noise_db=_between(rng, p["reading_noise_db"], 2 * n).reshape(2, n),
        step_db=np.where(rng.random((2, n)) < p["coarse_share"], 0.25, 0.1).astype(np.float32),
        ranging_step_db=rng.choice(p["ranging_step_db"], (2, n)).astype(np.float32),
        night=rng.random(n) < hfc()["supply"]["night_share"], swapped_at=swapped,
        sold_mbps=rng.choice([50, 100, 200], n, p=[0.2, 0.5, 0.3]), installed=first - rng.integers(900, 4500, n),
        lat=centre[:, 0] + spot[:, 0], lon=centre[:, 1] + spot[:, 1],
    )  # fmt: skip


def _around(rng: np.random.Generator, said: dict[str, float], n: int) -> F32:
    limit = said["limit"]
    return (said["mean"] + rng.normal(0, said["spread"], n).clip(-limit, limit)).astype(np.float32)


def _between(rng: np.random.Generator, bounds: list[float], size: int) -> F32:
    return rng.uniform(bounds[0], bounds[1], size).astype(np.float32)
