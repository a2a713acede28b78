"""What all answers share."""

from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

PAGE = 50
LONGEST_PAGE = 1000

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Answer(BaseModel):
    """Base of answers: strict about what it says, so that documentation and answer stay one."""

    model_config = ConfigDict(extra="forbid")


class Query(BaseModel):
    """Base of query strings: an unknown name is an error, not a filter silently lost."""

    model_config = ConfigDict(extra="forbid")


class SparseQuery(Query):
    """Of a list: which fields of its rows are wanted."""

    fields: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, description="Fields of a row, joined by commas; all of them if not given."
    )


class Standing(Answer):
    """Figures that stand at a moment."""

    as_of: AwareDatetime = Field(description="When the figures were read from the store.")
    store_down_since: AwareDatetime | None = Field(
        description="Since when the store cannot be asked; the figures stand as of `as_of`. Null when it is well."
    )


A = TypeVar("A", bound=Answer)


def example(**members: Any) -> ConfigDict:
    """A model's configuration with its example."""
    return ConfigDict(extra="forbid", json_schema_extra={"example": members})


def _written_out(value: object) -> object:
    # pydantic would take "1700000000" for seconds since 1970: a date-time is written out here
    if isinstance(value, str) and ("-" not in value[1:] or value[10:11] not in ("T", "t")):
        raise ValueError("write a time with its zone, as in 2026-11-02T10:00:00+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]


class Problem(BaseModel):
    """RFC 9457. Every error of the service has this form."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:lightline:problem:not-found",
                "title": "There is nothing here",
                "status": 404,
                "detail": 'there is no line "GZ-0001", or it is not in your area',
                "remedy": "search with /api/v1/lines?q=",
            }
        },
    )

    type: str = Field(description="What kind of problem: urn:lightline:problem:…, listed in docs/api.md.")
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong this time.")
    remedy: str = Field(description="What to do next.")
    errors: list["FieldError"] = Field(default=[], description="Of `invalid`: each value that is wrong.")
    allowed: list[str] = Field(default=[], description="Of `transition`: what can be done with the ticket now.")
    since: AwareDatetime | None = Field(default=None, description="Of `store-down`: since when.")
    current: int | None = Field(default=None, description="Of `conflict`: the version it has now.")
    request_id: str | None = Field(default=None, description="Of `internal`: the key into the log.")


class FieldError(BaseModel):
    where: str
    message: str
