"""Limits of what is told to other systems, read from hooks.yaml."""

import ipaddress
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator


class HookRules(BaseModel):
    """See hooks.yaml. Times in seconds but where the name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[str, ...] = ()
    timeout_s: float = Field(gt=0, le=60)
    first_wait_s: float = Field(gt=0)
    longest_wait_s: float = Field(gt=0)
    give_up_hours: float = Field(gt=0)
    keep_days: int = Field(ge=1)
    batch: int = Field(ge=1, le=10_000)

    @field_validator("allow")
    @classmethod
    def _readable(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if "/" in one:
                ipaddress.ip_network(one)  # ValueError says what is wrong with it
        return given

    def wait(self, failures: int) -> timedelta:
        """How long to wait after so many failures in a row: twice as long each time, up to the longest."""
        return timedelta(seconds=min(self.longest_wait_s, self.first_wait_s * 2 ** min(failures - 1, 30)))
