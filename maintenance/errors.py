"""What the ledger answers when it cannot do what was asked. Every message says what to do next."""


class LedgerError(Exception):
    """Base of everything the ledger refuses."""


class TicketNotFoundError(LedgerError, KeyError):
    """No ticket has this number."""

    def __init__(self, ticket_id: int) -> None:
        self.ticket_id = ticket_id
        super().__init__(f"ticket {ticket_id} is not in the ledger; list the tickets to see the numbers there are")

    def __str__(self) -> str:
        return str(self.args[0])


class ViewNotFoundError(LedgerError, KeyError):
    """No saved view of this person has this number."""

    def __init__(self, view_id: int) -> None:
        super().__init__(f"there is no view {view_id}, or it is not shared with you; list the views")

    def __str__(self) -> str:
        return str(self.args[0])


class PlanNotFoundError(LedgerError, KeyError):
    """No kept plan has this number."""

    def __init__(self, plan_id: int) -> None:
        super().__init__(f"there is no plan {plan_id}; plans are kept for a month: make a new one")

    def __str__(self) -> str:
        return str(self.args[0])


class TransitionError(LedgerError):
    """The action does not exist in the ticket's state. `allowed` names the actions that do."""

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        self.allowed = allowed
        super().__init__(message)


class ConflictError(LedgerError):
    """Somebody changed the ticket since it was read. `current` is its version now."""

    def __init__(self, ticket_id: int, given: int, current: int) -> None:
        self.ticket_id, self.given, self.current = ticket_id, given, current
        super().__init__(
            f"ticket {ticket_id} is at version {current}, not {given}: somebody changed it; read it again, then decide"
        )


class StaleError(LedgerError):
    """What somebody decided about is not as he saw it any more."""


class NotAllowedError(LedgerError):
    """The role may not do this."""


class InputError(LedgerError, ValueError):
    """Something is missing, too long or unreadable. The message names the field."""


class RulesError(LedgerError, ValueError):
    """A rules file (grades, owners, verification, codes) does not say what it must."""


class LedgerVersionError(LedgerError):
    """The database was written by a newer Lightline, or cannot be migrated."""
