"""World: a plant with physics and known faults, told at any moment, from a seed alone."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from plant.batch import Batch
from simulator.constants import physics
from simulator.diary import Diary
from simulator.faults import seed_faults
from simulator.hfc.part import HfcPart
from simulator.history import line_batch, pon_batch, steps_between
from simulator.laws import Fault, ground_truth
from simulator.layout import Layout, Olt, build
from simulator.noise import Noise, Stream
from simulator.receiver import counted
from simulator.rough import Rough
from simulator.telling import Told, tell
from simulator.uptime import Uptime
from simulator.weather import Weather, local_day

DEMO_FAULTS = 10
DEMO_DAYS = 90
MODEMS_A_FAULT = 100


class World:
    """A simulated plant. Same arguments, same numbers: history and live readings are the same functions of time.

    `end` is the plant's "now" when it is made: faults are seeded so that they show by then, and go on after it until
    they are repaired (`repairs` maps a place to the ISO moment of its repair). `growing` faults begin at any time and
    go on, many of them until a customer has weak light: a past to replay. `classes` (PON classes) are dealt to the OLTs
    in turn; GPON without any. A `rough` plant also has makers that tell less and all that is in simulator/rough.py.
    `coax` modems on fibre nodes stand beside the fibre, with `coax_faults` (one a hundred modems by default, none in a
    healthy plant).
    ValueError where the sizes are impossible; FaultsDoNotFitError where there are more faults than places.
    """

    def __init__(
        self,
        seed: int = 1,
        olts: int = 2,
        onts: int = 1000,
        *,
        areas: int = 3,
        faults: int = DEMO_FAULTS,
        end: datetime | None = None,
        days: int = DEMO_DAYS,
        repairs: Mapping[str, str] | None = None,
        growing: bool = False,
        classes: Sequence[str] = (),
        rough: bool = False,
        coax: int = 0,
        coax_faults: int | None = None,
    ) -> None:
        now = (end or datetime.now(UTC)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if days < 1:
            raise ValueError(f"a plant needs at least one day of history; asked for {days}")
        self.seed, self.areas, self.days, self.growing = seed, areas, days, growing
        self.classes = tuple(classes)
        self.end = now
        self.start = now - timedelta(days=days)
        begin, last = int(self.start.timestamp()), int(now.timestamp())
        self.noise = Noise(seed)
        self.weather = Weather(self.noise)
        self.layout: Layout = build(seed, olts, onts, areas, begin, last, classes)
        self.rough = Rough(self.layout, seed, begin, last) if rough else None
        self.repairs: dict[str, str] = {}
        self._take(seed_faults(self.layout, self.weather, seed, faults, begin, last, growing=growing))
        self.hfc: HfcPart | None = None
        if coax:
            broken = (-(-coax // MODEMS_A_FAULT) if faults else 0) if coax_faults is None else coax_faults
            self.hfc = HfcPart(
                seed, coax, broken, self.layout.areas, self.weather, self.noise, begin, last, growing=growing
            )
        for place, at in (repairs or {}).items():
            self.repair(place, datetime.fromisoformat(at))

    def with_faults(self, faults: Sequence[Fault]) -> "World":
        """The same plant and weather with these faults of the fibre in place of the seeded ones."""
        other = copy(self)
        other.repairs = {}
        other._take(tuple(faults))
        return other

    def repair(self, place: str, at: datetime) -> None:
        """The fault at a place is gone from `at` on. KeyError when the plant has no fault there.

        A repair is remembered by `settings`, so that the plant stays repaired.
        """
        every = [*self.faults, *(self.hfc.faults if self.hfc else ())]
        if all(f.place != place for f in every):
            raise KeyError(f'no fault is at "{place}"; there are: {", ".join(f.place for f in every) or "none"}')
        second = int(at.timestamp())
        self.repairs[place] = at.astimezone(UTC).isoformat()
        if self.hfc is not None:
            self.hfc.repair(place, second)
        self._take(tuple(replace(f, until=second) if f.place == place else f for f in self.faults))

    def _take(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        self.uptime = Uptime(self.layout, faults, self.noise)
        first_day = int(local_day(np.array([int(self.start.timestamp())]))[0])
        errors = partial(counted, self.layout, self.weather, self.uptime, self.noise, faults)
        self._diary = Diary(len(self.layout.lines.id), first_day, self.uptime.day, errors)

    @property
    def olts(self) -> tuple[Olt, ...]:
        return self.layout.olts

    @property
    def devices(self) -> tuple[str, ...]:
        """Ids of the OLTs and CMTSs."""
        return (*(o.id for o in self.olts), *(c.id for c in (self.hfc.layout.cmts if self.hfc else ())))

    def told(self, olt: Olt, times: npt.NDArray[np.int64]) -> Told:
        """What one OLT tells at ascending UTC seconds; see simulator/telling.py for shapes."""
        told = self._smooth(olt, times)
        return told if self.rough is None else self.rough.told(told, self._smooth)

    def _smooth(self, olt: Olt, times: npt.NDArray[np.int64]) -> Told:
        return tell(self.layout, olt, times, self.weather, self.faults, self.noise, self._diary)

    def readings(self, time: datetime) -> list[Batch]:
        """All lines and PON ports at one moment: the same figures the agents serve and history holds."""
        times = np.array([int(time.timestamp())], np.int64)
        batches = []
        for olt in self.olts:
            told = self.told(olt, times)
            keep = np.ones(1, bool)
            batches += [
                line_batch(self.layout, told, keep, serials=self._tells_serials(olt)),
                pon_batch(self.layout, told, keep),
            ]
        return [*batches, *(self.hfc.batches(times) if self.hfc else ())]

    def history(self, days: int | None = None, step_s: int = 3600, end: datetime | None = None) -> Iterator[Batch]:
        """The past of `days` (all of it by default) up to `end`, every `step_s`; one batch a device, week and kind."""
        until = int((end or self.end).timestamp())
        begin = max(until - (days or self.days) * 86400, int(self.start.timestamp()))
        for times in steps_between(begin, until, step_s):
            for olt in self.olts:
                keep = self._asked(olt, times)
                told = self.told(olt, times)
                yield line_batch(self.layout, told, keep, serials=self._tells_serials(olt))
                yield pon_batch(self.layout, told, keep)
            if self.hfc is not None:
                yield from self.hfc.batches(times)

    def truth(self) -> list[dict[str, Any]]:
        """Ground truth, one entry a fault, in the form of findings."""
        told = [ground_truth(f, self.layout.lines.id) for f in self.faults]
        if self.hfc is not None:
            told += [ground_truth(f, self.hfc.layout.modems.id) for f in self.hfc.faults]
        return told

    def outages(self) -> list[dict[str, Any]]:
        """Planned works and mains outages of the history: seen by many lines, and no finding."""
        first, last = (int(local_day(np.array([int(t.timestamp())]))[0]) for t in (self.start, self.end))
        return [
            {
                "kind": o.kind,
                "place": o.place,
                "from": datetime.fromtimestamp(o.start, UTC).isoformat(),
                "until": datetime.fromtimestamp(o.end, UTC).isoformat(),
                "lines": o.lines,
            }
            for o in chain(self.uptime.outages(first, last), self.hfc.outages(first, last) if self.hfc else ())
        ]

    def settings(self) -> dict[str, Any]:
        """What makes this plant again: World(**settings)."""
        return {
            "seed": self.seed, "olts": len(self.olts), "onts": len(self.layout.lines.id), "areas": self.areas,
            "faults": len(self.faults), "end": self.end.isoformat(), "days": self.days,
            "repairs": self.repairs, "growing": self.growing, "classes": list(self.classes),
            "rough": self.rough is not None,
            "coax": len(self.hfc.layout.modems.id) if self.hfc else 0,
            "coax_faults": len(self.hfc.faults) if self.hfc else 0,
        }  # fmt: skip

    @classmethod
    def again(cls, settings: dict[str, Any]) -> "World":
        return cls(**{**settings, "end": datetime.fromisoformat(settings["end"])})

    def _tells_serials(self, olt: Olt) -> bool:
        return self.rough is None or not bool(self.rough.no_serials[olt.index])

    def _asked(self, olt: Olt, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the device was asked at each time: collectors miss some hours."""
        missed = self.noise.uniform(Stream.MISSED_DEVICE, olt.index, times // 3600)
        return np.asarray(missed >= physics()["telling"]["missed_device"])
