"""What the planner assumes, as data (dispatch.yaml), and who is there to be planned (a roster)."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from maintenance.ticket import Party, TicketKind


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Travel(_Strict):
    kmh: float = Field(gt=0)
    detour: float = Field(ge=1)
    parking: int = Field(ge=0)


class DispatchRules(_Strict):
    travel: Travel
    minutes: dict[str, int]
    kind_minutes: dict[TicketKind, int] = {}
    skills: dict[str, tuple[str, ...]] = {}
    parts: dict[str, tuple[str, ...]] = {}
    parties: tuple[Party, ...]

    def minutes_of(self, cause: str, kind: TicketKind) -> int:
        return self.kind_minutes.get(kind) or self.minutes.get(cause) or self.minutes.get("default", 60)


class Engineer(_Strict):
    """One person or crew. `skills` and `parts` (that are carried) None: all. `away`: days off of their own."""

    name: str = Field(min_length=1)
    area: str
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    skills: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    away: tuple[date, ...] = ()


class Roster(_Strict):
    engineers: tuple[Engineer, ...]
