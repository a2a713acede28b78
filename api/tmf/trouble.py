"""Tickets of the ledger as TMF621 trouble tickets, whole or as they stand in the outbox."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.tmf.mapping import mapping
from maintenance.hooks.messages import Event
from maintenance.ticket import Entry, Ticket

BASE = "/api/v1/tmf-api/troubleTicket/v4"
LINES_SHOWN = 100
_EXTERNAL = re.compile(r"\nexternalId: (?P<id>[^\n]{1,200})\Z")


def href(ticket_id: int) -> str:
    return f"{BASE}/troubleTicket/{ticket_id}"


def trouble_ticket(told: Mapping[str, Any]) -> dict[str, Any]:
    """`told` holds a ticket's fields as `Ticket.to_json` gives them. What there is nothing to say of is left out."""
    words = mapping().trouble_ticket
    relations = (("repeat_of", "isRepeatOf"), ("merged_into", "isMergedInto"), ("split_from", "isSplitFrom"))
    out = {
        "id": str(told["id"]), "href": href(told["id"]), "@type": "TroubleTicket", "name": told["title_en"],
        "description": told["title_zh"], "ticketType": told["kind"], "severity": words.severity[told["grade"]],
        "priority": words.priority[told["grade"]], "status": words.status[told["state"]],
        "creationDate": told["opened_at"], "lastUpdate": told["changed_at"],
        "expectedResolutionDate": told["deadline"], "resolutionDate": told["resolved_at"],
        "relatedParty": _parties(told), "relatedEntity": _entities(told),
        "troubleTicketRelationship": [
            {"id": str(told[name]), "href": href(told[name]), "relationshipType": kind}
            for name, kind in relations if told[name] is not None
        ],
    }  # fmt: skip
    return {name: value for name, value in out.items() if value not in (None, [])}


def whole(ticket: Ticket, log: Sequence[Entry]) -> dict[str, Any]:
    """A ticket with the history of its status and what people wrote."""
    words = mapping().trouble_ticket
    out = trouble_ticket(ticket.to_json())
    changes: list[dict[str, Any]] = []
    for entry in log:
        status = words.status[entry.to_state]
        if not changes or changes[-1]["status"] != status:
            changes.append({"status": status, "changeDate": entry.at.isoformat(), "changeReason": entry.why})
    notes = [
        {"id": str(entry.version), "author": entry.actor, "date": entry.at.isoformat(), "text": entry.why}
        for entry in log
        if entry.role != "system" and entry.why
    ]
    external = _EXTERNAL.search(log[0].why) if log else None
    out |= {"statusChange": changes, "note": notes, "externalId": external["id"] if external else None}
    out |= {"statusChangeDate": changes[-1]["changeDate"], "statusChangeReason": changes[-1]["changeReason"]}
    return {name: value for name, value in out.items() if value not in (None, [])}


def words_with(description: str, external: str | None) -> str:
    """What goes into the log of a ticket that another system opened, so that its own number is found again."""
    return description if external is None else f"{description}\nexternalId: {external}"


def notification(event: Event) -> dict[str, Any]:
    """One change as the TMF621 notification of its kind."""
    events = mapping().trouble_ticket.event
    kind = events.get(event.kind, events["else"])
    return {
        "eventId": event.ident, "eventTime": event.at.isoformat(), "eventType": kind,
        "correlationId": str(event.ticket_id), "event": {"troubleTicket": trouble_ticket(event.body["ticket"])},
    }  # fmt: skip


def _parties(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    department = told["department"]
    out = [{"id": department, "name": department, "role": "responsible", "@referredType": "Organization"}]
    if told["engineer"] is not None:
        engineer = told["engineer"]
        out.append({"id": engineer, "name": engineer, "role": "engineer", "@referredType": "Individual"})
    return out


def _entities(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    kind, _, ident = told["place"].partition(":")
    out = [{"id": ident, "role": "place", "@referredType": kind}]
    return out + [
        {"id": line, "role": "affected", "@referredType": "line"}
        for line in told["lines"][:LINES_SHOWN]
        if (kind, ident) != ("line", line)
    ]
