"""The OpenAPI description: complete, versioned, served to those who may read."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.deprecation import Retiring
from api.schemas.base import FieldError, Problem

DESCRIPTION = (
    "Everything the console shows, for programs. Every error is a problem (RFC 9457) with a remedy. Times are UTC with "
    "their zone; powers are dBm, losses and margins dB. Where there is no reading there is null, never a number."
)
TAGS = (
    ("lines", "Access lines, their newest figures and their history."),
    ("coverage", "Share of good lines by area, grid, device and PON."),
    ("tickets", "Problems with an owner and a deadline, and the findings behind them."),
    ("plant", "Devices, PON ports and the collector that asks them."),
    ("exports", "Much at once, as files, and maps."),
    ("planning", "Retrofit of old lines, covered homes, and the standing reviews."),
    ("settings", "The settings in force, files checked before they count, and the operator's own rules."),
    ("visits", "A technician's day, also where there is no reception."),
    ("webhooks", "Other systems that are told of changes."),
    ("tmforum", "Tickets and findings as TM Forum's resources."),
    ("service", "The service about itself."),
    ("session", "Signing in and out."),
    ("account", "One's own password, second factor, sessions and tokens."),
    ("people", "Users, tokens and the audit."),
)


def install(app: FastAPI, retiring: Retiring) -> None:
    """Give the app its description, made once, and the bytes to serve."""

    @cache
    def described() -> dict[str, Any]:
        told = get_openapi(
            title="Lightline",
            version="1",
            description=DESCRIPTION,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in TAGS],
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        schemas = told["components"]["schemas"]
        for model in (Problem, FieldError):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema.pop("$defs", None)
            schemas[model.__name__] = schema
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        _whole_examples(schemas)
        retiring.mark(told["paths"])
        return told

    app.openapi = described  # type: ignore[method-assign]
    app.state.openapi_json = cache(lambda: orjson.dumps(described()))


def _whole_examples(schemas: dict[str, dict[str, Any]]) -> None:
    """Put the examples back as they are written: on the way into the description they lose what is null."""
    for model in _models(BaseModel):
        extra = model.model_config.get("json_schema_extra")
        # two models of one name are told apart by their modules
        for name in (model.__name__, f"{model.__module__.replace('.', '__')}__{model.__name__}"):
            if isinstance(extra, dict) and "example" in schemas.get(name, {}):
                schemas[name]["example"] = extra["example"]


def _models(of: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in of.__subclasses__():
        if model.__module__.startswith("api.schemas"):
            yield model
        yield from _models(model)
