"""The OpenAPI description: complete, versioned, served to those who may read."""

from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

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
    ("planning", "Retrofit of old lines and covered homes."),
    ("webhooks", "Other systems that are told of changes."),
    ("tmforum", "Tickets and findings as TM Forum's resources."),
    ("service", "The service about itself."),
    ("session", "Signing in and out."),
    ("account", "One's own password, second factor, sessions and tokens."),
    ("people", "Users, tokens and the audit."),
)


def install(app: FastAPI) -> None:
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
        return told

    app.openapi = described  # type: ignore[method-assign]
    app.state.openapi_json = cache(lambda: orjson.dumps(described()))
