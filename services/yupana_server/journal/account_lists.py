"""Lists of accounts in the order of their ids, by prefix, code or label."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from yupana_server.book.commands import Kind
from yupana_server.book.state import Account
from yupana_server.journal.account_rows import accounts_statement, read_account
from yupana_server.journal.marks import FOLDED, NOT_BEHIND, VERSION, Projection, here, tail_of
from yupana_server.journal.pages import Page
from yupana_server.journal.reads import JournalReader


class AccountSpan(NamedTuple):
    """Which part of a list a page shows."""

    prefix: str
    """What the ids begin with."""
    after: str
    """The id that the page follows."""
    limit: int


# No id contains a byte above `~`, so DEL ends the range of every prefix.
_BETWEEN = "account >= %(prefix)s AND account < %(end)s AND account > %(after)s"
_OPENED = f"""
    SELECT account, row_number() OVER (ORDER BY account) FROM yupana.journal
    WHERE book = %(book)s AND reason IS NULL AND kind = {int(Kind.OPEN_ACCOUNT)} AND {_BETWEEN}
"""
_BY_ID = "ORDER BY account LIMIT %(limit)s"
_ALL = accounts_statement(f"{_OPENED} {_BY_ID}")
_BY_CODE = accounts_statement(f"{_OPENED} AND code = %(code)s {_BY_ID}")
# Words that were erased are gone from `labels`, but not yet from tags that are behind. OFFSET 0 has
# the few later labels looked at first: Postgres would begin with all accounts of the book.
_LABELLED = f"""
    WITH {here(Projection.TAGS)}
    SELECT here.tail, here.lag, found.account FROM here LEFT JOIN (
        (SELECT t.account FROM yupana.account_tags t
        WHERE t.book = %(book)s AND t.version = {VERSION} AND t.tag = %(tag)s AND {_BETWEEN}
            AND EXISTS (SELECT FROM yupana.labels l WHERE l.book = t.book AND l.seq = t.seq)
        {_BY_ID})
        UNION ALL
        SELECT opened.account FROM yupana.labels l CROSS JOIN LATERAL (
            SELECT account FROM yupana.journal j
            WHERE j.book = l.book AND j.seq = l.seq AND j.kind = {int(Kind.OPEN_ACCOUNT)}
                AND j.reason IS NULL AND {_BETWEEN}
            OFFSET 0
        ) opened
        WHERE l.book = %(book)s AND l.seq > {FOLDED} AND {NOT_BEHIND}
            AND l.labels ->> %(key)s = %(value)s
        {_BY_ID}
    ) found ON true
    ORDER BY found.account
"""


class AccountLists:
    """Reads pages of accounts. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def by_id(self, book: int, span: AccountSpan) -> Page[Account]:
        """List accounts."""
        return await self._accounts(_ALL, book, span)

    async def with_code(self, book: int, span: AccountSpan, code: str) -> Page[Account]:
        """List accounts that were opened with a code."""
        return await self._accounts(_BY_CODE, book, span, {"code": code})

    async def with_label(
        self, book: int, span: AccountSpan, *, key: str, value: str
    ) -> Page[Account]:
        """List accounts with a label that was not erased.

        Raises:
            ProjectionBehindError: The tags have fallen too far behind.
        """
        wanted = {"key": key, "value": value, "tag": f"label:{key}={value}"}
        rows = await self._reader.rows(_LABELLED, _parameters(book, span, wanted))
        tail = tail_of(Projection.TAGS, rows)
        names = [row[2] for row in rows if row[2] is not None]
        found = (await self._reader.accounts_as_of(book, names, seq=tail)).facts if names else {}
        accounts = (found[name] for name in names)
        return Page(tail, [account for account in accounts if account is not None])

    async def _accounts(
        self, statement: str, book: int, span: AccountSpan, more: Mapping[str, Any] = {}
    ) -> Page[Account]:
        rows = await self._reader.rows(statement, _parameters(book, span, more))
        accounts = [read_account(row) for row in rows if row[1] is not None]
        return Page(int(rows[0][0]), [account for account in accounts if account is not None])


def _parameters(book: int, span: AccountSpan, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "book": book,
        "prefix": span.prefix,
        "end": span.prefix + "\x7f",
        "after": span.after,
        "limit": span.limit,
        **more,
    }
