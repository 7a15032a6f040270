"""Leases of books: so that of several processes one alone does a piece of work for a book.

A lease lasts by the database's clock. Who holds it renews it; who dies loses it when it runs out.
All statements come from whoever holds or wants leases, a few a second however many books there are.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from yupana_server.journal.reads import JournalReader

_HERE = """
    INSERT INTO yupana.lease_holders (work, holder, here_until)
    VALUES (%(work)s, %(holder)s, clock_timestamp() + %(length)s::interval)
    ON CONFLICT (work, holder) DO UPDATE SET here_until = EXCLUDED.here_until
    RETURNING holder
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM yupana.books), (
        SELECT count(*) FROM yupana.lease_holders
        WHERE work = %(work)s AND (here_until > clock_timestamp() OR holder = %(holder)s)
    )
"""
_RENEW = """
    UPDATE yupana.leases SET leased_until = clock_timestamp() + %(length)s::interval
    WHERE work = %(work)s AND holder = %(holder)s AND leased_until > clock_timestamp()
    RETURNING book, fence
"""
# Whoever comes second waits for the first one's row and then finds it taken.
_TAKE = """
    INSERT INTO yupana.leases AS l (book, work, holder, leased_until)
    SELECT b.book, %(work)s, %(holder)s, clock_timestamp() + %(length)s::interval
    FROM yupana.books b LEFT JOIN yupana.leases held
        ON held.book = b.book AND held.work = %(work)s
    WHERE held.book IS NULL OR held.leased_until <= clock_timestamp()
    ORDER BY b.book LIMIT %(limit)s
    ON CONFLICT (book, work) DO UPDATE SET
        holder = EXCLUDED.holder, leased_until = EXCLUDED.leased_until, fence = l.fence + 1
    WHERE l.leased_until <= clock_timestamp()
    RETURNING book, fence
"""
_RELEASE = """
    UPDATE yupana.leases SET leased_until = '-infinity'
    WHERE work = %(work)s AND holder = %(holder)s AND book = ANY(%(books)s::integer[])
    RETURNING book
"""
_GO = """
    DELETE FROM yupana.lease_holders WHERE work = %(work)s
        AND (holder = %(holder)s OR here_until < clock_timestamp() - interval '1 hour')
    RETURNING holder
"""


class Lease(NamedTuple):
    """The right to do a piece of work for a book alone."""

    book: int
    fence: int
    """Greater than that of everyone who held it before."""


class Shares(NamedTuple):
    """What there is to share out."""

    books: int
    holders: int
    """At least 1: who asks is one."""

    @property
    def each(self) -> int:
        """How many books are one holder's share, rounded up."""
        return -(-self.books // max(1, self.holders))


class LeaseStore:
    """The leases of one holder for one piece of work.

    Every method raises UnavailableError when the database cannot answer.
    """

    def __init__(self, reader: JournalReader, *, work: str, holder: str, length_s: float):
        """`holder` is another one for each process that ever ran."""
        self._reader = reader
        self._who = {"work": work, "holder": holder}
        self._length = timedelta(seconds=length_s)

    async def show_up(self) -> Shares:
        """Say that the holder is here, and return what there is to share out."""
        await self._reader.rows(_HERE, {**self._who, "length": self._length})
        rows = await self._reader.rows(_COUNTS, self._who)
        return Shares(*rows[0])

    async def renew(self) -> dict[int, Lease]:
        """Make all leases last anew, and return those that had not run out, by book."""
        rows = await self._reader.rows(_RENEW, {**self._who, "length": self._length})
        return {row[0]: Lease(*row) for row in rows}

    async def take(self, limit: int) -> dict[int, Lease]:
        """Take up to so many leases that nobody holds, and return them, by book."""
        parameters = {**self._who, "length": self._length, "limit": limit}
        rows = await self._reader.rows(_TAKE, parameters)
        return {row[0]: Lease(*row) for row in rows}

    async def release(self, books: Iterable[int]) -> None:
        """Give leases back, for others to take at once."""
        await self._reader.rows(_RELEASE, {**self._who, "books": list(books)})

    async def go(self) -> None:
        """Say that the holder is not here any more; what it did not release runs out."""
        await self._reader.rows(_GO, self._who)
