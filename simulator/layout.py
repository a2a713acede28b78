"""Who is where: areas, OLTs, PON ports, splitters, lines and the units at their ends. Fixed by the seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plant.pon_classes import pon_classes
from simulator.constants import physics, places
from simulator.noise import Noise, Stream

Family = Literal["nscrtv", "huawei"]
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

PORTS_PER_CARD = 16
MAKERS = ("HWTC", "FHTT", "ZTEG", "SKYW", "TPLG")
_FAMILIES: tuple[Family, ...] = ("nscrtv", "huawei")


@dataclass(frozen=True)
class Olt:
    """One OLT: its half-open ranges of lines and PON ports in the plant's arrays."""

    index: int
    id: str
    family: Family
    area: int
    pon_class: str
    lines: slice
    pons: slice


@dataclass(frozen=True)
class Pons:
    """One row a PON port. Powers dBm, lengths km; `legs` is 8 with two stages of splitters, else 1."""

    olt: I64
    card: I64
    port: I64
    name: npt.NDArray[np.object_]
    grid: I64
    legs: I64
    ways: I64
    feeder_km: F32
    tx_dbm: F32
    bias_ma: F32
    receiver_offset_db: F32
    lines: npt.NDArray[np.int64]  # (pons, 2): half-open range of its lines


@dataclass(frozen=True)
class Units:
    """The ONT at a line's end; arrays of (2, lines): before and after a swap."""

    serial: npt.NDArray[np.object_]
    tx_dbm: F32
    bias_ma: F32
    receiver_offset_db: F32
    reading_noise_db: F32
    step_db: F32


@dataclass(frozen=True)
class Lines:
    """One row a fibre line, ordered by OLT, PON and ONT. Losses dB at 1490 (down) and 1310 nm (up)."""

    id: npt.NDArray[np.object_]
    olt: I64
    pon: I64
    ont: I64  # index on the port
    leg: I64  # second-stage splitter, 1…8; 0 with one stage
    loss_down: F32
    loss_up: F32
    thermal: F32  # dB per °C
    distance_m: F32
    sold_mbps: I64
    night: npt.NDArray[np.bool_]
    mqtt: npt.NDArray[np.bool_]
    swapped_at: I64  # UTC second; far in the future for most
    born_at: I64  # UTC second of the first light
    installed: npt.NDArray[np.datetime64]
    retrofitted: npt.NDArray[np.datetime64]  # NaT for most
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Coax:
    """Old lines still to be retrofitted: no device tells of them."""

    id: npt.NDArray[np.object_]
    area: I64
    grid: I64
    installed: npt.NDArray[np.datetime64]
    lat: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    areas: tuple[dict[str, Any], ...]
    olts: tuple[Olt, ...]
    pons: Pons
    lines: Lines
    units: Units
    coax: Coax

    def splitter(self, line: int) -> tuple[str, str | None]:
        """First and second stage splitter of a line, as in the lines file."""
        leg = int(self.lines.leg[line])
        return "S1", f"L{leg}" if leg else None

    def pon_place(self, pon: int) -> str:
        return f"{self.olts[int(self.pons.olt[pon])].id}/{self.pons.name[pon]}"


FAR = np.int64(2**62)


def weak_shift(pon_class: str) -> float:
    """dB by which weak light of a class lies above GPON's −27 dBm: its receivers need so much more."""
    return pon_classes()[pon_class].weak_dbm + 27.0


