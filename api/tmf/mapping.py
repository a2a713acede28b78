"""The words of mapping.yaml, read once and checked against the ledger's."""

from functools import cache
from importlib.resources import files
from typing import Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from maintenance.ticket import GRADES, Grade, TicketKind
from maintenance.transitions import STATES, State
from plant.finding import CAUSES


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TroubleTicketWords(_Strict):
    status: dict[State, str]
    severity: dict[Grade, str]
    priority: dict[Grade, str]
    ticket_type: dict[str, TicketKind]
    patch: dict[str, tuple[str, ...]]
    event: dict[str, str]

    def kind(self, ticket_type: str) -> TicketKind | None:
        """The ledger's kind that is asked for, None where there is none such."""
        return next((kind for kind in get_args(TicketKind) if kind == ticket_type), self.ticket_type.get(ticket_type))

    def grade(self, severity: str) -> Grade | None:
        return next((grade for grade, word in self.severity.items() if word.lower() == severity.lower()), None)

    def states(self, status: str) -> tuple[State, ...]:
        """The ledger's states that are shown as `status`."""
        return tuple(state for state, word in self.status.items() if word == status)


class AlarmWords(_Strict):
    severity: dict[str, str]
    cleared: tuple[State, ...]
    cause: dict[str, tuple[str, str]]


class Mapping(_Strict):
    trouble_ticket: TroubleTicketWords
    alarm: AlarmWords

    @model_validator(mode="after")
    def _complete(self) -> Self:
        ticket = self.trouble_ticket
        lacking = (
            (set(STATES), set(ticket.status)), (set(GRADES), set(ticket.severity)), (set(GRADES), set(ticket.priority)),
            (set(CAUSES), set(self.alarm.cause)), ({*GRADES, "none", "cleared"}, set(self.alarm.severity)),
        )  # fmt: skip
        for wanted, there in lacking:
            if wanted != there:
                raise ValueError(f"mapping.yaml lacks or has too much: {', '.join(sorted(wanted ^ there))}")
        return self


@cache
def mapping() -> Mapping:
    text = (files("api") / "tmf" / "mapping.yaml").read_text(encoding="utf-8")
    return Mapping.model_validate(yaml.safe_load(text))
