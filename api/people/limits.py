"""limits.yaml, checked: how secrets are kept, and what people may do how often."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Passwords(_Strict):
    shortest: int = Field(ge=8)
    longest: int = Field(ge=64)
    score: int = Field(ge=0, le=4)
    looked_at: int


class Argon2(_Strict):
    passes: int = Field(ge=1)
    memory_kib: int = Field(ge=8192)
    lanes: int = Field(ge=1)
    at_once: int = Field(ge=1)


class SecondFactor(_Strict):
    step_s: int
    digits: int = Field(ge=6, le=8)
    drift_steps: int = Field(ge=0, le=2)
    recovery_codes: int


class Delays(_Strict):
    """By count of failures: seconds that the next attempt waits."""

    account: dict[int, int]
    address: dict[int, int]
    forgotten_s: int


class Tokens(_Strict):
    longest_days: int


class Sessions(_Strict):
    touched_s: int


class Limits(_Strict):
    passwords: Passwords
    argon2: Argon2
    second_factor: SecondFactor
    delays: Delays
    tokens: Tokens
    sessions: Sessions


@cache
def limits() -> Limits:
    text = (Path(__file__).parent / "limits.yaml").read_text(encoding="utf-8")
    return Limits.model_validate(yaml.safe_load(text))
