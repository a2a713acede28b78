"""GET /board, POST /moves/consequences, POST /moves: the week by person, and a visit moved by hand."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from api.answers import answer
from api.auth import Caller, Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import ProblemError, not_found
from api.reach import desk_only, reached, scope_of, whole_areas
from api.routes.plans import kept_plan, left_out, plan_row
from api.schemas.board import (
    BoardAnswer,
    BoardMove,
    BoardPerson,
    BoardQuery,
    BoardTicket,
    BoardTotals,
    BoardVisit,
    Compared,
    MoveAnswer,
    MoveConfirmed,
    MoveDone,
    MoveEffect,
    MoveRequest,
    Span,
)  # fmt: skip
from api.schemas.plans import LeftOut
from maintenance.dispatch.arranging import agree, moved_in, placed_in
from maintenance.dispatch.board import AGREED, Board, Consequences, Placed, Shown, Totals, agreed
from maintenance.dispatch.plans import KeptPlan
from maintenance.dispatch.rules import Roster
from maintenance.dispatch.work import LOOKED_AT, MOST_DAYS, Days, not_to_plan
from maintenance.errors import StaleError
from maintenance.ticket import Ticket
from plant.inventory import Inventory

router = APIRouter(tags=["planning"])

WORK = tuple(dict.fromkeys((*LOOKED_AT, *AGREED)))
LONGEST_QUEUE = 1000


@router.get(
    "/board", response_model=BoardAnswer, responses=errors("not-found"), summary="Visits of some days by person"
)
async def board(request: Request, who: Reader, query: Annotated[BoardQuery, Query()]) -> Response:
    """What is agreed, or a plan beside it; and what waits."""
    return answer(request, await asyncio.to_thread(_board, parts_in(request), who, query))


@router.post(
    "/moves/consequences", response_model=MoveAnswer, responses=errors("not-found", "cross-site"),
    summary="What moving a visit would bring",
)  # fmt: skip
async def consequences(request: Request, who: TicketWorker, asked: MoveRequest) -> Response:
    """Changes nothing: travel, lateness, what somebody lacks, appointments that would not be kept."""
    desk_only(who, "move visits")
    return answer(request, _told(await asyncio.to_thread(lambda: _moving(parts_in(request), who, asked)[1])))


@router.post(
    "/moves", response_model=MoveDone, responses=errors("not-found", "conflict", "cross-site", "other-request", "busy"),
    summary="Move a visit",
)  # fmt: skip
async def move(request: Request, who: TicketWorker, asked: MoveConfirmed, key: IdempotencyKey = None) -> Response:
    """As its consequences were told: 409 where they would be others by now. Appointments change all or none, each in
    its ticket's log; in a plan that is not applied yet the visit is kept where it was put."""
    parts = parts_in(request)
    desk_only(who, "move visits")

    def moved() -> MoveDone:
        on, told, plan = _moving(parts, who, asked)
        if told.refused is not None:
            raise ProblemError("invalid", f"ticket {asked.ticket} cannot be moved there: {told.refused}")
        if told.digest != asked.expects:
            raise StaleError("what the move would bring is not what was told: something changed meanwhile")
        numbers = sorted(told.changes or {}, key=lambda n: n != asked.ticket)
        if plan is None:
            agree(parts.ledger.engine, parts.ledger.rules, told, actor=who.name, role=who.role, now=parts.clock())
        else:
            parts.ledger.plans.change(plan, moved_in(plan, told, on.tickets, actor=who.name))
        return MoveDone(moved=numbers, plan=asked.plan)

    async def work(_: str | None) -> Response:
        told = await asyncio.to_thread(moved)
        request.app.state.standing.forget()
        return Response(told.model_dump_json(), 200, {}, "application/json")

    return await once(request, who, key, work)


