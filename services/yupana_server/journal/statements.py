"""What changed an account, in the order of recording or of taking effect, in pages."""

from operator import itemgetter
from typing import NamedTuple

from yupana_server.book.entries import Totals
from yupana_server.journal.listed import LISTED, ListedRow, read_listed
from yupana_server.journal.pieces import POSTED_KINDS, TAIL, micros, moment
from yupana_server.journal.reads import JournalReader

SCAN_MAX = 10_000
"""How many entries of an account one page by effective time looks at: holds and back-dated entries
stand between those that are shown as recorded. A page may be shorter than asked for, and yet not be
the last."""


class Effect(NamedTuple):
    """A place in the order of effective times; entries of the same time stand in recorded order."""

    at: int
    seq: int


class RecordedPage(NamedTuple):
    """A page in the order of recording."""

    seq: int
    """The book's tail in the snapshot that the page was read from."""
    opening: Totals | None
    """The totals before the first row; None when nothing had been done with the account by then."""
    rows: list[ListedRow]
    next_after: int | None
    """The next page follows this entry; None when there is none."""


class EffectivePage(NamedTuple):
    """A page in the order of effective times."""

    seq: int
    rows: list[ListedRow]
    next_after: Effect | None


_HERE = f"here AS MATERIALIZED (SELECT {TAIL} AS tail)"
_OF_ACCOUNT = "book = %(book)s AND {side}_account = %(account)s AND reason IS NULL"
_SIDES = ("debit", "credit")


def _before(side: str) -> str:
    """Return the totals that the last entry before the page carries."""
    return f"""(
        SELECT seq, ARRAY[{side}_debits_posted, {side}_credits_posted, {side}_debits_pending,
            {side}_credits_pending]::text[] AS totals
        FROM yupana.journal
        WHERE {_OF_ACCOUNT.format(side=side)} AND seq <= (SELECT first FROM range)
        ORDER BY seq DESC LIMIT 1
    )"""


def _within(side: str) -> str:
    """Return the first entries of the page."""
    return f"(SELECT seq FROM yupana.journal WHERE {_range(side)} ORDER BY seq LIMIT %(limit)s)"


def _range(side: str) -> str:
    """Return the condition for what was recorded where the page may reach."""
    return f"""{_OF_ACCOUNT.format(side=side)}
        AND seq > (SELECT first FROM range) AND seq <= (SELECT last FROM range)"""


def _seq_before(parameter: str) -> str:
    """Return the last entry recorded before a time; NULL without a time."""
    return f"""
        CASE WHEN %({parameter})s::bigint IS NOT NULL THEN
            yupana.seq_at(%(book)s::integer, {moment(parameter)} - interval '1 us')
        END
    """


# The rows come in order, which Postgres does not know: it would take 0.4 ms to sort 100 of them.
_RECORDED = f"""
    WITH {_HERE},
    range AS MATERIALIZED (
        SELECT coalesce(%(after)s::bigint, {_seq_before("from_at")}, 0) AS first,
            coalesce({_seq_before("to_at")}, tail) AS last
        FROM here
    )
    SELECT here.tail, opening.totals, entry.* FROM here
    LEFT JOIN (
        SELECT totals FROM ({" UNION ALL ".join(map(_before, _SIDES))}) earlier
        ORDER BY seq DESC LIMIT 1
    ) opening ON true
    LEFT JOIN (
        SELECT seq FROM ({" UNION ALL ".join(map(_within, _SIDES))}) seqs
        ORDER BY seq LIMIT %(limit)s
    ) found ON true
    LEFT JOIN LATERAL ({LISTED} AND seq = found.seq) entry ON true
"""

_AFTER = f"({moment('after_at')}, %(after)s::bigint)"


def _dated(side: str) -> str:
    """Return what carries an effective time, by the index that has it in order."""
    return f"""(
        SELECT seq, effective_at AS at FROM yupana.journal
        WHERE {_OF_ACCOUNT.format(side=side)} AND effective_at IS NOT NULL
            AND (effective_at, seq) > {_AFTER} AND effective_at < {moment("before_at")}
        ORDER BY effective_at, seq LIMIT %(limit)s
    )"""


