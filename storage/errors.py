"""What can be wrong with a store. All are StoreUnavailableError: the caller keeps its readings and asks again."""

from plant.batch import StoreUnavailableError

__all__ = ["StoreCorruptedError", "StoreLockedError", "StoreReadOnlyError", "StoreUnavailableError"]


class StoreLockedError(StoreUnavailableError):
    """Another process writes to the store; the message names it."""


class StoreReadOnlyError(StoreUnavailableError):
    """A store opened for reading was asked to write."""


class StoreCorruptedError(StoreUnavailableError):
    """A file of the store is not what was written; the message names it and the remedy."""
