"""Splitters that the lines tell: suggestions, and what people decided of them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.schemas.base import Answer, example

_PROPOSED = {"splitter1": "S1", "splitter2": "X1", "name": "X1", "joins": False}
_SUGGESTED = {
    "id": "0123456789ab", "pon": "GZ-OLT-01/0/1/3", "area": "tianhe", "lines": ["GZ-000017", "GZ-000018"],
    "correlation": 0.71, "days": 88, "named": [None], "rest": [], "proposal": _PROPOSED,
}  # fmt: skip
_DECIDED = {
    "id": "0123456789ab", "verdict": "accept", "at": "2026-11-02T02:00:00Z", "who": "planner",
    "pon": "GZ-OLT-01/0/1/3", "area": "tianhe", "lines": ["GZ-000017", "GZ-000018"], "splitter1": "S1",
    "splitter2": "X1", "in_force": 2,
}  # fmt: skip


class Proposed(Answer):
    """The splitters that all its lines would get."""

    model_config = example(**_PROPOSED)

    splitter1: str | None
    splitter2: str | None
    name: str = Field(description="Of the splitter; another may be given where it is new.")
    joins: bool = Field(description="The lines files know the splitter already: the other lines join it.")


class SuggestionRow(Answer):
    """Lines of one port that move together from day to day, and that the inventory does not hang on one splitter."""

    model_config = example(**_SUGGESTED)

    id: str
    pon: str
    area: str | None
    lines: list[str]
    correlation: float = Field(description="The median over their pairs, of daily changes.")
    days: int = Field(description="Days compared.")
    named: list[str | None] = Field(description="Splitters the inventory names for them; null: a line without one.")
    rest: list[str] = Field(description="Lines it hangs on one of these that do not move with them.")
    proposal: Proposed


class DecisionRow(Answer):
    model_config = example(**_DECIDED)

    id: str
    verdict: Literal["accept", "decline"]
    at: AwareDatetime
    who: str
    pon: str
    area: str | None
    lines: list[str]
    splitter1: str | None
    splitter2: str | None
    in_force: int = Field(description="Of how many lines the inventory says so now: a lines file written since wins.")


class SuggestionsPage(Answer):
    model_config = example(as_of="2026-11-02", suggestions=[_SUGGESTED], decided=[_DECIDED])

    as_of: date | None = Field(description="The day the analysis looked back from; null before its first look.")
    suggestions: list[SuggestionRow] = Field(description="Not decided yet, most lines first.")
    decided: list[DecisionRow] = Field(description="In force, newest first; `undo` takes one back.")


class DecisionRequest(BaseModel):
    model_config = example(verdict="accept", name="GZ-FDH-012-03")

    verdict: Literal["accept", "decline", "undo"]
    name: Annotated[str, StringConstraints(pattern=r"^[^\s/:,\x00-\x1f]{1,60}$")] | None = Field(
        default=None, description="Of a new splitter; the proposed one if not given."
    )