def _undated(side: str) -> str:
    """Return what took effect when it was recorded."""
    return f"""
        SELECT seq, recorded_at AS at FROM (
            SELECT seq, recorded_at, effective_at, kind FROM yupana.journal
            WHERE {_range(side)} ORDER BY seq LIMIT {SCAN_MAX}
        ) scanned
        WHERE effective_at IS NULL AND kind IN ({POSTED_KINDS}) AND (recorded_at, seq) > {_AFTER}
        ORDER BY seq LIMIT %(limit)s
    """


def _edge(side: str) -> str:
    """Return the last entry that was looked at when SCAN_MAX were not enough to fill the page."""
    return f"""
        CASE WHEN (SELECT count(*) FROM {side}s) < %(limit)s THEN (
            SELECT seq FROM yupana.journal WHERE {_range(side)}
            ORDER BY seq OFFSET {SCAN_MAX - 1} LIMIT 1
        ) END
    """


# Two orders are merged: that of effective times, where they were given, and that of recording for
# the rest. The second is read only as far as the page can reach by the first. In any order, too.
_EFFECTIVE = f"""
    WITH {_HERE},
    dated AS MATERIALIZED (
        SELECT seq, at FROM ({" UNION ALL ".join(map(_dated, _SIDES))}) dated
        ORDER BY at, seq LIMIT %(limit)s
    ),
    range AS MATERIALIZED (
        SELECT yupana.seq_at(%(book)s::integer, {moment("after_at")} - interval '1 us') AS first,
            yupana.seq_at(%(book)s::integer, coalesce(
                (SELECT max(at) FROM dated HAVING count(*) = %(limit)s),
                {moment("before_at")} - interval '1 us'
            )) AS last
    ),
    debits AS MATERIALIZED ({_undated("debit")}),
    credits AS MATERIALIZED ({_undated("credit")}),
    edge AS MATERIALIZED (
        SELECT seq, recorded_at AS at FROM yupana.journal WHERE book = %(book)s
            AND seq = (SELECT least({_edge("debit")}, {_edge("credit")}))
    ),
    found AS (
        SELECT seq, at FROM (
            SELECT * FROM dated UNION ALL SELECT * FROM debits UNION ALL SELECT * FROM credits
        ) lines
        WHERE NOT EXISTS (SELECT FROM edge) OR (at, seq) <= (SELECT at, seq FROM edge)
        ORDER BY at, seq LIMIT %(limit)s
    )
    SELECT here.tail, {micros("edge.at")}, edge.seq, {micros("found.at")}, entry.*
    FROM here LEFT JOIN edge ON true LEFT JOIN found ON true
    LEFT JOIN LATERAL ({LISTED} AND seq = found.seq) entry ON true
"""


class Statements:
    """Reads pages of statements. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def recorded(
        self,
        book: int,
        account: str,
        *,
        from_at: int | None,
        to_at: int | None,
        after: int | None,
        limit: int,
    ) -> RecordedPage:
        """Return what changed an account in a time, as recorded; `after` an entry on later pages.

        Without `from_at` and `to_at` the time has no bounds.
        """
        parameters = {
            "book": book,
            "account": account,
            "from_at": from_at,
            "to_at": to_at,
            "after": after,
            "limit": limit + 1,
        }
        rows = await self._reader.rows(_RECORDED, parameters)
        tail, opening = rows[0][:2]
        found = [row[2:] for row in rows if row[2] is not None]
        found.sort(key=itemgetter(0))
        shown = found[:limit]
        return RecordedPage(
            int(tail),
            None if opening is None else Totals(*map(int, opening)),
            list(map(read_listed, shown)),
            shown[-1][0] if len(found) > limit else None,
        )

    async def effective(
        self, book: int, account: str, *, after: Effect, before_at: int, limit: int
    ) -> EffectivePage:
        """Return what was posted to an account, by the time that it took effect.

        A page may be shorter than asked for and yet not be the last.
        """
        parameters = {
            "book": book,
            "account": account,
            "after_at": after.at,
            "after": after.seq,
            "before_at": before_at,
            "limit": limit + 1,
        }
        rows = await self._reader.rows(_EFFECTIVE, parameters)
        tail, edge_at, edge_seq = rows[0][:3]
        found = [row[3:] for row in rows if row[4] is not None]
        found.sort(key=itemgetter(0, 1))
        shown = [read_listed(row[1:]) for row in found[:limit]]
        next_after = None
        if len(found) > limit:
            next_after = Effect._make(found[limit - 1][:2])
        elif edge_seq is not None:
            next_after = Effect(edge_at, edge_seq)
        return EffectivePage(int(tail), shown, next_after)
