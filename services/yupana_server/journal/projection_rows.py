"""What projections say as a whole, for verification alone: it reads all of their rows."""

from typing import NamedTuple

from yupana_server.book.entries import Totals
from yupana_server.journal.marks import VERSION, Projection, here
from yupana_server.journal.reads import JournalReader


class ProjectionRows(NamedTuple):
    """What two projections of a book say, each as of the entry that it is folded up to."""

    holds_seq: int
    """0 when nothing is folded."""
    holds: frozenset[str]
    """The open ones."""
    sums_seq: int
    sums: dict[tuple[str, str], tuple[int, Totals]]
    """By prefix and asset: how many accounts there are, and what they have."""


NO_ROWS = ProjectionRows(0, frozenset(), 0, {})

_HOLDS = f"""
    WITH {here(Projection.OPEN_HOLDS)}
    SELECT here.folded, holds.hold FROM here LEFT JOIN yupana.open_holds holds
        ON holds.book = %(book)s AND holds.version = {VERSION}
"""
_SUMS = f"""
    WITH {here(Projection.PREFIX_SUMS)}
    SELECT here.folded, sums.prefix, sums.asset, sums.accounts, sums.debits_posted::text,
        sums.credits_posted::text, sums.debits_pending::text, sums.credits_pending::text
    FROM here LEFT JOIN yupana.prefix_sums sums
        ON sums.book = %(book)s AND sums.version = {VERSION} AND sums.asset <> ''
"""


async def projection_rows(reader: JournalReader, book: int) -> ProjectionRows:
    """Read all open holds and sums of a book.

    Raises:
        UnavailableError: The database cannot answer.
    """
    holds = await reader.rows(_HOLDS, {"book": book})
    sums = await reader.rows(_SUMS, {"book": book})
    return ProjectionRows(
        holds_seq=int(holds[0][0]),
        holds=frozenset(row[1] for row in holds if row[1] is not None),
        sums_seq=int(sums[0][0]),
        sums={
            (prefix, asset): (accounts, Totals(*map(int, totals)))
            for _, prefix, asset, accounts, *totals in sums
            if prefix is not None
        },
    )