def _board(parts: Parts, who: Caller, query: BoardQuery) -> BoardAnswer:
    inventory, now, ledger = parts.inventory(), parts.clock(), parts.ledger
    today = _today(inventory, now)
    plan = None if query.plan is None else kept_plan(parts, who, query.plan)
    scope = scope_of(who, query.area)
    tickets = {} if scope is None else {t.id: t for t in ledger.every(state=WORK, **scope)}
    first, days = (query.first or today, query.days) if plan is None else (query.first or plan.first, query.days)
    stands = agreed(tickets.values())
    placed = _placed(plan, stands)
    shown = Board(tickets, placed, inventory, ledger.rules, Days.of(inventory, first, days), roster=_roster(plan))
    there = shown.placed
    queue = [] if scope is None else ledger.queue(now, area=scope["area"], grid=scope["grid"], limit=LONGEST_QUEUE)
    order = {t.id: n for n, t in enumerate(queue)}
    waiting = [t for t in tickets.values() if t.id not in placed and t.state not in AGREED]
    waiting.sort(key=lambda t: (order.get(t.id, LONGEST_QUEUE), t.id))
    told = {} if plan is None else {one.ticket: one for one in left_out(plan)}
    people = _people(shown, who, query.area)
    return BoardAnswer(
        as_of=now, today=today, days=list(shown.days), plan=None if plan is None else plan_row(plan), people=people,
        visits=[_visit(one, tickets, plan) for one in shown.shown()],
        tickets=[_ticket(tickets[n]) for n in (*there, *(t.id for t in waiting))],
        waiting=[told.get(t.id) or _waiting(t, parts) for t in waiting],
        totals=_totals(shown.totals()),
        compared=None if plan is None else _compared(plan, shown, stands, inventory, parts),
    )  # fmt: skip


def _moving(parts: Parts, who: Caller, asked: MoveRequest) -> tuple[Board, Consequences, KeptPlan | None]:
    """The board of the days that a move touches, what it would bring there, and the plan it is in."""
    whole_areas(who)
    ticket = reached(parts, who, asked.ticket)
    inventory, now, ledger = parts.inventory(), parts.clock(), parts.ledger
    plan = None if asked.plan is None else kept_plan(parts, who, asked.plan)
    if plan is not None and plan.applied_at is not None:
        raise StaleError(f"plan {plan.id} is applied: move what is agreed")
    scope = scope_of(who, None) or {}
    tickets = {t.id: t for t in ledger.every(state=WORK, **scope)} | {ticket.id: ticket}
    placed = _placed(plan, agreed(tickets.values()))
    before = placed.get(asked.ticket)
    first, days = _touched(asked.day, None if before is None else _today(inventory, before.at))
    on = Board(
        tickets, placed, inventory, ledger.rules, Days.of(inventory, first, days), roster=_roster(plan)
    )  # fmt: skip
    if not any(p.name == asked.engineer and who.sees_area(p.area) for p in on.people):
        raise not_found("engineer", asked.engineer, remedy="see `people` of /api/v1/board for those there are")
    return on, on.consequences(asked.ticket, asked.engineer, asked.day, now, at=asked.at), plan


def _placed(plan: KeptPlan | None, stands: Mapping[int, Placed]) -> dict[int, Placed]:
    """What is agreed, with a plan's visits over it; those that were applied are agreed."""
    given = {} if plan is None else placed_in(plan)
    same = {n for n in {*given} & {*stands} if (stands[n].engineer, stands[n].at) == (given[n].engineer, given[n].at)}
    return {**stands, **given, **{n: stands[n] for n in same}}


def _touched(day: date, before: date | None) -> tuple[date, int]:
    """First day and number of days from one to the other; the new one alone where they are too far apart."""
    if before is None or abs((day - before).days) >= MOST_DAYS:
        return day, 1
    return min(day, before), abs((day - before).days) + 1


