"""Answers in TM Forum's manner: chosen attributes, counts in headers."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import Response
from pydantic import BaseModel

from api.problems import ProblemError

ALWAYS = ("id", "href")


def selected(
    told: Mapping[str, Any], fields: str | None, model: type[BaseModel], *, status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """One resource, checked against its model."""
    body = _checked(told, _chosen(fields, model), model)
    return Response(orjson.dumps(body), status, dict(headers or {}), "application/json")


def page_answer(rows: Sequence[Mapping[str, Any]], total: int, fields: str | None, model: type[BaseModel]) -> Response:
    """A page of resources with `X-Total-Count` and `X-Result-Count`."""
    chosen = _chosen(fields, model)
    counts = {"X-Total-Count": str(total), "X-Result-Count": str(len(rows))}
    return Response(orjson.dumps([_checked(row, chosen, model) for row in rows]), 200, counts, "application/json")


def within(names: frozenset[str] | None) -> tuple[str, ...] | None:
    """Areas or grids a caller is limited to, as a condition; None: all."""
    return None if names is None else tuple(sorted(names))


def _checked(told: Mapping[str, Any], chosen: frozenset[str] | None, model: type[BaseModel]) -> dict[str, Any]:
    kept = {name: value for name, value in told.items() if chosen is None or name in chosen}
    return model.model_validate(kept).model_dump(mode="json", exclude_none=True, by_alias=True)


def _chosen(fields: str | None, model: type[BaseModel]) -> frozenset[str] | None:
    if fields is None:
        return None
    known = {field.alias or name for name, field in model.model_fields.items()}
    asked = {name.strip() for name in fields.split(",")}
    if strange := sorted(asked - known):
        these = ", ".join(sorted(known))
        raise ProblemError(
            "invalid", f'there is no attribute "{strange[0][:100]}"', remedy=f"choose among: {these}",
            errors=[{"where": "query.fields", "message": "unknown attribute"}],
        )  # fmt: skip
    return frozenset(asked | set(ALWAYS))
