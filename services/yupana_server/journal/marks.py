"""How far projections are folded, and what a strong read has to add from the journal.

Every read of a projection begins with `here`: in its own snapshot it finds the journal's tail, the
live version of the projection, and up to which entry that is folded. What came later is read from
the journal in the same statement, so the answer is exact however far the projection lags.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from yupana_server.journal.errors import ProjectionBehindError
from yupana_server.journal.pieces import TAIL

LAG_MAX = 20_000
"""How many entries a read adds to a projection at most: about 20 ms. The feed is 100 ms behind."""


class Projection(StrEnum):
    """What the feed folds."""

    OPEN_HOLDS = "open_holds"
    TAGS = "tags"
    PREFIX_SUMS = "prefix_sums"
    EFFECTIVE_SUMS = "effective_sums"


# R1: a projection that rests on an entry which is no longer what it was counts as not folded.
_LIVE = """
    SELECT p.version, p.seq FROM yupana.projections p
    WHERE p.book = %(book)s AND p.projection = '{projection}' AND p.state = 'live'
        AND EXISTS (
            SELECT FROM yupana.journal j
            WHERE j.book = p.book AND j.seq = p.seq AND j.hash = p.hash
        )
"""


def here(projection: Projection | None, *, since: str = "folded", until: str = "tail") -> str:
    """Return the table expression `here`: one row with tail, version, folded, lag.

    `lag` is how many entries have to be read from the journal, in which only those after `since`
    and up to `until` matter. Without a projection there is none.
    """
    if projection is None:
        return f"here AS MATERIALIZED (SELECT {TAIL} AS tail, 0::bigint AS lag)"
    return f"""
        here AS MATERIALIZED (
            SELECT *, {until} - {since} AS lag FROM (
                SELECT tail, coalesce(version, 0) AS version, coalesce(seq, 0) AS folded
                FROM (SELECT {TAIL} AS tail) newest
                LEFT JOIN LATERAL ({_LIVE.format(projection=projection.value)}) live ON true
            ) marks
        )
    """


# Scalar subqueries, not joins: so an index stays in use for the order of what is read.
VERSION = "(SELECT version FROM here)"
FOLDED = "(SELECT folded FROM here)"
NOT_BEHIND = f"(SELECT lag <= {LAG_MAX} FROM here)"
"""Keeps a statement from reading what `check_lag` will refuse."""


def check_lag(projection: Projection, lag: int) -> None:
    """Refuse what would read too much of the journal.

    Raises:
        ProjectionBehindError: The projection has fallen too far behind.
    """
    if lag > LAG_MAX:
        raise ProjectionBehindError(projection.value, lag)


def tail_of(projection: Projection, rows: Sequence[Sequence[Any]]) -> int:
    """Return the tail from rows that begin with tail and lag, after a look at the lag.

    Raises:
        ProjectionBehindError: The projection has fallen too far behind.
    """
    tail, lag = rows[0][:2]
    check_lag(projection, lag)
    return int(tail)