def _compared(
    plan: KeptPlan, shown: Board, stands: Mapping[int, Placed], inventory: Inventory, parts: Parts
) -> Compared:
    now = Board(shown.tickets, stands, inventory, parts.ledger.rules, shown.days, roster=_roster(plan))
    gone = {m["ticket"]: m for m in plan.body["moved"] if m["at"] is None}
    moved = []
    for number, old in sorted(stands.items(), key=lambda one: one[1].at):
        new = None if number in gone else shown.placed.get(number, old)
        if number in gone or (new is not None and (new.engineer, new.at) != (old.engineer, old.at)):
            engineer, at = (None, None) if new is None else (new.engineer, new.at)
            moved.append(
                BoardMove(
                    ticket=number, engineer_before=old.engineer, at_before=old.at, engineer=engineer, at=at
                )
            )  # fmt: skip
    new_ones = [n for n, p in sorted(shown.placed.items(), key=lambda one: one[1].at) if n not in stands]
    return Compared(agreed=_totals(now.totals()), new=new_ones, moved=moved)


def _people(shown: Board, who: Caller, area: str | None) -> list[BoardPerson]:
    """Those of the areas shown, in the inventory's order; then whoever else has a visit."""
    found: dict[str, BoardPerson] = {}
    zero = shown.days.zero
    for person in shown.people:
        if not who.sees_area(person.area) or area not in (None, person.area):
            continue
        row = found.setdefault(person.name, BoardPerson(engineer=person.name, areas=[], shifts=[]))
        row.areas.append(person.area)
    for route in shown.routes.values():
        begin, end = (zero + timedelta(minutes=m) for m in (route.shift.begin, route.shift.end))
        known = found.get(route.shift.engineer)
        if known is not None and all(s.begin != begin for s in known.shifts):
            known.shifts.append(Span(begin=begin, end=end))
    for placed in shown.placed.values():
        found.setdefault(placed.engineer, BoardPerson(engineer=placed.engineer, areas=[], shifts=[]))
    return list(found.values())


def _visit(shown: Shown, tickets: Mapping[int, Ticket], plan: KeptPlan | None) -> BoardVisit:
    placed = shown.placed
    versions = {} if plan is None else {a["ticket"]: a["version"] for a in plan.body["appointments"]}
    changed = not placed.agreed and versions.get(placed.ticket) != tickets[placed.ticket].version
    return BoardVisit(
        ticket=placed.ticket, engineer=placed.engineer, at=placed.at,
        ends=placed.at + timedelta(minutes=shown.minutes), travel_minutes=shown.travel, late_minutes=shown.late,
        agreed=placed.agreed, by=placed.by, changed=changed,
    )  # fmt: skip


def _ticket(ticket: Ticket) -> BoardTicket:
    told = {name: getattr(ticket, name) for name in BoardTicket.model_fields if name != "line_count"}
    return BoardTicket(**told, line_count=len(ticket.lines))


def _waiting(ticket: Ticket, parts: Parts) -> LeftOut:
    why = not_to_plan(ticket, parts.ledger.rules)
    return LeftOut(ticket=ticket.id, why="") if why is None else LeftOut(ticket=ticket.id, why=why, **why.to_json())


def _totals(totals: Totals) -> BoardTotals:
    return BoardTotals(**totals.__dict__)


def _told(told: Consequences) -> MoveAnswer:
    return MoveAnswer(
        ticket=told.ticket, engineer=told.engineer, refused=told.refused, at=told.at,
        ends=None if told.at is None else told.at + timedelta(minutes=told.minutes),
        engineer_before=told.engineer_before, at_before=told.at_before, travel_minutes_before=told.travel_before,
        travel_minutes=told.travel,
        effects=[MoveEffect(**{**effect.__dict__, "names": list(effect.names)}) for effect in told.effects],
        expects=None if told.at is None else told.digest,
    )  # fmt: skip


def _roster(plan: KeptPlan | None) -> Roster | None:
    kept = None if plan is None else plan.body.get("roster")
    return None if kept is None else Roster.model_validate(kept)


def _today(inventory: Inventory, at: datetime) -> date:
    return at.astimezone(ZoneInfo(inventory.calendar.zone)).date()
