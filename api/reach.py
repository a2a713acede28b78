"""Which tickets a caller reaches: those of the areas and grids that may be shown. What is elsewhere is not there."""

from collections.abc import Iterable, Sequence

from api.auth import Caller
from api.parts import Parts
from api.problems import ProblemError, not_found
from maintenance.ledger import Ticket
from maintenance.ownership import Whereabouts
from maintenance.transitions import DESK
from plant.inventory import Inventory
from plant.place import Place

Scope = dict[str, Sequence[str] | None]


def scope_of(who: Caller, area: str | None, grid: str | None = None) -> Scope | None:
    """`area` and `grid` to ask the ledger with; None where nothing of what was asked may be seen."""
    areas, grids = narrowed(who.areas, area), narrowed(who.grids, grid)
    return None if areas == () or grids == () else {"area": areas, "grid": grids}


def narrowed(seen: frozenset[str] | None, asked: str | None) -> Sequence[str] | None:
    """Of those that are seen the one asked for; None: all there are."""
    if seen is None:
        return None if asked is None else (asked,)
    return tuple(sorted(seen)) if asked is None else tuple({asked} & seen)


def reached(parts: Parts, who: Caller, ticket_id: int) -> Ticket:
    """The ticket. Raises TicketNotFoundError, or a problem for one of elsewhere."""
    found = parts.ledger.ticket(ticket_id)
    if not who.sees(found.area, found.grid):
        raise not_found("ticket", str(ticket_id), remedy="list /api/v1/tickets to see the numbers there are")
    return found


def reaches_place(parts: Parts, who: Caller, inventory: Inventory, place: str, lines: Iterable[str]) -> bool:
    """Whether what a person asks for at a place would be a ticket he sees; also for what cannot be read: the ledger
    says what is wrong with it."""
    if who.sight.whole:
        return True
    try:
        parsed = Place.parse(place)
    except ValueError:
        return True
    named = tuple(lines)
    whereabouts = Whereabouts(inventory, [parsed], named)
    named = named or whereabouts.lines_of(parsed)
    owner = whereabouts.owner(parsed, named, "unknown", parts.ledger.rules.responsibility)
    return who.sees(owner.area, owner.grid)


def desk_only(who: Caller, what: str) -> None:
    """A problem for whoever does not dispatch."""
    if who.role not in DESK:
        raise ProblemError("not-allowed", f"role {who.role} may not {what}; these may: {', '.join(DESK)}")


def whole_areas(who: Caller) -> None:
    """A problem for who sees some grids of an area only: plans and modes are of whole areas."""
    if who.grids is not None:
        raise ProblemError("not-allowed", "plans and modes are of whole areas; you see some grids only")


def chosen_areas(who: Caller, inventory: Inventory, asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """The areas asked for, as far as they are seen; None: all. A problem for one there is not."""
    if asked:
        if strange := [area for area in asked if area not in inventory.areas or not who.sees_area(area)]:
            raise not_found("area", strange[0], remedy="see /api/v1/system for the areas there are")
        return tuple(sorted(set(asked)))
    return None if who.areas is None else tuple(sorted(who.areas))
