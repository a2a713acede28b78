"""Settings of the analyzer: defaults in settings.yaml, and how they are overridden."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Family:
    """One scanned figure: least noise believed and least rise worth a trip (of a line, of a shared node).

    A growth half way is worth one too if it will be of the least size in `ahead_days`.
    """

    floor: float
    material: float
    unit: str
    node_material: float = 0.0
    ahead_days: float = 0.0


@dataclass(frozen=True)
class CoverageLimits:
    margin_db: float
    bad_codewords: float
    speed_share: float
    coax_ds_power_dbmv: float
    coax_ds_snr_db: float
    coax_us_power_dbmv: tuple[float, float]
    coax_reflection_dbc: float


@dataclass(frozen=True)
class Settings:
    """See settings.yaml for what each figure means."""

    window_days: int
    block_lines: int
    least_days: int
    false_discovery_rate: float
    node_share: float
    node_lines: int
    common_lines: int
    common_pons: int
    concordant_days: int
    leg_correlation: float
    outage_share: float
    recent_days: int
    still_there: float
    gone_share: float
    hold_days: int
    meter_steps: float
    families: Mapping[str, Family]
    coupling_z: float
    coupling_db: float
    errors_least: Mapping[str, float]
    drops_least: float
    rogue_share: float
    excess_db: float
    excess_z: float
    weak_margin_db: float
    coax_us_snr_db: float
    coax_lost: float
    dark_days: int
    laser_limit: float
    olt_tx_fall_db: float
    olt_bias_rise: float
    forecast_days: float
    pace_days: int
    paces: Mapping[str, tuple[float, float]]
    horizon_days: float
    crew_hours: Mapping[str, float]
    travel_hours: Mapping[str, float]
    least_worth: float
    coverage: CoverageLimits

    @classmethod
    def load(cls, override: Path | Mapping[str, Any] | None = None) -> "Settings":
        """The defaults, with the entries of `override` (a YAML file or a mapping) in their place.

        Raises ValueError naming an entry that does not exist or does not fit.
        """
        merged = yaml.safe_load((files("analyzer") / "settings.yaml").read_text(encoding="utf-8"))
        source = "settings"
        if isinstance(override, Path):
            source = str(override)
            override = yaml.safe_load(override.read_text(encoding="utf-8")) or {}
        _merge(merged, override or {}, source)
        families = {name: Family(**entry) for name, entry in merged.pop("families").items()}
        limits = merged.pop("coverage")
        limits["coax_us_power_dbmv"] = tuple(limits["coax_us_power_dbmv"])
        paces = {cause: (float(slow), float(quick)) for cause, (slow, quick) in merged.pop("paces").items()}
        return cls(families=families, paces=paces, coverage=CoverageLimits(**limits), **merged)


def _merge(into: dict[str, Any], override: Mapping[str, Any], where: str) -> None:
    for key, value in override.items():
        if key not in into:
            raise ValueError(f'{where}: "{key}" is no setting of the analyzer; expected one of: {", ".join(into)}')
        if isinstance(into[key], dict):
            if not isinstance(value, Mapping):
                raise ValueError(f'{where}: "{key}" holds entries ({", ".join(into[key])}), not {value!r}')
            _merge(into[key], value, f"{where}: {key}")
        elif isinstance(value, bool) or not isinstance(value, type(into[key]) | int | float):
            raise ValueError(f'{where}: "{key}" is {value!r}; expected something like {into[key]!r}')
        else:
            into[key] = value
