"""A clock for what is told the time."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass
class Clock:
    """Time stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)
