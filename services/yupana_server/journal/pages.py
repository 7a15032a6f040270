"""Lists in pages: each page and its position are one statement, so one snapshot."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from yupana_server.book.state import Asset
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import (
    ASSETS,
    BOOKS,
    JournalReader,
    read_asset,
    read_book,
    with_tail,
)

T = TypeVar("T")


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
        return [read_book(row) for row in rows]

    async def assets(self, book: int, *, after: str, limit: int) -> Page[Asset]:
        """Return the assets that follow `after`, by id."""
        page = await self._page(
            f"{ASSETS} AND asset > %(after)s ORDER BY asset LIMIT %(limit)s",
            {"book": book, "after": after, "limit": limit},
        )
        return Page(page.seq, [read_asset(row) for row in page.items])

    async def _page(self, statement: str, parameters: Mapping[str, Any]) -> Page[Any]:
        rows = await self._reader.rows(with_tail(statement), parameters)
        return Page(int(rows[0][0]), [row[1:] for row in rows if row[1] is not None])
