"""GET, POST /webhooks; DELETE /webhooks/{id}; POST /webhooks/{id}/resume: for administrators."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer
from api.auth import HookKeeper, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import not_found
from api.schemas.hooks import WebhookRequest, WebhookRow, WebhooksPage, WebhooksQuery
from maintenance.hooks.kinds import KINDS
from maintenance.hooks.subscriptions import Subscriptions, Webhook, WebhookNotFoundError

router = APIRouter(tags=["webhooks"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The webhook's number.")]


@router.get(
    "/webhooks", response_model=WebhooksPage, responses=errors(), summary="Who is told of what, and how it goes"
)
async def webhooks(request: Request, _: HookKeeper, query: Annotated[WebhooksQuery, Query()]) -> Response:
    found = await asyncio.to_thread(_in(parts_in(request)).all, ended=query.ended)
    return answer(request, WebhooksPage(kinds=list(KINDS), webhooks=[_row(hook) for hook in found]))


@router.post(
    "/webhooks", status_code=201, response_model=WebhookRow, responses=errors("cross-site", "other-request", "busy"),
    summary="Tell another system of changes",
)  # fmt: skip
async def subscribe(request: Request, who: HookKeeper, wanted: WebhookRequest, key: IdempotencyKey = None) -> Response:
    """Signed by the Standard Webhooks convention, in the order of each ticket, until the receiver answers 2xx."""
    parts = parts_in(request)

    async def work(_: str | None) -> Response:
        made = await asyncio.to_thread(
            lambda: _in(parts).subscribe(
                wanted.url, secret=wanted.secret, kinds=wanted.kinds, areas=wanted.areas, actor=who.name,
                now=parts.clock(),
            )
        )  # fmt: skip
        return Response(_row(made).model_dump_json(), 201, media_type="application/json")

    return await once(request, who, key, work)


@router.delete(
    "/webhooks/{number}", response_model=WebhookRow, responses=errors("not-found", "cross-site"),
    summary="End a webhook",
)  # fmt: skip
async def end(request: Request, _: HookKeeper, number: Number) -> Response:
    """What waits for it is set aside."""
    return answer(request, await _done(_in(parts_in(request)).end, number))


@router.post(
    "/webhooks/{number}/resume", response_model=WebhookRow, responses=errors("not-found", "cross-site"),
    summary="Try a webhook again now",
)  # fmt: skip
async def resume(request: Request, _: HookKeeper, number: Number) -> Response:
    """Also what was set aside, and after the receiver had said that it is gone."""
    return answer(request, await _done(_in(parts_in(request)).resume, number))


async def _done(what: Callable[[int], Webhook], number: int) -> WebhookRow:
    try:
        return _row(await asyncio.to_thread(what, number))
    except WebhookNotFoundError:
        raise not_found("webhook", str(number), remedy="list /api/v1/webhooks to see the numbers there are") from None


def _in(parts: Parts) -> Subscriptions:
    return Subscriptions(parts.ledger.engine)


def _row(hook: Webhook) -> WebhookRow:
    return WebhookRow(**hook.to_json())
