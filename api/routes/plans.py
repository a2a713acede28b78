"""POST and GET /plans, GET /plans/{id}, POST /plans/{id}/apply: the coming days' visits, made, looked at, applied."""

import asyncio
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request, Response

from api.answers import answer
from api.auth import Caller, Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import not_found
from api.reach import chosen_areas, desk_only, reached, whole_areas
from api.schemas.plans import AppliedAnswer, LeftOut, MovedVisit, PlanAnswer, PlanRequest, PlanRow, PlansAnswer, Visit
from maintenance.dispatch import plans as keeping
from maintenance.dispatch.arranging import pins_of
from maintenance.dispatch.desk import plan_days, plan_urgent
from maintenance.dispatch.plans import KeptPlan
from maintenance.dispatch.rules import Roster
from maintenance.dispatch.work import LOOKED_AT

router = APIRouter(tags=["planning"])

PlanId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The plan's number.")]


@router.post(
    "/plans", status_code=201, response_model=PlanAnswer,
    responses=errors("not-found", "cross-site", "other-request", "busy"), summary="Plan visits",
)  # fmt: skip
async def make(request: Request, who: TicketWorker, asked: PlanRequest, key: IdempotencyKey = None) -> Response:
    """Changes no ticket: it is kept to be looked at and applied. With `urgent`, a visit for that ticket alone."""
    parts = parts_in(request)
    desk_only(who, "plan visits")

    async def work(_: str | None) -> Response:
        told = await asyncio.to_thread(_made, parts, who, asked)
        return Response(
            told.model_dump_json(), 201, {"Location": f"/api/v1/plans/{told.plan.id}"}, "application/json"
        )  # fmt: skip

    return await once(request, who, key, work)


@router.get("/plans", response_model=PlansAnswer, responses=errors(), summary="Plans of visits")
async def plans(request: Request, who: Reader) -> Response:
    """The fifty newest, of the caller's areas."""
    found = await asyncio.to_thread(parts_in(request).ledger.plans.latest)
    return answer(request, PlansAnswer(plans=[plan_row(plan) for plan in found if _seen(plan, who)]))


@router.get(
    "/plans/{plan_id}", response_model=PlanAnswer, responses=errors("not-found"), summary="A plan with its visits"
)  # fmt: skip
async def plan(request: Request, who: Reader, plan_id: PlanId) -> Response:
    return answer(request, _whole(await asyncio.to_thread(kept_plan, parts_in(request), who, plan_id)))


@router.post(
    "/plans/{plan_id}/apply", response_model=AppliedAnswer, responses=errors("not-found", "cross-site"),
    summary="Assign and schedule the tickets of a plan",
)  # fmt: skip
async def apply(request: Request, who: TicketWorker, plan_id: PlanId) -> Response:
    """Once. Each ticket by itself; one that changed since the plan was made is left alone and told."""
    parts = parts_in(request)
    desk_only(who, "plan visits")

    def applied() -> AppliedAnswer:
        kept_plan(parts, who, plan_id)
        now = parts.clock()
        kept = parts.ledger.plans.claim(plan_id, actor=who.name, role=who.role, now=now)
        done, refused = keeping.apply(parts.ledger, kept.body, actor=who.name, role=who.role, now=now)
        return AppliedAnswer(done=done, refused=[LeftOut(ticket=t, why=why) for t, why in sorted(refused.items())])

    told = await asyncio.to_thread(applied)
    request.app.state.standing.forget()
    return answer(request, told)


def _made(parts: Parts, who: Caller, asked: PlanRequest) -> PlanAnswer:
    whole_areas(who)
    inventory, now, ledger = parts.inventory(), parts.clock(), parts.ledger
    areas = chosen_areas(who, inventory, asked.areas)
    first = asked.first or now.astimezone(ZoneInfo(inventory.calendar.zone)).date()
    roster = None if asked.engineers is None else Roster(engineers=tuple(asked.engineers))
    tickets = ledger.every(state=LOOKED_AT, area=areas)
    if asked.urgent is not None:
        urgent = reached(parts, who, asked.urgent)
        made = plan_urgent(urgent, tickets, inventory, ledger.rules, first, asked.days, now, roster=roster)
    else:
        pins = {} if asked.keep is None else pins_of(kept_plan(parts, who, asked.keep))
        made = plan_days(
            tickets, inventory, ledger.rules, first, asked.days, now, roster=roster, seconds=asked.seconds, pins=pins
        )  # fmt: skip
    kept = ledger.plans.keep(
        made, actor=who.name, first=first, days=asked.days, areas=areas, now=now, urgent=asked.urgent, roster=roster
    )  # fmt: skip
    return _whole(kept)


def kept_plan(parts: Parts, who: Caller, plan_id: int) -> KeptPlan:
    """A plan that the caller may see; a problem where there is none."""
    found = parts.ledger.plans.one(plan_id)
    if not _seen(found, who):
        raise not_found("plan", str(plan_id), remedy="list /api/v1/plans to see those there are")
    return found


def _seen(plan: KeptPlan, who: Caller) -> bool:
    """A plan names customers' places and times: it is for those who see all its areas, whole."""
    if who.grids is not None:
        return False
    return who.areas is None or (plan.areas is not None and set(plan.areas) <= who.areas)


def plan_row(plan: KeptPlan) -> PlanRow:
    body = plan.body
    return PlanRow(
        id=plan.id, at=plan.at, actor=plan.actor, first=plan.first, days=plan.days,
        areas=None if plan.areas is None else list(plan.areas), urgent=plan.urgent, visits=len(body["appointments"]),
        left_out=len(body["unplanned"]), moved=len(body["moved"]), applied_at=plan.applied_at,
        applied_by=plan.applied_by,
    )  # fmt: skip


def _whole(plan: KeptPlan) -> PlanAnswer:
    body = plan.body
    return PlanAnswer(
        plan=plan_row(plan),
        visits=[Visit(**{**v, "at": datetime.fromisoformat(v["at"])}) for v in body["appointments"]],
        moved=[MovedVisit(**m) for m in body["moved"]],
        left_out=left_out(plan),
        cost=body["cost"],
        greedy_cost=body["greedy_cost"],
        travel_minutes=body["travel_minutes"],
    )


def left_out(plan: KeptPlan) -> list[LeftOut]:
    """What a plan could not take in, and why; codes since plans keep them."""
    codes = plan.body.get("reasons", {})
    return [LeftOut(ticket=int(n), why=why, **codes.get(n, {})) for n, why in plan.body["unplanned"].items()]
