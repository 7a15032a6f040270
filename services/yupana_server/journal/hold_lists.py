"""Lists of holds: the open ones, the expired ones, and those that are due.

Which holds to show comes from the projection and, for what it lacks yet, from the journal. How a
hold stands is always read from the newest entry about it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.evolve import hold_of
from yupana_server.journal.marks import FOLDED, NOT_BEHIND, VERSION, Projection, here, tail_of
from yupana_server.journal.pieces import TAIL, micros, moment
from yupana_server.journal.points import HoldRow
from yupana_server.journal.reads import ENTRIES, JournalReader
from yupana_server.journal.rows import decode


class HoldPage(NamedTuple):
    """A page of holds."""

    seq: int
    """The book's tail in the snapshot that the page was read from."""
    rows: list[HoldRow]
    next_seq: int | None
    """What the next page follows; None when there is none."""


class DueHold(NamedTuple):
    """A hold whose deadline has come, as far as the projection knows."""

    book_id: str
    hold: str
    expires_at: int
    waits: bool
    """Whether it is still open, by the journal."""


_NOW = micros("statement_timestamp()")
_OLDEST = "ORDER BY seq LIMIT %(limit)s"
_PROJECTED = f"""
    SELECT hold, created_seq AS seq FROM yupana.open_holds
    WHERE book = %(book)s AND version = {VERSION} AND created_seq > %(after)s
"""
_LATER = f"""
    SELECT hold, seq FROM yupana.journal
    WHERE book = %(book)s AND seq > {FOLDED} AND seq > %(after)s AND reason IS NULL
        AND kind = {int(Kind.HOLD)}
"""
_ALL_OPEN = f"({_PROJECTED} {_OLDEST}) UNION ALL ({_LATER} AND {NOT_BEHIND} {_OLDEST})"
# By account the journal has an index of what concerns holds, so no lag is too much.
_OPEN_OF_ACCOUNTS = (
    "SELECT DISTINCT hold, seq FROM unnest(%(accounts)s::text[]) AS wanted (account) "
    "CROSS JOIN LATERAL ("
    + " UNION ALL ".join(
        f"({holds} AND {side}_account = wanted.account AND hold IS NOT NULL {_OLDEST})"
        for holds in (_PROJECTED, _LATER)
        for side in ("debit", "credit")
    )
    + ") holds"
)


def _open_page(candidates: str) -> str:
    return f"""
        WITH {here(Projection.OPEN_HOLDS, since="greatest(folded, %(after)s)")},
        candidates AS MATERIALIZED (SELECT hold, seq FROM ({candidates}) found {_OLDEST})
        SELECT here.tail, here.lag, {_NOW}, candidates.seq, created.hold_group, created.at, newest.*
        FROM here LEFT JOIN candidates ON true
        LEFT JOIN LATERAL (
            SELECT hold_group, {micros("recorded_at")} AS at FROM yupana.journal
            WHERE book = %(book)s AND seq = candidates.seq
        ) created ON true
        LEFT JOIN LATERAL (
            {ENTRIES} AND hold = candidates.hold AND reason IS NULL ORDER BY seq DESC LIMIT 1
        ) newest ON true
        ORDER BY candidates.seq
    """


def _with_creation(changes: str) -> str:
    """Return the statement that reads holds, given the seqs of the entries that show them."""
    return f"""
        SELECT here.tail, 0, {_NOW}, created.seq, created.hold_group, created.at, shown.*
        FROM (SELECT {TAIL} AS tail) here LEFT JOIN ({changes}) changes ON true
        LEFT JOIN LATERAL (
            SELECT seq, hold_group, {micros("recorded_at")} AS at FROM yupana.journal
            WHERE book = %(book)s AND hold = changes.hold AND reason IS NULL ORDER BY seq LIMIT 1
        ) created ON true
        LEFT JOIN LATERAL ({ENTRIES} AND seq = changes.seq) shown ON true
        ORDER BY changes.seq DESC
    """


