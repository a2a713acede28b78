"""Places in the plant tree, written `kind:id` as in `pon:GZ-OLT-07/0/3/1`."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

PlaceKind = Literal["line", "splitter", "pon", "olt", "node", "area"]


@dataclass(frozen=True, order=True)
class Place:
    kind: PlaceKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """`kind:id` to a Place; ValueError names what is wrong."""
        kind, colon, ident = text.partition(":")
        if not colon or not ident or kind not in get_args(PlaceKind):
            raise ValueError(
                f'"{text}" is not a place; expected one of {", ".join(get_args(PlaceKind))}, a colon, an id'
            )
        return cls(cast(PlaceKind, kind), ident)
