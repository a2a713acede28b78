"""Sight: which part of the plant a caller may see, by area and by grid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sight:
    """`areas` None: all of them; `grids` None: all grids of the areas. Hashable: answers are kept by it."""

    areas: frozenset[str] | None = None
    grids: frozenset[str] | None = None

    @property
    def whole(self) -> bool:
        return self.areas is None and self.grids is None

    def sees(self, area: str | None, grid: str | None) -> bool:
        """Whether what lies in this area and grid may be shown; what lies in none is for those without that limit."""
        return (self.areas is None or area in self.areas) and (self.grids is None or grid in self.grids)

    def sees_area(self, area: str | None) -> bool:
        """Whether the area's equipment may be shown: a grid hangs from devices that other grids hang from too."""
        return self.areas is None or area in self.areas


ALL = Sight()
