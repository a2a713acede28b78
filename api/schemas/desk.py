"""What a dispatcher does: tickets by hand, many at once, the queue, storms and holidays, saved views."""

from typing import Annotated, Any, cast

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.roles import Role
from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Moment, Name, Query, example
from api.schemas.tickets import Number, Text, TicketRow
from maintenance.mode_rules import ModeKind
from maintenance.ticket import Grade, TicketKind
from maintenance.views import ViewKind
from plant.finding import Cause

TICKET_EXAMPLE = cast(dict[str, Any], TicketRow.model_config["json_schema_extra"])["example"]

Note = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class TicketRequest(BaseModel):
    """What somebody asks for. Grade and cause are the rules' where they are left out, the engineer the grid's."""

    model_config = example(kind="complaint", place="line:GZ-000017", note="晚上网速慢")

    kind: TicketKind
    place: Name = Field(description="Where in the plant tree: line:ID, splitter:ID, pon:DEVICE/PON, olt:DEVICE, …")
    note: Note
    lines: Annotated[list[Name], Field(max_length=1000)] = Field(default=[], description="Empty: those of the place.")
    cause: Cause | None = None
    grade: Grade | None = None
    engineer: Name | None = None


class TicketVersion(BaseModel):
    """A ticket as it was read."""

    model_config = example(id=12, version=3)

    id: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)]
    version: Version


class ManyRequest(BaseModel):
    """One action on many tickets, each by itself."""

    model_config = example(
        action="assign", engineer="陈建国", tickets=[{"id": 12, "version": 3}, {"id": 14, "version": 1}]
    )

    tickets: Annotated[list[TicketVersion], Field(min_length=1, max_length=500)]
    action: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    note: Text = ""
    engineer: Name | None = None
    appointment_at: Moment | None = None
    part: Name | None = None
    expected_at: Moment | None = None
    cause_code: Name | None = None
    action_code: Name | None = None
    into: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = None


class Refused(Answer):
    model_config = example(id=14, why="ticket 14 is at version 2, not 1: somebody changed it")

    id: int
    why: str


class ManyAnswer(Answer):
    """What was done, and why the rest was not."""

    model_config = example(done=[TICKET_EXAMPLE], refused=[{"id": 14, "why": "somebody changed it"}])

    done: list[TicketRow]
    refused: list[Refused]


class QueueQuery(Query):
    area: Name | None = None
    grid: Name | None = None
    engineer: Name | None = None
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)


class QueueAnswer(Answer):
    """What is to be repaired, most urgent first, as the modes in force order it; what is held back comes last."""

    model_config = example(tickets=[TICKET_EXAMPLE])

    tickets: list[TicketRow]


_MODE: dict[str, Any] = {
    "id": 3, "mode": "storm", "area": "tianhe", "begins_at": "2026-11-02T02:00:00Z", "ends_at": "2026-11-03T10:00:00Z",
    "in_force": True, "source": "hand", "actor": "li", "why": "台风红色预警", "ended_at": None, "ended_by": None,
}  # fmt: skip


class ModeRow(Answer):
    model_config = example(**_MODE)

    id: int
    mode: ModeKind
    area: str | None = Field(description="Null: in all areas.")
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    in_force: bool
    source: str = Field(description="hand, calendar or feed (a weather warning).")
    actor: str
    why: str
    ended_at: AwareDatetime | None
    ended_by: str | None


class Responded(Answer):
    """Numbers of the tickets that a mode changed."""

    model_config = example(held=[12], released=[], shifted=[14], returned=[], handed_over=[])

    held: list[int]
    released: list[int]
    shifted: list[int] = Field(description="To the emergency crew.")
    returned: list[int]
    handed_over: list[int] = Field(description="Of an engineer who has left the inventory.")


class ModesAnswer(Answer):
    """In force and to come, oldest first."""

    model_config = example(modes=[_MODE])

    modes: list[ModeRow]


class ModeAnswer(Answer):
    model_config = example(
        mode=_MODE, response={"held": [12], "released": [], "shifted": [14], "returned": [], "handed_over": []}
    )

    mode: ModeRow
    response: Responded


class ModeRequest(BaseModel):
    model_config = example(mode="storm", area="tianhe", until="2026-11-03T18:00:00+08:00", why="台风红色预警")

    mode: ModeKind
    area: Name | None = Field(default=None, description="Null: all areas.")
    until: Moment
    begins: Moment | None = Field(default=None, description="Now, if left out.")
    why: Annotated[str, StringConstraints(min_length=1, max_length=500)]


_VIEW: dict[str, Any] = {
    "id": 2, "kind": "tickets", "name": "天河本周到期", "owner": "li", "mine": True, "roles": ["technician"],
    "filters": {"state": "unfinished", "area": "tianhe", "grade": ["P1", "P2"]},
    "created_at": "2026-11-02T02:00:00Z", "changed_at": "2026-11-02T02:00:00Z",
}  # fmt: skip


class ViewRequest(BaseModel):
    """Filters under a name; written over what the caller has under it."""

    model_config = example(name="天河本周到期", filters={"state": "unfinished", "area": "tianhe"}, roles=["technician"])

    name: Name
    filters: dict[Name, Name | bool | Annotated[list[Name], Field(min_length=1, max_length=50)]] = Field(
        description="As in GET /tickets or GET /lines; of tickets several values where a list stands; `q` is `text`."
    )
    kind: ViewKind = Field(default="tickets", description="The list it is of.")
    roles: Annotated[list[Role], Field(max_length=6)] = Field(default=[], description="Who else sees it.")


class ViewRow(Answer):
    model_config = example(**_VIEW)

    id: int
    kind: ViewKind
    name: str
    owner: str
    mine: bool
    roles: list[Role]
    filters: dict[str, Any]
    created_at: AwareDatetime
    changed_at: AwareDatetime


class ViewsAnswer(Answer):
    """One's own first, then those shared with one's role."""

    model_config = example(views=[_VIEW])

    views: list[ViewRow]


class ViewsQuery(Query):
    kind: ViewKind = Field(default="tickets", description="The list they are of.")


class ViewTicketsQuery(Query):
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)
    after: Number | None = Field(default=None, description="`next` of the page before.")
