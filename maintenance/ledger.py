"""The ledger of problems: findings become tickets, people act on them, new readings close them.

Every call is one transaction: all of it or nothing. Calls wait on the database; call them from threads.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from maintenance import acting, database, escalation, kpi, modes, people, queries, records, search
from maintenance.acting import Step
from maintenance.actions import applied
from maintenance.by_hand import ByHand, Request
from maintenance.calendar import WorkingCalendar
from maintenance.cap import Alert
from maintenance.changes import Change, Mark, newest, since
from maintenance.deadlines import Deadlines, kept_calendar
from maintenance.dispatch.plans import Plans
from maintenance.errors import InputError, LedgerError, NotAllowedError, TransitionError
from maintenance.escalation import Told
from maintenance.grading import higher
from maintenance.intake import Intake
from maintenance.kpi import OnTime
from maintenance.lists.importing import ImportReport, load
from maintenance.lists.reading import Row
from maintenance.mode_rules import MODE_KINDS, ModeKind
from maintenance.modes import Mode
from maintenance.past import Unfinished, unfinished_at
from maintenance.recent import Recent, recent
from maintenance.responding import Responder, Response
from maintenance.rules import Rules
from maintenance.text import moment, name, words
from maintenance.ticket import Counts, Entry, StoredFinding, TakeReport, Ticket
from maintenance.transitions import DESK, SYSTEM, row
from maintenance.verification import Judgement
from maintenance.views import Views
from maintenance.visits import VisitsOfMonth, visits_by_month
from plant.finding import Finding
from plant.inventory import Inventory

__all__ = [
    "Counts",
    "Entry",
    "Judgement",
    "Ledger",
    "OnTime",
    "Recent",
    "StoredFinding",
    "TakeReport",
    "Ticket",
    "Unfinished",
]

log = structlog.get_logger(__name__)


class Ledger:
    """Tickets, their log and the findings behind them, in one database. Safe to share between threads."""

    def __init__(self, engine: sa.Engine, rules: Rules) -> None:
        self._engine = engine
        self.rules = rules

    @classmethod
    def open(cls, url: str, rules: Rules | None = None) -> "Ledger":
        """Open (and migrate) the ledger at `url`: sqlite:///PATH or postgresql://….

        Raises InputError for an unusable address, LedgerVersionError where a newer Lightline has written it.
        """
        engine = database.connect(url)
        try:
            database.migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, rules or Rules.load())

    @property
    def engine(self) -> sa.Engine:
        """The database, for what stands beside the ledger in it: webhooks, notices, kept answers."""
        return self._engine

    @property
    def views(self) -> Views:
        """Saved views of the lists."""
        return Views(self._engine)

    @property
    def plans(self) -> Plans:
        """Plans of visits that are kept."""
        return Plans(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # findings in

    def take(self, findings: Sequence[Finding], inventory: Inventory, now: datetime) -> TakeReport:
        """Turn findings into tickets: one a cause, however many findings and lines; the same again changes nothing.

        Raises InputError when a finding cannot be kept; then none of them is.
        """
        now = moment("now", now)
        with database.writing(self._engine, alone=True) as connection:
            intake = Intake(connection, self.rules, inventory, now)
            report = intake.take(findings)
        log.info("findings_taken", findings=len(findings), opened=len(report.opened), grown=len(report.grown),
                 merged=len(report.merged), unchanged=report.unchanged, recorded=report.recorded)  # fmt: skip
        return report

    # people

    def open_by_hand(
        self, request: Request, inventory: Inventory, *, actor: str, role: str, now: datetime, key: str | None = None
    ) -> Ticket:
        """Open what a person asks for (a complaint, an installation, a retrofit job, …); technicians propose it.

        A complaint about a line that has an unfinished ticket is told there: that ticket is given back, with a grade
        and a deadline no worse than the complaint's own. `key` makes the call idempotent: the same key gives the same
        ticket. Raises InputError, NotAllowedError.
        """
        now, actor = moment("now", now), name("actor", actor)
        with database.writing(self._engine, alone=True) as connection:
            if key is not None and (known := records.recall(connection, f"key:{key}")) is not None:
                return records.one(connection, known["ticket"])
            ticket = ByHand(connection, self.rules, inventory, now).open(request, actor, role)
            if key is not None:
                records.keep(connection, f"key:{name('key', key)}", {"ticket": ticket.id})
        log.info("opened_by_hand", ticket=ticket.id, kind=request.kind, state=ticket.state)
        return ticket

    def act(
        self, ticket_id: int, action: str, *, actor: str, role: str, now: datetime, version: int, note: str = "",
        **needed: Any,
    ) -> Ticket:  # fmt: skip
        """Do what a person decided. `needed` is what the action's row of the table needs (`maintenance.transitions`).

        Raises TicketNotFoundError, TransitionError (names what is allowed now), NotAllowedError, ConflictError for a
        stale `version`, InputError for what is missing or too long.
        """
        return self.act_in_turn(
            ticket_id, [(action, needed)], actor=actor, role=role, now=now, version=version, note=note
        )

    def act_in_turn(
        self, ticket_id: int, steps: Sequence[Step], *, actor: str, role: str, now: datetime, version: int,
        note: str = "",
    ) -> Ticket:  # fmt: skip
        """Several actions on one ticket (each with what it needs), all of them or none; raises what `act` does."""
        now, actor, note = moment("now", now), name("actor", actor), words("note", note)
        with database.writing(self._engine) as connection:
            after = acting.act(
                connection, self.rules, ticket_id, steps, actor=actor, role=role, now=now, version=version, note=note
            )
        for action, _ in steps:
            log.info("ticket_changed", ticket=ticket_id, action=action, state=after.state, version=after.version)
        return after

    def act_on_many(
        self, versions: Mapping[int, int], action: str, *, actor: str, role: str, now: datetime, note: str = "",
        **needed: Any,
    ) -> tuple[list[Ticket], dict[int, str]]:  # fmt: skip
        """The same action on many tickets (number → version as read), each by itself: those done, why others not."""
        done, refused = [], {}
        for ticket_id, version in versions.items():
            try:
                done.append(
                    self.act(ticket_id, action, actor=actor, role=role, now=now, version=version, note=note, **needed)
                )
            except LedgerError as error:
                refused[ticket_id] = str(error)
        return done, refused

    def import_list(
        self, rows: Iterable[Row], inventory: Inventory, *, actor: str, role: str, now: datetime
    ) -> ImportReport:
        """Open tickets from the rows of a list (`maintenance.lists.reading.read`); the same list again opens none."""

        def opening(request: Request, key: str) -> tuple[Ticket, bool]:
            with database.reading(self._engine) as connection:
                known = records.recall(connection, f"key:{key}") is not None
            return self.open_by_hand(request, inventory, actor=actor, role=role, now=now, key=key), not known

        return load(rows, opening)

    # verification

    def awaiting_verification(self, now: datetime) -> list[Ticket]:
        """Tickets whose repair waits for new readings to confirm it, longest waiting first."""
        with database.reading(self._engine) as connection:
            return records.load(connection, queries.resolved(moment("now", now)))

    def verify(self, ticket_id: int, judgement: Judgement, now: datetime) -> Ticket:
        """Close what readings confirm, reopen with a higher grade what they refute, leave alone what is undecided.

        Raises TransitionError when the ticket is not resolved, or when the judgement is of another repair.
        """
        now = moment("now", now)
        with database.writing(self._engine) as connection:
            ticket = records.one(connection, ticket_id)
            row(ticket.state, "hold")  # the ticket must be resolved
            if judgement.resolved_at != ticket.resolved_at:
                raise TransitionError(
                    f"the judgement is of a repair at {judgement.resolved_at}, not of the last one; judge again"
                )
            if judgement.verdict == "undecided":
                return ticket
            if judgement.readings_since <= 0:
                raise InputError("a judgement without new readings decides nothing; wait for readings")
            why = "; ".join(judgement.reasons) or judgement.verdict
            deadlines, at = Deadlines.kept(connection, self.rules), max(now, ticket.changed_at)
            told = replace(ticket, evidence={**ticket.evidence, "verification": judgement.to_json()})
            if judgement.verdict == "failed":
                told = replace(told, grade=higher(ticket.grade))
            for action in ("hold", "close") if judgement.verdict == "held" else ("fail",):
                after = applied(told, row(ticket.state, action), {}, at, deadlines)
                ticket = told = records.change(
                    connection, ticket, after, action=action, at=at, actor="verification", role=SYSTEM, why=why
                )
            ticket = deadlines.warned(connection, ticket, at)
        log.info("ticket_verified", ticket=ticket_id, verdict=judgement.verdict, readings=judgement.readings_since)
        return ticket

    # the clock

    def escalate(self, now: datetime) -> list[Told]:
        """Warn before deadlines and escalate after them; each step is told once, however often this is called."""
        told = escalation.escalate(self._engine, self.rules, moment("now", now))
        if told:
            log.info("escalated", steps=len(told), tickets=len({t.ticket for t in told}))
        return told

    def begin_mode(
        self, mode: ModeKind, inventory: Inventory, *, area: str | None, until: datetime, actor: str, role: str,
        why: str, now: datetime, begins: datetime | None = None,
    ) -> Mode:  # fmt: skip
        """Begin a storm or holiday mode by hand, in one area or in all. `respond` does what it asks for."""
        now, until, begins = moment("now", now), moment("until", until), moment("from", begins or now)
        actor, why = name("actor", actor), name("why", why, limit=500)
        self._desk_only(role, "begin a mode")
        if mode not in MODE_KINDS:
            raise InputError(f'mode "{mode[:40]}" is not among: {", ".join(MODE_KINDS)}')
        if area is not None and area not in inventory.areas:
            raise InputError(f'area "{area[:40]}" is not among: {", ".join(inventory.areas)}')
        key = f"hand:{area or ''}:{mode}:{begins.isoformat()}"
        with database.writing(self._engine, alone=True) as connection:
            begun = modes.begin(connection, mode, area, begins, until, key=key, source="hand", actor=actor, why=why,
                                now=now)  # fmt: skip
        log.info("mode_begun", mode=mode, area=area, until=until.isoformat(), by=actor)
        return begun

    def end_mode(self, mode_id: int, *, actor: str, role: str, now: datetime) -> Mode:
        """End a mode before its time; one of the calendar or of a warning does not begin again."""
        self._desk_only(role, "end a mode")
        with database.writing(self._engine, alone=True) as connection:
            ended = modes.end(connection, mode_id, actor=name("actor", actor), now=moment("now", now))
        log.info("mode_ended", id=mode_id, mode=ended.mode, by=actor)
        return ended

    def modes(self, now: datetime) -> list[Mode]:
        """Modes in force and to come, oldest first."""
        with database.reading(self._engine) as connection:
            return [mode for mode in modes.known(connection, moment("now", now)) if mode.ended_at is None]

    def modes_since(self, since: datetime) -> list[Mode]:
        """Modes that were in force at some time since a moment or will be, also those ended early; oldest first."""
        with database.reading(self._engine) as connection:
            return modes.known(connection, moment("since", since))

    def warned(self, alerts: Sequence[Alert], inventory: Inventory, now: datetime) -> list[Mode]:
        """Begin and end modes as weather warnings say (`maintenance.cap.parse`)."""
        with database.writing(self._engine, alone=True) as connection:
            return modes.by_warnings(connection, alerts, self.rules.modes, inventory, moment("now", now))

    def respond(self, inventory: Inventory, now: datetime) -> Response:
        """Do and undo what modes in force ask for, those of the calendar too, and hand over the tickets of those who
        have left the inventory; the same again changes nothing."""
        now = moment("now", now)
        calendar = WorkingCalendar(inventory.calendar, self.rules.grading.hours)
        with database.writing(self._engine, alone=True) as connection:
            if self.rules.modes.calendar is not None:
                modes.by_calendar(connection, self.rules.modes.calendar, calendar, now)
            done = Responder(connection, self.rules.modes, calendar, inventory, now).respond()
            handed = people.hand_over(connection, inventory, now)
        done = replace(done, handed_over=[ticket.id for ticket in handed])
        counts = {name: len(numbers) for name, numbers in done.to_json().items()}
        if any(counts.values()):
            log.info("graded_response", **counts)
        return done

    def _desk_only(self, role: str, what: str) -> None:
        if role not in DESK:
            raise NotAllowedError(f'role "{role[:40]}" may not {what}; these may: {", ".join(DESK)}')

    # reading

    def queue(
        self,
        now: datetime,
        *,
        area: str | Sequence[str] | None = None,
        engineer: str | None = None,
        limit: int = 100,
        grid: Sequence[str] | None = None,
    ) -> list[Ticket]:
        """What is to be repaired, most urgent first, as the modes in force order it; what is held back comes last."""
        limit = queries.page(limit)
        with database.reading(self._engine) as connection:
            going = modes.in_force(connection, moment("now", now))
            waiting = [
                modes.Waiting(**row) for row in connection.execute(queries.to_do(area, engineer, grid)).mappings()
            ]
            first = heapq.nsmallest(limit, waiting, key=lambda w: modes.rank(w, going, self.rules.modes))
            found = {t.id: t for t in records.load(connection, queries.numbered([w.id for w in first]))}
        return [found[w.id] for w in first]

    def ticket(self, ticket_id: int) -> Ticket:
        """Raises TicketNotFoundError."""
        with database.reading(self._engine) as connection:
            return records.one(connection, ticket_id)

    def tickets(
        self, *, state: str | Sequence[str] | None = None, grade: str | Sequence[str] | None = None,
        area: str | Sequence[str] | None = None, department: str | Sequence[str] | None = None,
        place: str | Sequence[str] | None = None, escalation: str | Sequence[str] | None = None,
        kind: str | Sequence[str] | None = None, cause: str | Sequence[str] | None = None,
        grid: str | Sequence[str] | None = None, engineer: str | Sequence[str] | None = None,
        line: str | None = None, overdue_at: datetime | None = None, text: str | None = None,
        limit: int = 100, after: int | None = None,
    ) -> list[Ticket]:  # fmt: skip
        """Tickets that meet every condition given, by number; `after` is the last number of the page before.

        A condition may be one value or several. `overdue_at`: the repair is still to be done and was due by then.
        `text`: every word of it stands in the title, place, department, engineer or number, or is a line of it.
        `escalation`: the last step told, as in general_manager (总经理督办).
        """
        wanted = {"state": state, "grade": grade, "area": area, "department": department, "place": place,
                  "escalation": escalation, "kind": kind, "cause": cause, "grid": grid,
                  "engineer": engineer}  # fmt: skip
        overdue_at = moment("overdue_at", overdue_at) if overdue_at is not None else None
        query = queries.tickets_where(wanted, line, overdue_at, queries.page(limit), after)
        bare = line is None and overdue_at is None and all(value is None for value in wanted.values())
        with database.reading(self._engine) as connection:
            query = search.with_words(connection, query, text or "", bare=bare)
            return records.load(connection, query)

    def every(self, **wanted: Any) -> Iterator[Ticket]:
        """All tickets that meet the conditions of `tickets`, page by page."""
        after: int | None = None
        while found := self.tickets(**wanted, limit=queries.MOST, after=after):
            yield from found
            after = found[-1].id

    def log(self, ticket_id: int) -> list[Entry]:
        """The ticket's whole log, oldest first. Raises TicketNotFoundError."""
        with database.reading(self._engine) as connection:
            records.one(connection, ticket_id)
            return records.log_of(connection, ticket_id)

    def findings(
        self, *, ticket: int | None = None, since: datetime | None = None, limit: int = 100, after: int | None = None
    ) -> list[StoredFinding]:
        """Findings as they came, by number; `after` is the last number of the page before."""
        since = moment("since", since) if since is not None else None
        with database.reading(self._engine) as connection:
            return records.stored_findings(connection, ticket, since, queries.page(limit), after)

    def newest(self) -> Mark:
        """Where the log and the findings end now."""
        with database.reading(self._engine) as connection:
            return newest(connection)

    def changes(self, mark: Mark, now: datetime) -> list[Change]:
        """What was written after a mark, in order; ask again with the mark of the last one."""
        with database.reading(self._engine) as connection:
            return since(connection, mark, now)

    def recent(self, since: datetime) -> list[Recent]:
        """What became of troubles since a moment (see maintenance/recent.py)."""
        with database.reading(self._engine) as connection:
            return recent(connection, moment("since", since))

    def unfinished_at(self, moments: Sequence[datetime]) -> list[list[Unfinished]]:
        """For each of the moments, which rise, what was unfinished at it (see maintenance/past.py)."""
        with database.reading(self._engine) as connection:
            return unfinished_at(connection, [moment("moment", at) for at in moments]) if moments else []

    def counts(self, now: datetime) -> Counts:
        with database.reading(self._engine) as connection:
            return queries.counts(connection, moment("now", now))

    def on_time(self, now: datetime, areas: Collection[str] | None = None, months: int | None = None) -> list[OnTime]:
        """On-time rates by month and class of work, from the log alone (see maintenance/kpi.py); all areas or some, of
        the last `months` or of all there are."""
        now = moment("now", now)
        with database.reading(self._engine) as connection:
            zone = kept_calendar(connection).zone
            since = kpi.begin_of(now, months, zone) if months is not None else None
            return kpi.on_time(records.whole_log(connection, since, kpi.LONGEST), now, zone, areas, since)

    def visits(self) -> list[VisitsOfMonth]:
        """Visits, repeat visits and verified closures by month, from the log alone (see maintenance/visits.py)."""
        jobs = [kind for kind, row in self.rules.by_hand.kinds.items() if row.job]
        with database.reading(self._engine) as connection:
            return visits_by_month(
                records.whole_log(connection), repeat_days=self.rules.taking.repeat_days, jobs=jobs,
                zone=kept_calendar(connection).zone,
            )  # fmt: skip