_EXPIRIES = f"""
    SELECT hold, seq FROM yupana.journal
    WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.EXPIRY)} AND seq < %(before)s
"""
_NEWEST = "ORDER BY seq DESC LIMIT %(limit)s"
_ALL_EXPIRED = _with_creation(f"{_EXPIRIES} {_NEWEST}")
_EXPIRED_OF_ACCOUNT = _with_creation(
    "SELECT hold, seq FROM ("
    + " UNION ALL ".join(
        f"({_EXPIRIES} AND {side}_account = %(account)s {_NEWEST})" for side in ("debit", "credit")
    )
    + f") expiries {_NEWEST}"
)
_ONE = _with_creation(
    "SELECT hold, seq FROM yupana.journal WHERE book = %(book)s AND hold = %(hold)s "
    "AND reason IS NULL ORDER BY seq DESC LIMIT 1"
)
_DUE = f"""
    SELECT b.id, due.hold, {micros("due.expires_at")},
        newest.hold_remaining > 0 AND newest.hold_expires_at <= statement_timestamp()
    FROM (
        SELECT book, version, hold, expires_at FROM yupana.open_holds
        WHERE expires_at > {moment("after")} AND expires_at <= statement_timestamp()
        ORDER BY expires_at LIMIT %(limit)s
    ) due
    JOIN yupana.projections p ON p.book = due.book AND p.version = due.version
        AND p.projection = '{Projection.OPEN_HOLDS.value}' AND p.state = 'live'
    JOIN yupana.books b ON b.book = due.book
    CROSS JOIN LATERAL (
        SELECT hold_remaining, hold_expires_at FROM yupana.journal j
        WHERE j.book = due.book AND j.hold = due.hold AND j.reason IS NULL
        ORDER BY j.seq DESC LIMIT 1
    ) newest
    ORDER BY due.expires_at
"""


class HoldLists:
    """Reads holds. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def one(self, book: int, hold: str) -> HoldRow | None:
        """Return a hold as it stands, None when there is none."""
        page = _page(await self._reader.rows(_ONE, {"book": book, "hold": hold}), 1)
        return page.rows[0] if page.rows else None

    async def open(self, book: int, *, after: int, limit: int) -> HoldPage:
        """List the holds that are open, also those that are due, in the order of their creation.

        A page may be shorter than asked for and yet not be the last.

        Raises:
            ProjectionBehindError: The open holds have fallen too far behind.
        """
        parameters = {"book": book, "after": after, "limit": limit + 1}
        rows = await self._reader.rows(_open_page(_ALL_OPEN), parameters)
        tail_of(Projection.OPEN_HOLDS, rows)
        return _without_closed(_page(rows, limit))

    async def open_of(
        self, book: int, accounts: Sequence[str], *, after: int, limit: int
    ) -> HoldPage:
        """List the same, of some accounts."""
        parameters = {"book": book, "accounts": list(accounts), "after": after, "limit": limit + 1}
        rows = await self._reader.rows(_open_page(_OPEN_OF_ACCOUNTS), parameters)
        return _without_closed(_page(rows, limit))

    async def expired(self, book: int, *, account: str | None, before: int, limit: int) -> HoldPage:
        """List expired holds, of an account or all, the last expired first."""
        statement = _ALL_EXPIRED if account is None else _EXPIRED_OF_ACCOUNT
        parameters: Mapping[str, Any] = {
            "book": book, "account": account, "before": before, "limit": limit + 1
        }  # fmt: skip
        page = _page(await self._reader.rows(statement, parameters), limit)
        if page.next_seq is None:
            return page
        return page._replace(next_seq=page.rows[-1].hold.last_seq)

    async def due(self, *, after: int, limit: int) -> list[DueHold]:
        """Return holds of all books whose deadlines lie between a time and now, in their order."""
        parameters = {"after": after, "limit": limit}
        return [DueHold(*row) for row in await self._reader.rows(_DUE, parameters)]


def _page(rows: Sequence[Sequence[Any]], limit: int) -> HoldPage:
    found = [row for row in rows if row[3] is not None]
    shown = [
        HoldRow(hold_of(decode(newest)[0]), group, created_at, seq, now)
        for _, _, now, seq, group, created_at, *newest in found[:limit]
        if newest[0] is not None
    ]
    next_seq = int(found[limit - 1][3]) if len(found) > limit else None
    return HoldPage(int(rows[0][0]), shown, next_seq)


def _without_closed(page: HoldPage) -> HoldPage:
    """Leave out what was closed since the projection."""
    return page._replace(rows=[row for row in page.rows if row.hold.remaining])
