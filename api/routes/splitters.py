"""GET /splitters/suggestions, POST /splitters/suggestions/{id}: splitters that the lines tell, accepted by people."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.answers import answer
from api.auditing import note
from api.auth import Caller, PlantKeeper, Reader, parts_in
from api.describe import errors
from api.parts import Parts
from api.problems import ProblemError, not_found
from api.routes.context import figures_in
from api.schemas.splitters import DecisionRequest, DecisionRow, Proposed, SuggestionRow, SuggestionsPage
from plant.corrections import Decision, add_decision, before, in_force, read_decisions, standing
from plant.inventory import Inventory
from plant.suggested import Suggested, Suggestion, proposal, read_suggested, taken

router = APIRouter(tags=["plant"], prefix="/splitters")

SuggestionId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="A suggestion's id.")]


@router.get("/suggestions", response_model=SuggestionsPage, responses=errors(), summary="Splitters that lines tell")
async def suggestions(request: Request, who: Reader) -> Response:
    """As the analysis found them last. Nothing of them counts before somebody accepts it."""
    return answer(request, await asyncio.to_thread(_page, parts_in(request), who))


@router.post(
    "/suggestions/{suggestion}",
    response_model=SuggestionsPage,
    responses=errors("not-found", "conflict", "cross-site"),
    summary="Accept or decline a suggestion, or take that back",
)
async def decide(request: Request, who: PlantKeeper, suggestion: SuggestionId, asked: DecisionRequest) -> Response:
    """What is accepted counts at once, on top of the lines files, which stay as they are."""
    parts = parts_in(request)
    decision = await asyncio.to_thread(_decided, parts, who, suggestion, asked)
    if parts.corrections is not None:
        await asyncio.to_thread(add_decision, parts.corrections, decision)
    await note(
        request, "splitter", who, target=f"{decision.verdict} {decision.id}", pon=decision.pon,
        lines=len(decision.lines), splitters=[s or "" for s in decision.splitters],
    )  # fmt: skip
    figures_in(request).forget()
    return answer(request, await asyncio.to_thread(_page, parts, who))


def _page(parts: Parts, who: Caller) -> SuggestionsPage:
    inventory, found, decided = parts.inventory(), _found(parts), _standing(parts)
    return SuggestionsPage(
        as_of=found.as_of,
        suggestions=[
            _suggestion(inventory, s)
            for s in found.suggestions
            if _sees(inventory, who, s.pon) and not any(s.resembles(d.pon, d.lines) for d in decided)
        ],
        decided=[_decision(inventory, d) for d in reversed(decided) if _sees(inventory, who, d.pon)],
    )


def _decided(parts: Parts, who: Caller, ident: str, asked: DecisionRequest) -> Decision:
    """The decision to be kept; a problem where it cannot be made."""
    inventory, now = parts.inventory(), parts.clock()
    done = next((d for d in _standing(parts) if d.id == ident and _sees(inventory, who, d.pon)), None)
    if asked.verdict == "undo":
        if done is None:
            raise not_found("decision", ident, remedy="read /api/v1/splitters/suggestions again")
        return Decision("undo", ident, now, who.name, done.pon, done.lines)
    found = next((s for s in _found(parts).suggestions if s.id == ident and _sees(inventory, who, s.pon)), None)
    if found is None:
        raise not_found("suggestion", ident, remedy="read /api/v1/splitters/suggestions again")
    if done is not None:
        raise ProblemError("conflict", f"{done.who} decided it at {done.at.isoformat()}: {done.verdict}")
    if asked.verdict == "decline":
        return Decision("decline", ident, now, who.name, found.pon, found.lines)
    offered = proposal(inventory.lines, found)
    pair = offered.pair
    if asked.name is not None and asked.name != offered.name:
        if offered.joins or asked.name in taken(inventory.lines, found.pon):
            why = f'the lines join "{offered.name}"' if offered.joins else f'"{asked.name}" is a splitter already'
            raise ProblemError(
                "invalid", f"body.name: {why}", remedy="leave the name out, or choose another",
                errors=[{"where": "body.name", "message": why}],
            )  # fmt: skip
        pair = offered.named(asked.name)
    was = before(inventory.lines, found.pon, found.lines)
    return Decision("accept", ident, now, who.name, found.pon, tuple(was), pair, was)


def _found(parts: Parts) -> Suggested:
    try:
        return read_suggested(parts.suggestions) if parts.suggestions is not None else Suggested()
    except ValueError:
        return Suggested()  # of another version: the next analysis writes it anew


def _standing(parts: Parts) -> list[Decision]:
    return standing(read_decisions(parts.corrections)) if parts.corrections is not None else []


def _area(inventory: Inventory, pon: str) -> str | None:
    device = inventory.devices.get(pon.partition("/")[0])
    return device.area if device is not None else None


def _sees(inventory: Inventory, who: Caller, pon: str) -> bool:
    """A port's lines may be of several grids: who sees some grids only sees no suggestion."""
    return who.grids is None and who.sees_area(_area(inventory, pon))


def _suggestion(inventory: Inventory, found: Suggestion) -> SuggestionRow:
    offered = proposal(inventory.lines, found)
    return SuggestionRow(
        id=found.id, pon=found.pon, area=_area(inventory, found.pon), lines=list(found.lines),
        correlation=found.correlation, days=found.days, named=list(found.named), rest=list(found.rest),
        proposal=Proposed(
            splitter1=offered.pair[0], splitter2=offered.pair[1], name=offered.name, joins=offered.joins
        ),
    )  # fmt: skip


def _decision(inventory: Inventory, decision: Decision) -> DecisionRow:
    accepted = decision.verdict == "accept"
    return DecisionRow(
        id=decision.id, verdict="accept" if accepted else "decline", at=decision.at, who=decision.who,
        pon=decision.pon, area=_area(inventory, decision.pon), lines=list(decision.lines),
        splitter1=decision.splitters[0], splitter2=decision.splitters[1],
        in_force=in_force(inventory.lines, decision) if accepted else 0,
    )  # fmt: skip
