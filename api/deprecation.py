"""Operations that will go: told in every answer of theirs (RFC 9745 and RFC 8594) and in the API's description."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator
from starlette.types import Scope

NOTICE = timedelta(days=180)
PREFIX = "/api/v1"


class Deprecated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    route: str
    since: date
    ends: date
    instead: str

    @model_validator(mode="after")
    def _gives_notice(self) -> Self:
        if self.ends - self.since < NOTICE:
            raise ValueError(f"{self.route} ends {self.ends}: that is less than {NOTICE.days} days after {self.since}")
        return self


def deprecated() -> tuple[Deprecated, ...]:
    """deprecations.yaml, checked."""
    told = yaml.safe_load((Path(__file__).parent / "deprecations.yaml").read_text(encoding="utf-8"))
    return tuple(Deprecated.model_validate(row) for row in told)


class Retiring:
    """`headers` for an answer, by its route; `mark` for the description."""

    def __init__(self, rows: Iterable[Deprecated]) -> None:
        self._rows = {row.route: row for row in rows}

    def headers(self, scope: Scope) -> Mapping[str, str]:
        path = getattr(scope.get("route"), "path", "").removeprefix(PREFIX).replace(":path}", "}")
        row = self._rows.get(f"{scope['method']} {path}")
        if row is None:
            return {}
        since, ends = (datetime.combine(day, time(), UTC) for day in (row.since, row.ends))
        return {
            "Deprecation": f"@{int(since.timestamp())}",
            "Sunset": format_datetime(ends, usegmt=True),
            "Link": f'<{PREFIX}/openapi.json>; rel="deprecation"; type="application/json"',
        }

    def mark(self, paths: dict[str, dict[str, Any]]) -> None:
        for row in self._rows.values():
            method, _, path = row.route.partition(" ")
            operation = paths[PREFIX + path][method.lower()]
            operation["deprecated"] = True
            operation["description"] = f"Ends {row.ends}; use {row.instead}. {operation.get('description', '')}".strip()
