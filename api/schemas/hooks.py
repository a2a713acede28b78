"""Webhooks: who wants to hear of what, and how delivery stands."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.schemas.base import Answer, Name, Query, example

_HOOK: dict[str, Any] = {
    "id": 1, "url": "https://oss.example/lightline", "form": "lightline", "state": "active", "created_by": "ada",
    "secret": "file:/etc/lightline/oss.secret", "kinds": ["ticket.opened"], "areas": [],
    "created_at": "2026-11-02T02:00:00Z", "failures": 0, "next_at": None, "last_ok_at": "2026-11-02T02:00:05Z",
    "failing_since": None, "trouble": None, "waiting": 0, "set_aside": 0, "oldest_waiting": None,
}  # fmt: skip

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Names = Annotated[list[Name], Field(max_length=100)]


class WebhookRequest(BaseModel):
    """Who is to hear of what. See docs/webhooks.md for how messages are signed."""

    model_config = example(
        url="https://oss.example/lightline",
        secret="file:/etc/lightline/oss.secret",
        kinds=["ticket.opened"],
        areas=[],
    )

    url: Url
    secret: Name = Field(
        description="A reference, `env:NAME` or `file:PATH`, to whsec_ and 24 bytes or more in base64."
    )
    kinds: Names = Field(default=[], description="Kinds of events; empty means all.")
    areas: Names = Field(default=[], description="Areas; empty means all.")


class WebhookRow(Answer):
    model_config = example(**_HOOK)

    id: int
    url: str
    form: Literal["lightline", "tmf621"]
    state: Literal["active", "gone", "ended"] = Field(description="gone: the receiver answered 410.")
    created_by: str
    secret: str | None = Field(description="The reference; never the secret.")
    kinds: list[str]
    areas: list[str]
    created_at: AwareDatetime
    failures: int = Field(description="In a row; after each it is left alone for longer.")
    next_at: AwareDatetime | None = Field(description="Before this it is not tried again.")
    last_ok_at: AwareDatetime | None
    failing_since: AwareDatetime | None
    trouble: str | None
    waiting: int = Field(description="Messages not delivered yet.")
    set_aside: int = Field(description="Messages refused for too long; resume tries them again.")
    oldest_waiting: int | None


class WebhooksPage(Answer):
    model_config = example(kinds=["ticket.opened"], webhooks=[_HOOK])

    kinds: list[str] = Field(description="The kinds of events there are.")
    webhooks: list[WebhookRow]


class WebhooksQuery(Query):
    ended: bool = Field(default=False, description="Also those that were ended.")
