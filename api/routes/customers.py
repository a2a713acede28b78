"""POST /lines/{id}/customer: whose line it is and where, to those who need it now; the audit keeps why."""

from fastapi import APIRouter, Request, Response

from api.answers import answer
from api.auditing import note
from api.auth import CustomerReader
from api.describe import errors
from api.routes.context import figures_in
from api.routes.lines import LineId, row_of
from api.schemas.people import CustomerPage, Need

router = APIRouter(tags=["lines"])


@router.post(
    "/lines/{line_id:path}/customer",
    response_model=CustomerPage,
    responses=errors("not-found", "cross-site"),
    summary="A line's customer, by need",
)
async def customer(request: Request, who: CustomerReader, line_id: LineId, asked: Need) -> Response:
    """Everywhere else the reference is masked and the place is rounded to about a hundred metres."""
    snapshot = await figures_in(request).current()
    row = row_of(snapshot, who, line_id)
    told = snapshot.roster.table.slice(row, 1).to_pylist()[0]
    await note(request, "customer_shown", who, target=line_id, reason=asked.reason)
    shown = CustomerPage(line_id=line_id, customer_ref=told["customer_ref"], lat=told["lat"], lon=told["lon"])
    return answer(request, shown)
