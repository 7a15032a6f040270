"""Lists in pages: each page and its position are one statement, so one snapshot."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from yupana_server.book.commands import Kind, Words
from yupana_server.book.state import Account, Asset
from yupana_server.journal.points import BookRow, TransferRow
from yupana_server.journal.reads import (
    ASSETS,
    BOOKS,
    ENTRIES,
    JournalReader,
    accounts_statement,
    read_account,
    read_asset,
    with_tail,
)
from yupana_server.journal.rows import decode

T = TypeVar("T")

# No id contains a byte above `~`, so DEL ends the range of every prefix.
_OPENED = f"""
    SELECT account, row_number() OVER (ORDER BY account) FROM yupana.journal
    WHERE book = %(book)s AND reason IS NULL AND account IS NOT NULL
        AND kind = {int(Kind.OPEN_ACCOUNT)} AND account >= %(prefix)s AND account < %(end)s
        AND account > %(after)s
    ORDER BY account LIMIT %(limit)s
"""
_ACCOUNT_PAGE = accounts_statement(_OPENED)
_TRANSFERS = f"{ENTRIES} AND kind = {int(Kind.TRANSFER)} AND seq < %(before)s"
_NEWEST = "ORDER BY seq DESC LIMIT %(limit)s"
_BY_ACCOUNT = " UNION ALL ".join(
    f"({_TRANSFERS} AND {side} = %(account)s AND reason IS NULL {_NEWEST})"
    for side in ("debit_account", "credit_account")
)


class Page(NamedTuple, Generic[T]):
    """A page and the book's tail in the same snapshot."""

    seq: int
    items: list[T]


class JournalPages:
    """Lists what the journal holds. Raises UnavailableError as JournalReader does."""

    def __init__(self, reader: JournalReader):
        self._reader = reader

    async def books(self, *, after: str, limit: int) -> list[BookRow]:
        """Return the books that follow `after`, in the order of their ids."""
        rows = await self._reader.rows(
            f"{BOOKS} WHERE id > %(after)s ORDER BY id LIMIT %(limit)s",
            {"after": after, "limit": limit},
        )
        return [BookRow(*row) for row in rows]

    async def accounts(self, book: int, *, prefix: str, after: str, limit: int) -> Page[Account]:
        """Return open accounts whose ids begin with `prefix` and follow `after`, by id."""
        rows = await self._reader.rows(
            _ACCOUNT_PAGE,
            {
                "book": book,
                "prefix": prefix,
                "end": prefix + "\x7f",
                "after": after,
                "limit": limit,
            },
        )
        accounts = [read_account(row) for row in rows if row[1] is not None]
        return Page(int(rows[0][0]), [account for account in accounts if account is not None])

    async def assets(self, book: int, *, after: str, limit: int) -> Page[Asset]:
        """Return the assets that follow `after`, by id."""
        page = await self._page(
            f"{ASSETS} AND asset > %(after)s ORDER BY asset LIMIT %(limit)s",
            {"book": book, "after": after, "limit": limit},
        )
        return Page(page.seq, [read_asset(row) for row in page.items])

    async def transfers(
        self, book: int, *, account: str | None, before: int, limit: int
    ) -> Page[TransferRow]:
        """Return transfers recorded before seq `before`, the newest first.

        With `account`, only those posted that debit or credit it; no transfer does both.
        """
        page = await self._page(
            f"{_TRANSFERS} {_NEWEST}" if account is None else _BY_ACCOUNT,
            {"book": book, "account": account, "before": before, "limit": limit},
        )
        entries = [decode(row)[0] for row in page.items]
        entries = sorted(entries, key=lambda entry: entry.seq, reverse=True)[:limit]
        sealed = [entry.seq for entry in entries if entry.sealed_words]
        words = await self._reader.words(book, sealed)
        no_words = Words()
        rows = [TransferRow(entry, words.get(entry.seq, no_words)) for entry in entries]
        return Page(page.seq, rows)

    async def _page(self, statement: str, parameters: Mapping[str, Any]) -> Page[Any]:
        rows = await self._reader.rows(with_tail(statement), parameters)
        return Page(int(rows[0][0]), [row[1:] for row in rows if row[1] is not None])
