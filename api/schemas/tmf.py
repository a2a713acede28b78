"""TMF621 and TMF642 resources, as far as the ledger has something to say in them. Names are TM Forum's."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.base import LONGEST_PAGE, PAGE, Answer, Moment, Name, Query

TicketStatus = Literal[
    "acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved"
]  # fmt: skip

_PARTY: dict[str, Any] = {
    "id": "天河维护部", "name": "天河维护部", "role": "responsible", "@referredType": "Organization",
}  # fmt: skip
_ENTITY: dict[str, Any] = {"id": "GZ-000017", "role": "affected", "@referredType": "line"}
_CHANGE = {"status": "acknowledged", "changeDate": "2026-11-02T02:00:00Z", "changeReason": "finding"}
_NOTE = {"id": "3", "author": "li", "date": "2026-11-02T03:00:00Z", "text": "on his way past"}
_RELATION = {"id": "7", "href": "/api/v1/tmf-api/troubleTicket/v4/troubleTicket/7", "relationshipType": "isRepeatOf"}
_TICKET: dict[str, Any] = {
    "id": "12", "href": "/api/v1/tmf-api/troubleTicket/v4/troubleTicket/12", "@type": "TroubleTicket",
    "name": "Dirty or loose connector, line GZ-000017", "description": "线路 GZ-000017 活接头脏污或松动",
    "ticketType": "inspection", "severity": "Minor", "priority": "Medium", "status": "inProgress",
    "creationDate": "2026-11-02T02:00:00Z", "lastUpdate": "2026-11-02T03:00:00Z",
    "expectedResolutionDate": "2026-11-05T10:00:00Z", "relatedParty": [_PARTY], "relatedEntity": [_ENTITY],
}  # fmt: skip
_ALARM: dict[str, Any] = {
    "id": 40, "href": "/api/v1/tmf-api/alarm/v4/alarm/40", "@type": "Alarm", "alarmType": "Communications Alarm",
    "probableCause": "Degraded signal", "specificProblem": "connector", "perceivedSeverity": "minor", "state": "raised",
    "ackState": "acknowledged", "alarmRaisedTime": "2026-10-28T00:00:00+08:00",
    "alarmReportingTime": "2026-11-02T02:00:00Z", "alarmChangedTime": "2026-11-02T03:00:00Z",
    "alarmedObjectType": "line", "alarmedObject": {"id": "line:GZ-000017"}, "affectedService": [{"id": "GZ-000017"}],
    "sourceSystemId": "lightline", "reportingSystemId": "lightline",
}  # fmt: skip


def _tmf(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(
        extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True,
        json_schema_extra={"example": example},
    )  # fmt: skip


class Party(Answer):
    model_config = _tmf(_PARTY)

    id: str
    name: str | None = None
    role: str | None = None
    referred_type: str = Field(alias="@referredType")


class Entity(Answer):
    model_config = _tmf(_ENTITY)

    id: str
    role: str
    referred_type: str = Field(alias="@referredType")


class StatusChange(Answer):
    model_config = _tmf(_CHANGE)

    status: TicketStatus
    changeDate: AwareDatetime  # noqa: N815  TM Forum's names here and below
    changeReason: str  # noqa: N815


class TmfNote(Answer):
    model_config = _tmf(_NOTE)

    id: str
    author: str
    date: AwareDatetime
    text: str


class Relation(Answer):
    model_config = _tmf(_RELATION)

    id: str
    href: str
    relationshipType: str  # noqa: N815


class TroubleTicket(Answer):
    """TMF621 4.0. With `fields` only what was asked for, `id` and `href`."""

    model_config = _tmf(_TICKET)

    id: str
    href: str
    type: Literal["TroubleTicket"] | None = Field(default=None, alias="@type")
    name: str | None = None
    description: str | None = None
    ticketType: str | None = None  # noqa: N815
    severity: str | None = None
    priority: str | None = None
    status: TicketStatus | None = None
    creationDate: AwareDatetime | None = None  # noqa: N815
    lastUpdate: AwareDatetime | None = None  # noqa: N815
    expectedResolutionDate: AwareDatetime | None = None  # noqa: N815
    resolutionDate: AwareDatetime | None = None  # noqa: N815
    statusChangeDate: AwareDatetime | None = None  # noqa: N815
    statusChangeReason: str | None = None  # noqa: N815
    externalId: str | None = None  # noqa: N815
    relatedParty: list[Party] | None = None  # noqa: N815
    relatedEntity: list[Entity] | None = None  # noqa: N815
    statusChange: list[StatusChange] | None = None  # noqa: N815
    note: list[TmfNote] | None = None
    troubleTicketRelationship: list[Relation] | None = None  # noqa: N815


class AlarmedObject(Answer):
    model_config = _tmf({"id": "line:GZ-000017"})

    id: str


class AffectedService(Answer):
    model_config = _tmf({"id": "GZ-000017"})

    id: str


class Alarm(Answer):
    """TMF642 4.0. With `fields` only what was asked for, `id` and `href`."""

    model_config = _tmf(_ALARM)

    id: int
    href: str
    type: Literal["Alarm"] | None = Field(default=None, alias="@type")
    alarmType: str | None = None  # noqa: N815
    probableCause: str | None = None  # noqa: N815
    specificProblem: str | None = None  # noqa: N815
    perceivedSeverity: str | None = None  # noqa: N815
    state: Literal["raised", "cleared"] | None = None
    ackState: Literal["acknowledged", "unacknowledged"] | None = None  # noqa: N815
    alarmRaisedTime: AwareDatetime | None = None  # noqa: N815
    alarmReportingTime: AwareDatetime | None = None  # noqa: N815
    alarmChangedTime: AwareDatetime | None = None  # noqa: N815
    alarmClearedTime: AwareDatetime | None = None  # noqa: N815
    alarmDetails: str | None = None  # noqa: N815
    alarmEscalation: bool | None = None  # noqa: N815
    isRootCause: bool | None = None  # noqa: N815
    alarmedObjectType: str | None = None  # noqa: N815
    alarmedObject: AlarmedObject | None = None  # noqa: N815
    affectedService: list[AffectedService] | None = None  # noqa: N815
    proposedRepairedActions: str | None = None  # noqa: N815
    sourceSystemId: str | None = None  # noqa: N815
    reportingSystemId: str | None = None  # noqa: N815


Fields = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class _Paged(Query):
    model_config = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)

    fields: Fields | None = Field(default=None, description="Names of attributes, separated by commas.")
    offset: int = Field(default=0, ge=0, le=2**31 - 1)
    limit: int = Field(default=PAGE, ge=1, le=LONGEST_PAGE)


class TroubleTicketsQuery(_Paged):
    status: TicketStatus | None = None
    severity: Name | None = None
    ticketType: Name | None = None  # noqa: N815
    updated_since: Moment | None = Field(
        default=None, alias="lastUpdate.gte", description="Changed at or after this time: to ask for news only."
    )


class AlarmsQuery(_Paged):
    state: Literal["raised", "cleared"] | None = None
    reported_since: Moment | None = Field(default=None, alias="alarmReportingTime.gte")


class FieldsQuery(Query):
    fields: Fields | None = Field(default=None, description="Names of attributes, separated by commas.")


_CREATE = {
    "description": "no picture since the morning", "severity": "Major", "ticketType": "complain",
    "externalId": "CRM-4711", "relatedEntity": [{"id": "GZ-000017", "role": "affected", "@referredType": "line"}],
}  # fmt: skip


class TroubleTicketCreate(BaseModel):
    """What another system asks for. `relatedEntity` names the place: `@referredType` line, pon, olt, splitter, …"""

    model_config = _tmf(_CREATE)

    description: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    severity: Name
    ticketType: Name  # noqa: N815
    externalId: Name | None = None  # noqa: N815
    name: Name | None = None
    relatedEntity: Annotated[list[Entity], Field(min_length=1, max_length=100)]  # noqa: N815
    type: Literal["TroubleTicket"] | None = Field(default=None, alias="@type")


class NewNote(BaseModel):
    model_config = _tmf({"text": "the customer called again"})

    text: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class TroubleTicketUpdate(BaseModel):
    """One change at a time: a status with its reason, a note, or an engineer as related party."""

    model_config = _tmf({"status": "cancelled", "statusChangeReason": "wrong address"})

    status: TicketStatus | None = None
    statusChangeReason: Annotated[str, StringConstraints(max_length=2000)] = ""  # noqa: N815
    expectedResolutionDate: Moment | None = Field(  # noqa: N815
        default=None, description="Of `held`: when the part that `statusChangeReason` names is expected."
    )
    note: Annotated[list[NewNote], Field(min_length=1, max_length=1)] | None = None
    relatedParty: Annotated[list[Party], Field(min_length=1, max_length=1)] | None = None  # noqa: N815


class HubRequest(BaseModel):
    """Who is to be told of trouble tickets. Messages are not signed: `POST /webhooks` makes signed ones."""

    model_config = _tmf({"callback": "https://oss.example/listener"})

    callback: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class HubAnswer(Answer):
    model_config = _tmf({"id": "1", "callback": "https://oss.example/listener"})

    id: str
    callback: str
