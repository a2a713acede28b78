"""The outbox: what other systems are to hear is written in the transaction that changes the ticket, or not at all."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maintenance.hooks.kinds import kind_of
from maintenance.tables import deliveries, hook_events, webhooks
from maintenance.ticket import Ticket

TOLD = (
    "id", "kind", "place", "lines", "cause", "probability", "grade", "state", "area", "grid", "party", "department",
    "engineer", "deadline", "opened_at", "changed_at", "version", "title_en", "title_zh", "onset", "resolved_at",
    "closed_at", "appointment_at", "cause_code", "action_code", "repeat_of", "merged_into", "split_from", "reopened",
    "escalation",
)  # fmt: skip
"""What of a ticket is told: no evidence and no words that people wrote, in which a customer may be named."""


def note(
    connection: sa.Connection, ticket: Ticket, *, action: str, from_state: str | None, at: datetime, actor: str,
    changed: dict[str, Any],
) -> None:  # fmt: skip
    """Write one change for every subscription that wants it, inside the transaction that made it.

    `changed` holds the fields that are other than before. A subscription that rests or was ended gets nothing new only
    where it was ended: what happens while a receiver is away waits for it.
    """
    wanted = sa.select(webhooks.c.id, webhooks.c.kinds, webhooks.c.areas).where(webhooks.c.state != "ended")
    kind = kind_of(action)
    hearing = [number for number, kinds, areas in connection.execute(wanted)
               if (not kinds or kind in kinds) and (not areas or ticket.area in areas)]  # fmt: skip
    if not hearing:
        return
    told = ticket.to_json()
    body = {
        "action": action, "from_state": from_state, "to_state": ticket.state, "actor": actor,
        "changed": sorted(set(changed) & set(TOLD)), "ticket": {name: told[name] for name in TOLD},
    }  # fmt: skip
    written = connection.execute(
        sa.insert(hook_events).values(at=at, ticket_id=ticket.id, version=ticket.version, kind=kind, body=body)
    )
    key = written.inserted_primary_key
    event = int(key[0]) if key else 0
    connection.execute(
        sa.insert(deliveries),
        [{"webhook_id": number, "event_id": event, "ticket_id": ticket.id, "state": "waiting", "attempts": 0}
         for number in hearing],
    )  # fmt: skip
