"""Finding: what the analyzer says about a place, and what a ticket is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

from plant.place import Place

Cause = Literal[
    "macrobend", "connector", "water", "thermal", "feeder", "splitter", "olt_optics", "ont_laser", "ont_power",
    "mains_outage", "ethernet", "rogue_ont", "weak_since_install", "coax_drop", "coax_plant", "unknown",
]  # fmt: skip
CAUSES: tuple[Cause, ...] = get_args(Cause)


@dataclass(frozen=True)
class Figure:
    """A number a technician can check, with its unit."""

    value: float | str
    unit: str = ""


@dataclass(frozen=True)
class Forecast:
    """Days from the finding's day until `limit_dbm` is crossed: low and high bound a 90 % interval."""

    limit_dbm: float
    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class Finding:
    """One cause at one place. `lines` are the line ids it hits; `probability` is that of `cause`.

    `causes` holds the probability of every cause considered (sums to one with `unknown`); `worth` is the chance that a
    trip finds a fault at all. Where they were recalibrated by what was learnt, `physics` and `physics_worth` hold what
    was told before.
    """

    place: Place
    lines: tuple[str, ...]
    cause: Cause
    probability: float
    onset: date
    score: float
    evidence: Mapping[str, Figure] = field(default_factory=dict)
    forecast: Forecast | None = None
    causes: Mapping[str, float] = field(default_factory=dict)
    worth: float | None = None
    physics: Mapping[str, float] = field(default_factory=dict)
    physics_worth: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The contract's JSON form (plain dicts, lists, numbers and strings)."""
        forecast = None
        if self.forecast is not None:
            f = self.forecast
            forecast = {"limit_dbm": f.limit_dbm, "days": {"low": f.low, "mid": f.mid, "high": f.high}}
        more: dict[str, Any] = {}
        if self.worth is not None:
            more["worth"] = round(self.worth, 4)
        if self.physics:
            more["physics"] = {k: round(v, 4) for k, v in self.physics.items()}
        if self.physics_worth is not None:
            more["physics_worth"] = round(self.physics_worth, 4)
        return {
            "place": str(self.place),
            "lines": list(self.lines),
            "cause": self.cause,
            "probability": round(self.probability, 4),
            "onset": self.onset.isoformat(),
            "score": round(self.score, 4),
            "evidence": {k: {"value": v.value, "unit": v.unit} for k, v in self.evidence.items()},
            "forecast": forecast,
            "causes": {k: round(v, 4) for k, v in self.causes.items()},
            **more,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Finding":
        """Inverse of to_json. Raises ValueError or KeyError on malformed input."""
        if data["cause"] not in CAUSES:
            raise ValueError(f'cause "{data["cause"]}" is not among: {", ".join(CAUSES)}')
        forecast = None
        if data.get("forecast"):
            days = data["forecast"]["days"]
            forecast = Forecast(data["forecast"]["limit_dbm"], days["low"], days["mid"], days["high"])
        return cls(
            place=Place.parse(data["place"]),
            lines=tuple(data["lines"]),
            cause=data["cause"],
            probability=float(data["probability"]),
            onset=date.fromisoformat(data["onset"]),
            score=float(data["score"]),
            evidence={k: Figure(v["value"], v.get("unit", "")) for k, v in data.get("evidence", {}).items()},
            forecast=forecast,
            causes=dict(data.get("causes", {})),
            worth=data.get("worth"),
            physics=dict(data.get("physics", {})),
            physics_worth=data.get("physics_worth"),
        )
