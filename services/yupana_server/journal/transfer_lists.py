"""Lists of what is shown as transfers, the newest first, each page one statement.

Every list first finds seqs by an index that has them in order, then reads only those entries.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.journal.errors import PrefixTooWideError
from yupana_server.journal.listed import LISTED, ListedRow, read_listed
from yupana_server.journal.marks import FOLDED, NOT_BEHIND, VERSION, Projection, here, tail_of
from yupana_server.journal.merging import Streams, few_of, merged
from yupana_server.journal.pieces import LISTED_KINDS
from yupana_server.journal.points import TransferRow
from yupana_server.journal.reads import TRANSFERS, JournalReader, read_transfer

SCAN_MAX = 10_000
"""How many entries one page of all transfers looks at: others may stand between them, such as the
opening of many accounts. A page may be shorter than asked for, and yet not be the last."""

PREFIX_ACCOUNTS_MAX = 1_000
"""How many accounts a list by prefix is merged from at most."""

_BETWEEN = "seq < %(before)s AND seq > %(after)s"
_NEWEST = "ORDER BY seq DESC LIMIT %(limit)s"
_JOURNAL = f"SELECT seq FROM yupana.journal WHERE book = %(book)s AND {_BETWEEN}"


class Span(NamedTuple):
    """Which part of a list a page shows: entries after one seq and before another."""

    before: int
    limit: int
    after: int = 0


class TransferPage(NamedTuple):
    """A page of transfers."""

    seq: int
    """The book's tail in the snapshot that the page was read from."""
    rows: list[ListedRow]
    next_before: int | None
    """The next page comes before this entry; None when there is none."""


def _page(found: str, projection: Projection | None = None, *, tables: str = "") -> str:
    """Return the statement that reads the entries whose seqs `found` gives, in any order.

    They come in order, which Postgres does not know: it would take 0.4 ms to sort 100 rows.
    """
    mark = here(
        projection,
        since="greatest(folded, %(after)s)",
        until="least(tail, %(before)s - 1)",
    )
    return f"""
        WITH {mark}{tables}
        SELECT here.tail, here.lag, entry.* FROM here
        LEFT JOIN (SELECT seq FROM ({found}) seqs {_NEWEST}) found ON true
        LEFT JOIN LATERAL ({LISTED} AND seq = found.seq) entry ON true
    """


_ALL = _page(f"""
    SELECT seq FROM (
        SELECT seq, kind FROM yupana.journal WHERE book = %(book)s AND {_BETWEEN}
        ORDER BY seq DESC LIMIT {SCAN_MAX}
    ) scanned WHERE kind IN ({LISTED_KINDS})
""")
_REJECTED = _page(f"{_JOURNAL} AND reason IS NOT NULL AND kind IN ({LISTED_KINDS}) {_NEWEST}")
_BY_REASON = _page(f"{_JOURNAL} AND reason = %(reason)s AND kind IN ({LISTED_KINDS}) {_NEWEST}")
_BY_ACCOUNT = _page(
    " UNION ALL ".join(
        f"({_JOURNAL} AND {side}_account = %(account)s AND reason IS NULL {_NEWEST})"
        for side in ("debit", "credit")
    )
)
_BY_HOLD = _page(f"{_JOURNAL} AND hold = %(hold)s AND reason IS NULL {_NEWEST}")
_REVERSING = _page(f"{_JOURNAL} AND reverses = %(reverses)s AND reason IS NULL {_NEWEST}")
_TAGGED = f"""
    SELECT t.seq FROM yupana.tags t WHERE t.book = %(book)s AND t.version = {VERSION}
        AND t.tag = %(tag)s AND t.seq < %(before)s AND t.seq > %(after)s
"""
_LATER = f"AND seq > {FOLDED} AND {NOT_BEHIND}"
_BY_CODE = _page(
    f"({_TAGGED} {_NEWEST}) UNION ALL "
    f"({_JOURNAL} {_LATER} AND code = %(code)s AND kind IN ({LISTED_KINDS}) {_NEWEST})",
    Projection.TAGS,
)
# Words that were erased are gone from `labels`, but not yet from tags that are behind.
_BY_LABEL = _page(
    f"""
    ({_TAGGED} AND EXISTS (
        SELECT FROM yupana.labels l WHERE l.book = t.book AND l.seq = t.seq
    ) {_NEWEST})
    UNION ALL
    (SELECT l.seq FROM yupana.labels l WHERE l.book = %(book)s AND l.seq < %(before)s
        AND l.seq > %(after)s AND l.seq > {FOLDED} AND {NOT_BEHIND}
        AND l.labels ->> %(key)s = %(value)s AND (
            SELECT kind FROM yupana.journal j WHERE j.book = l.book AND j.seq = l.seq
        ) IN ({LISTED_KINDS})
    {_NEWEST})
    """,
    Projection.TAGS,
)
_PREFIX = merged(
    Streams(
        keys=f"""
            SELECT account FROM yupana.journal
            WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.OPEN_ACCOUNT)}
                AND account >= %(prefix)s AND account < %(prefix_end)s
            ORDER BY account LIMIT {PREFIX_ACCOUNTS_MAX + 1}
        """,
        each=tuple(
            f"SELECT seq FROM yupana.journal WHERE book = %(book)s AND {side}_account = keys.key "
            "AND reason IS NULL"
            for side in ("debit", "credit")
        ),
    )
)
_BY_PREFIX = _page(_PREFIX.seqs, tables=_PREFIX.tables)
_GROUP = merged(
    Streams(
        keys=f"""
            SELECT hold FROM yupana.journal
            WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.HOLD)}
                AND hold_group = %(group)s
        """,
        each=(
            "SELECT seq FROM yupana.journal WHERE book = %(book)s AND hold = keys.key "
            "AND reason IS NULL",
        ),
    )
)
_BY_GROUP = _page(_GROUP.seqs, tables=_GROUP.tables)
_ONE = f"""
    SELECT back.reversed_amount::text, entry.* FROM yupana.ids
    CROSS JOIN LATERAL ({TRANSFERS} AND seq = ids.seq) entry
    LEFT JOIN LATERAL (
        SELECT reversed_amount FROM yupana.journal
        WHERE book = ids.book AND reverses = ids.id AND reason IS NULL ORDER BY seq DESC LIMIT 1
    ) back ON true
    WHERE ids.book = %(book)s AND ids.id = %(id)s
"""
_PREFIX_WIDTH = f"SELECT count(*) FROM ({_PREFIX.keys}) accounts"


