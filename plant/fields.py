"""The reading columns: names that carry their unit, their kind and their valid range (data in fields.yaml)."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import pyarrow as pa
import yaml

Kind = Literal["gauge", "counter", "state", "text"]


@dataclass(frozen=True)
class Field:
    """One reading column. `low`/`high` bound what can be a reading at all, in `unit`."""

    name: str
    of: Literal["line", "pon", "coax"]
    kind: Kind
    unit: str
    en: str
    zh: str
    low: float | None = None
    high: float | None = None
    decimals: int = 2
    bits: int = 64
    words: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.DataType:
        """The column's type in a batch: float32 gauges, int64 counters, strings otherwise."""
        return {"gauge": pa.float32(), "counter": pa.int64()}.get(self.kind, pa.string())


@cache
def fields() -> dict[str, Field]:
    """All fields by name, in the order of fields.yaml."""
    loaded = yaml.safe_load((files("plant") / "fields.yaml").read_text(encoding="utf-8"))
    return {
        name: Field(name=name, **{**entry, "words": tuple(entry.get("words", ()))}) for name, entry in loaded.items()
    }