def build(
    seed: int, olts: int, onts: int, areas: int, start: int, end: int, classes_of_olts: Sequence[str] = ()
) -> Layout:
    """The plant for a seed; `start` and `end` are UTC seconds of its history. ValueError on impossible sizes.

    `classes_of_olts` are dealt to the OLTs in turn; without any they are GPON B+ or C+ by chance.
    """
    strange = [c for c in classes_of_olts if c not in physics()["olt"]["tx_dbm"]]
    if strange:
        raise ValueError(
            f'no PON class "{strange[0]}" is simulated; there are: {", ".join(physics()["olt"]["tx_dbm"])}'
        )
    if olts < 1 or onts < olts:
        raise ValueError(f"a plant needs at least one OLT and one ONT each; asked for {olts} OLTs and {onts} ONTs")
    rng = np.random.default_rng([seed, 1])
    known = places()
    chosen = tuple(known[i % len(known)] for i in range(min(areas, olts, len(known))))
    port_rows: list[tuple[int, int, int]] = []  # olt, legs, ways
    counts: list[int] = []
    for olt in range(olts):
        left = onts // olts + (olt < onts % olts)
        while left:
            legs, ways = ((8, 64), (8, 64), (1, 64), (1, 32))[int(rng.integers(4))]
            fill = min(left, int(rng.integers(ways * 3 // 4, ways + 1)))
            port_rows.append((olt, legs, ways))
            counts.append(fill)
            left -= fill
    classes = ["gpon_b+" if rng.random() < 0.5 else "gpon_c+" for _ in range(olts)]
    if classes_of_olts:
        classes = [classes_of_olts[i % len(classes_of_olts)] for i in range(olts)]
    pons = _pons(rng, port_rows, counts, classes)
    lines, units = _lines(rng, seed, pons, counts, chosen, classes, start, end)
    sites = []
    for olt in range(olts):
        own = np.flatnonzero(pons.olt == olt)
        area = olt % len(chosen)
        first, last = int(own[0]), int(own[-1])
        sites.append(
            Olt(olt, f"{_code(chosen[area]['id'])}-OLT-{olt + 1:02d}", _FAMILIES[olt % 2], area, classes[olt],
                slice(int(pons.lines[first, 0]), int(pons.lines[last, 1])), slice(first, last + 1))
        )  # fmt: skip
    return Layout(chosen, tuple(sites), pons, lines, units, _coax(rng, onts, chosen, start))


def _code(area: str) -> str:
    return area[:2].upper()


def _draw(rng: np.random.Generator, bounds: list[float], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    return rng.uniform(bounds[0], bounds[1], shape)


def _between(rng: np.random.Generator, bounds: list[float], size: int) -> F32:
    return rng.uniform(bounds[0], bounds[1], size).astype(np.float32)


def _pons(rng: np.random.Generator, rows: list[tuple[int, int, int]], counts: list[int], classes: list[str]) -> Pons:
    p = physics()
    n = len(rows)
    olt = np.array([r[0] for r in rows])
    number = np.concatenate([np.arange(int((olt == o).sum())) for o in range(len(classes))])
    huawei = np.array([_FAMILIES[o % 2] == "huawei" for o in olt])
    card = number // PORTS_PER_CARD + 1
    port = number % PORTS_PER_CARD + np.where(huawei, 0, 1)
    name = np.array(
        [f"0/{c}/{q}" if h else f"{c}/{q}" for c, q, h in zip(card, port, huawei, strict=True)], dtype=object
    )
    ends = np.cumsum(counts)
    tx = np.array([rng.uniform(*p["olt"]["tx_dbm"][classes[o]]) for o in olt], np.float32)
    return Pons(
        olt=olt, card=card, port=port, name=name, grid=number % 4,
        legs=np.array([r[1] for r in rows]), ways=np.array([r[2] for r in rows]),
        feeder_km=_between(rng, p["feeder_km"], n), tx_dbm=tx, bias_ma=_between(rng, p["olt"]["bias_ma"], n),
        receiver_offset_db=np.clip(rng.normal(0, p["olt"]["receiver_offset_db"], n), -2, 2).astype(np.float32),
        lines=np.stack([ends - counts, ends], axis=1),
    )  # fmt: skip


def _lines(
    rng: np.random.Generator, seed: int, pons: Pons, counts: list[int], areas: tuple[dict[str, Any], ...],
    classes: list[str], start: int, end: int,
) -> tuple[Lines, Units]:  # fmt: skip
    p = physics()
    n = int(sum(counts))
    pon = np.repeat(np.arange(len(counts)), counts)
    olt = pons.olt[pon]
    way = np.concatenate(
        [np.sort(rng.choice(int(w), c, replace=False)) for w, c in zip(pons.ways, counts, strict=True)]
    )
    order = np.concatenate([np.arange(c) for c in counts])
    two = pons.legs[pon] > 1
    drop = rng.gamma(2.0, 0.13, n).clip(*p["drop_km"])
    km = pons.feeder_km[pon] + drop
    tolerance = p["splitter_tolerance_db"]
    leg_key = pon * 8 + way // 8
    leg_error = rng.normal(0, tolerance / 2, int(leg_key.max()) + 1).clip(-tolerance, tolerance)[leg_key]
    splitter = np.where(
        two,
        2 * p["splitter_db"][8] + leg_error,
        np.where(pons.ways[pon] == 64, p["splitter_db"][64], p["splitter_db"][32]),
    ) + rng.normal(0, tolerance / 2, n).clip(-tolerance, tolerance)
    joints = (
        _draw(rng, p["connector_db"], (p["connectors"], n)).sum(0)
        + _draw(rng, p["splice_db"], (p["splices"], n)).sum(0)
    )  # fmt: skip
    down = splitter + joints + km * p["fibre_db_per_km"]["down"]
    up = splitter + joints + rng.normal(0, 0.15, n) + km * p["fibre_db_per_km"]["up"]
    swapped = np.where(
        rng.random(n) < p["supply"]["swap_share"], start + rng.uniform(0.1, 0.9, n) * (end - start), FAR
    ).astype(np.int64)
    up += km * _of_class(p["fibre_more_up_db_per_km"], classes)[olt]
    units = _units(rng, seed, n, _of_class(p["ont"]["tx_more_db"], classes)[olt])
    of_mac = np.array(["epon" in c for c in classes])[olt]
    units.serial[:, of_mac] = [[f"0018{s[4:]}" for s in row] for row in units.serial[:, of_mac].tolist()]
    shift = np.array([weak_shift(c) for c in classes])[olt]
    down, up = _within_reach(rng, down, up, pons.tx_dbm[pon] + units.receiver_offset_db.min(axis=0), shift)
    born, installed, retrofitted = _dates(rng, n, start, end)
    area_of_olt = np.arange(len(classes)) % len(areas)
    centre = np.array([(a["lat"], a["lon"]) for a in areas])[area_of_olt[olt]]
    spot = rng.normal(0, 0.012, (len(counts), 2))[pon] + rng.normal(0, 0.0015, (n, 2))
    lines = Lines(
        id=np.array([f"L{i + 1:07d}" for i in range(n)], dtype=object),
        olt=olt, pon=pon, ont=order + (olt % 2 == 0),
        leg=np.where(two, way // 8 + 1, 0), loss_down=down.astype(np.float32), loss_up=up.astype(np.float32),
        thermal=rng.normal(0, p["thermal_db_per_c"], n).astype(np.float32),
        distance_m=np.round(km * 1000).astype(np.float32),
        sold_mbps=rng.choice([100, 300, 500, 1000], n, p=[0.1, 0.35, 0.3, 0.25]),
        night=rng.random(n) < p["supply"]["night_share"], mqtt=rng.random(n) < p["telling"]["mqtt_share"],
        swapped_at=swapped, born_at=born, installed=installed, retrofitted=retrofitted,
        lat=centre[:, 0] + spot[:, 0], lon=centre[:, 1] + spot[:, 1],
    )  # fmt: skip
    return lines, units


def _of_class(more: Mapping[str, float], classes: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.array([more.get(c, 0.0) for c in classes])


def _within_reach(
    rng: np.random.Generator,
    down: npt.NDArray[np.float64],
    up: npt.NDArray[np.float64],
    tx_told: F32,
    shift: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Losses so that no ONT tells less than the healthy floor, and a few are weak by design and well.

    `tx_told` is what the ONT would tell of the OLT's light without any loss, dBm; `shift` see weak_shift.
    """
    p = physics()
    n = len(down)
    told = tx_told - down - shift
    floor = p["ont"]["healthy_floor_dbm"] + rng.uniform(0, 1.5, n)
    target = np.maximum(told, np.where(told < p["ont"]["healthy_floor_dbm"], floor, told))
    weak = rng.random(n) < p["long_share"]
    target = np.where(weak, np.minimum(target, _between(rng, p["long_told_dbm"], n)), target)
    return down + (told - target), up + (told - target)


def _units(rng: np.random.Generator, seed: int, n: int, tx_more_db: npt.NDArray[np.float64]) -> Units:
    p = physics()["ont"]
    limit = p["receiver_offset_limit_db"]
    bits = Noise(seed).bits(Stream.SERIAL, np.arange(n)[None, :], np.arange(2)[:, None]) >> np.uint64(32)
    maker = rng.integers(len(MAKERS), size=(2, n))
    serial = np.empty((2, n), dtype=object)
    for generation in range(2):
        serial[generation] = [
            f"{MAKERS[m]}{b:08X}" for m, b in zip(maker[generation].tolist(), bits[generation].tolist(), strict=True)
        ]
    return Units(
        serial=serial,
        tx_dbm=(_draw(rng, p["tx_dbm"], (2, n)) + tx_more_db).astype(np.float32),
        bias_ma=_draw(rng, p["bias_ma"], (2, n)).astype(np.float32),
        receiver_offset_db=rng.normal(0, p["receiver_offset_db"], (2, n)).clip(-limit, limit).astype(np.float32),
        reading_noise_db=_draw(rng, p["reading_noise_db"], (2, n)).astype(np.float32),
        step_db=np.where(rng.random((2, n)) < p["coarse_share"], 0.1, 0.01).astype(np.float32),
    )


def _dates(
    rng: np.random.Generator, n: int, start: int, end: int
) -> tuple[I64, npt.NDArray[np.datetime64], npt.NDArray[np.datetime64]]:
    """First light (UTC second), day of installation, day of retrofit: 6 % were coax until some day of this year."""
    today = np.datetime64(end, "s").astype("datetime64[D]")
    new_year = today.astype("datetime64[Y]").astype("datetime64[D]")
    first = np.datetime64(start, "s").astype("datetime64[D]")
    installed = first - rng.integers(60, 2500, n)
    retrofit = rng.random(n) < 0.06
    span = max(int((today - new_year).astype(int)) - 14, 1)
    done = new_year + rng.integers(0, span, n)
    retrofitted = np.where(retrofit, done, np.datetime64("NaT", "D"))
    installed = np.where(retrofit, np.minimum(installed, new_year - 700), installed)
    light = np.where(retrofit, done, installed).astype("datetime64[s]").astype(np.int64) + 8 * 3600
    return light, installed, retrofitted


def _coax(rng: np.random.Generator, onts: int, areas: tuple[dict[str, Any], ...], start: int) -> Coax:
    n = max(onts * 8 // 100, 1)
    area = rng.integers(len(areas), size=n)
    centre = np.array([(a["lat"], a["lon"]) for a in areas])[area]
    spot = centre + rng.normal(0, 0.012, (n, 2))
    first = np.datetime64(start, "s").astype("datetime64[D]")
    return Coax(
        id=np.array([f"X{i + 1:07d}" for i in range(n)], dtype=object),
        area=area, grid=rng.integers(4, size=n), installed=first - rng.integers(3000, 6500, n),
        lat=spot[:, 0], lon=spot[:, 1],
    )  # fmt: skip
