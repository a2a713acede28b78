"""The synthetic walks: YAML that holds a walk and what must come of it, written out for snmpsim."""

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "walks"
NAMES = sorted(p.stem for p in FOLDER.glob("*.yaml"))
_TAGS = {"hex": "4x", "oid": "6", "c32": "65", "gauge": "66", "ticks": "67", "c64": "70"}


class _Text(yaml.SafeLoader):
    """YAML whose numbers with dots stay text: `1.1` is an index, and a reading is compared as a number anyway."""


_Text.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:float"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def synthetic_walk(name: str) -> dict[str, Any]:
    """`profile`, `walk`, `lines`, `pons` of one file."""
    return yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=_Text)  # type: ignore[no-any-return]


def write_snmprec(name: str, folder: Path) -> None:
    """The walk as snmpsim reads it: `oid|tag|value`, ascending."""
    rows: dict[tuple[int, ...], str] = {}
    for column, values in synthetic_walk(name)["walk"].items():
        for index, value in values.items():
            oid = f"{column}.{index}" if index != "" else column
            rows[tuple(map(int, oid.split(".")))] = f"{oid}|{_tagged(value)}"
    (folder / f"{name}.snmprec").write_text("\n".join(rows[key] for key in sorted(rows)) + "\n", encoding="utf-8")


def _tagged(value: Any) -> str:
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        return f"{_TAGS[kind]}|{inner}"
    return f"2|{value}" if isinstance(value, int) else f"4|{value}"
