"""What is known of audits: where they stand, what is to be done, what was found."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from yupana_server.journal.rows import Link


class Course(StrEnum):
    """Which way through a book."""

    NEWEST = "newest"
    """Follows the tail."""
    AGAIN = "again"
    """Goes over what was audited before, from the first entry, again and again."""


JobKey: TypeAlias = tuple[int, Course]


class Job(NamedTuple):
    """What is to be audited."""

    book: int
    book_id: str
    course: Course
    seq: int
    """The last entry that is audited."""
    until: int
    """The last one that is to be."""
    leased: bool
    """Another worker is at it."""

    @property
    def key(self) -> JobKey:
        """What tells it from others."""
        return self.book, self.course


class Stand(NamedTuple):
    """Where the audit of a book stands, and what is needed to go on from there."""

    seq: int
    hash: bytes | None
    """None before the first entry."""
    epoch: int
    """The book's epoch when it came there."""
    book_epoch: int
    """The book's epoch now."""
    common_seq: int | None
    """R9: the last entry that then and now have in common; None when no epoch began since."""
    hash_now: bytes | None
    """The hash of that entry in the journal today, None when it is not there."""
    recorded_at: int
    closed_before: int | None

    @property
    def intact(self) -> bool:
        """R1: whether the journal still has the entry up to which it was audited."""
        return self.hash == self.hash_now


class Difference(NamedTuple):
    """Something that the journal says and should not."""

    seq: int
    what: str
    """A constant word: ids, hash, fold, ..."""
    detail: str


class Unreadable(NamedTuple):
    """An entry that says something that cannot be read."""

    link: Link
    recorded_at: int
    epoch: int


class DifferenceRow(NamedTuple):
    """A difference that is kept."""

    book: str
    seq: int
    what: str
    detail: str
    found_at: datetime
    acknowledged_at: datetime | None


class AuditRow(NamedTuple):
    """How far a book is audited."""

    book: str
    tail: int
    newest: int
    """The last entry that was audited."""
    again: int
    """How far the present lap over the past has come."""
    again_until: int
    lap_at: datetime | None
    differences: int
    """How many nobody acknowledged."""


class Counts(NamedTuple):
    """What nobody acknowledged."""

    differences: int
    books: int
