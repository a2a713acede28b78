"""Findings of the analyzer as TMF642 alarms: raised when found, cleared when their ticket is closed."""

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from api.tmf.mapping import mapping
from maintenance.rules import Rules
from maintenance.ticket import StoredFinding, Ticket

BASE = "/api/v1/tmf-api/alarm/v4"
SYSTEM = "lightline"
LINES_SHOWN = 100


def alarm(found: StoredFinding, ticket: Ticket | None, rules: Rules, zone: str) -> dict[str, Any]:
    """`ticket` is the one that covers the finding, None where it was recorded only. Onset is a day of `zone`."""
    words, body = mapping().alarm, found.body
    over = ticket is not None and ticket.state in words.cleared
    grade = "cleared" if over else "none" if ticket is None else ticket.grade
    kind, probable = words.cause[body["cause"]]
    seen = ticket is not None and ticket.state not in ("proposed", "open")
    onset = datetime.combine(datetime.fromisoformat(body["onset"]).date(), time(), ZoneInfo(zone))
    figures = "; ".join(f"{name} {_figure(value)}" for name, value in list(body["evidence"].items())[:8])
    out = {
        "id": found.id, "href": f"{BASE}/alarm/{found.id}", "@type": "Alarm", "alarmType": kind,
        "probableCause": probable, "specificProblem": body["cause"], "perceivedSeverity": words.severity[grade],
        "state": "cleared" if over else "raised", "ackState": "acknowledged" if seen else "unacknowledged",
        "alarmRaisedTime": onset.isoformat(), "alarmReportingTime": found.at.isoformat(),
        "alarmChangedTime": (ticket.changed_at if ticket else found.at).isoformat(),
        "alarmClearedTime": (ticket.closed_at or ticket.changed_at).isoformat() if ticket and over else None,
        "alarmDetails": figures or None, "alarmEscalation": ticket is not None and ticket.escalation is not None,
        "isRootCause": True, "alarmedObjectType": body["place"].partition(":")[0],
        "alarmedObject": {"id": body["place"]},
        "affectedService": [{"id": line} for line in body["lines"][:LINES_SHOWN]],
        "proposedRepairedActions": rules.causes[body["cause"]].bring_en, "sourceSystemId": SYSTEM,
        "reportingSystemId": SYSTEM,
    }  # fmt: skip
    return {name: value for name, value in out.items() if value not in (None, [])}


def _figure(told: Any) -> str:
    if isinstance(told, dict) and "value" in told:
        return f"{told['value']} {told.get('unit', '')}".strip()
    return str(told)