class TransferLists:
    """Reads pages of lists. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def one(self, book: int, id_: str) -> tuple[TransferRow, int] | None:
        """Return the entry that recorded an id, and how much of it is reversed; None if new."""
        rows = await self._reader.rows(_ONE, {"book": book, "id": id_})
        return (read_transfer(rows[0][1:]), int(rows[0][0] or 0)) if rows else None

    async def everything(self, book: int, span: Span) -> TransferPage:
        """List all, rejected ones too. A page may be short or empty and yet not be the last."""
        page = await self._read(_ALL, book, span)
        scanned_from = min(span.before, page.seq + 1) - SCAN_MAX
        if page.next_before is None and scanned_from > span.after + 1:
            return page._replace(next_before=scanned_from)
        return page

    async def rejected(self, book: int, span: Span, *, reason: int | None) -> TransferPage:
        """List the rejected ones, of one reason or all."""
        statement = _REJECTED if reason is None else _BY_REASON
        return await self._read(statement, book, span, {"reason": reason})

    async def of_account(self, book: int, span: Span, *, account: str) -> TransferPage:
        """List what was done with an account. No transfer both debits and credits one."""
        return await self._read(_BY_ACCOUNT, book, span, {"account": account})

    async def of_prefix(self, book: int, span: Span, *, prefix: str) -> TransferPage:
        """List what was done with the accounts whose ids begin with a prefix.

        Raises:
            PrefixTooWideError: There are more than PREFIX_ACCOUNTS_MAX.
        """
        # No id contains a byte above `~`, so DEL ends the range of every prefix.
        wanted = {"prefix": prefix, "prefix_end": prefix + "\x7f"}
        [[width]] = await self._reader.rows(_PREFIX_WIDTH, {"book": book, **wanted})
        if width > PREFIX_ACCOUNTS_MAX:
            raise PrefixTooWideError(prefix)
        return await self._read(_BY_PREFIX, book, span, wanted)

    async def of_group(self, book: int, span: Span, *, group: str) -> TransferPage:
        """List the holds that were created in a group and what became of them."""
        return await self._read(_BY_GROUP, book, span, {"group": group})

    async def of_hold(self, book: int, span: Span, *, hold: str) -> TransferPage:
        """List what created and changed a hold."""
        return await self._read(_BY_HOLD, book, span, {"hold": hold})

    async def reversing(self, book: int, span: Span, *, reverses: str) -> TransferPage:
        """List the reversals of a transfer, capture or leg."""
        return await self._read(_REVERSING, book, span, {"reverses": reverses})

    async def with_code(self, book: int, span: Span, *, code: str) -> TransferPage:
        """List those with a code.

        Raises:
            ProjectionBehindError: The tags have fallen too far behind.
        """
        return await self._read(
            _BY_CODE, book, span, {"code": code, "tag": f"code:{code}"}, Projection.TAGS
        )

    async def with_label(self, book: int, span: Span, *, key: str, value: str) -> TransferPage:
        """List those with a label that was not erased.

        Raises:
            ProjectionBehindError: The tags have fallen too far behind.
        """
        wanted = {"key": key, "value": value, "tag": f"label:{key}={value}"}
        return await self._read(_BY_LABEL, book, span, wanted, Projection.TAGS)

    async def _read(
        self,
        statement: str,
        book: int,
        span: Span,
        more: Mapping[str, Any] = {},
        projection: Projection | None = None,
    ) -> TransferPage:
        parameters = {
            "book": book,
            "before": span.before,
            "after": span.after,
            "limit": span.limit + 1,
            "few": few_of(span.limit + 1),
            **more,
        }
        rows = await self._reader.rows(statement, parameters)
        tail = int(rows[0][0]) if projection is None else tail_of(projection, rows)
        found = [row[2:] for row in rows if row[2] is not None]
        found.sort(key=itemgetter(0), reverse=True)
        shown = found[: span.limit]
        next_before = shown[-1][0] if len(found) > len(shown) else None
        return TransferPage(tail, list(map(read_listed, shown)), next_before)
