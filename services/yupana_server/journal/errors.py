"""What can go wrong between a ledger and its journal, in words that a writer acts on."""


class JournalError(Exception):
    """Base of the errors of this package."""


class ConflictError(JournalError):
    """R4: another writer got there first, an id is known, or the database asked to try again."""


class StrayError(JournalError):
    """R3: what was sent by a connection that is lost may still be carried out."""


class StuckError(JournalError):
    """R5: the book's row stayed locked for longer than the lock time-out."""


class PoisonError(JournalError):
    """R6: Postgres refuses a row that passed validation. Nothing of the batch was recorded."""


class UnknownCommitError(JournalError):
    """R3: the commit may or may not have happened."""


class UnavailableError(JournalError):
    """The database cannot be reached or does not take orders. Nothing was recorded."""


class HistoryChangedError(JournalError):
    """R1: the journal does not hold the entry that the state in memory rests on."""


class BookNotFoundError(JournalError):
    """There is no such book."""


class ProjectionBehindError(JournalError):
    """A projection lacks too many entries, or the feed that folds it is not running."""

    def __init__(self, projection: str, lag: int):
        super().__init__(f"the projection {projection} lacks {lag} entries")
        self.projection = projection
        self.lag = lag


class PrefixTooWideError(JournalError):
    """More accounts begin with a prefix than one list can be merged from."""

    def __init__(self, prefix: str):
        super().__init__(f"too many accounts begin with {prefix}")
        self.prefix = prefix


class OverdueError(JournalError):
    """More holds are due than one batch can expire: they go first."""
