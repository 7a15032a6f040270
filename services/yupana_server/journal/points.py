"""Facts read from the journal, each with the point of the journal that it was read at."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from yupana_server.book.commands import Words
from yupana_server.book.entries import Entry
from yupana_server.book.state import Hold
from yupana_server.journal.rows import Link

T = TypeVar("T")


class BookRow(NamedTuple):
    """A book as its row says."""

    number: int
    """What every table's key begins with."""
    id: str
    epoch: int
    created_at: int
    seq: int
    """Its newest entry when this was read."""
    cuts: tuple[tuple[int, int], ...] = ()
    """R9: each epoch but the first, with the last entry that it shares with the one before."""

    def last_common(self, epoch: int) -> int | None:
        """Return the last entry that an epoch shares with today's; None for one not of the past."""
        return min((common for began, common in self.cuts if began > epoch), default=None)


class TailPoint(NamedTuple):
    """The newest entry of a book; seq 0 and the genesis hash while there is none."""

    link: Link
    recorded_at: int
    closed_before: int | None = None
    """The first moment of the book's past that is not closed."""


class Loaded(NamedTuple, Generic[T]):
    """R2: facts, absence included, and the book's tail in the same snapshot."""

    seq: int
    facts: dict[str, T | None]
    epoch: int = 0
    """R9: the book's in the same snapshot, where a position is told of what was loaded."""


class Newest(NamedTuple):
    """How far a book's journal goes, and whether it is still the one that somebody knows."""

    seq: int
    epoch: int
    known_hash: bytes | None
    """Of the entry that was asked about; None when it is not there."""


class TransferRow(NamedTuple):
    """A recorded transfer with its words."""

    entry: Entry
    words: Words
    """Empty when there are none or they were erased."""

    @classmethod
    def read(
        cls,
        entry: Entry,
        labels: Mapping[str, str] | None,
        description: str | None,
        reference: str | None,
    ) -> "TransferRow":
        """Return an entry with the words that stand beside it."""
        return cls(entry, Words(labels, description or "", reference or ""))


class HoldRow(NamedTuple):
    """A hold with what only the entry that created it says."""

    hold: Hold
    group: str | None
    created_at: int
    created_seq: int
    read_at: int
    """By the database's clock, which is the same for all servers (R8)."""

    @property
    def due(self) -> bool:
        """Whether its deadline had come when it was read, so that it counts as expired."""
        return self.hold.expires_at is not None and self.hold.expires_at <= self.read_at
