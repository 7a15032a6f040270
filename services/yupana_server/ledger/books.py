"""The books that this server works on."""

import asyncio
import time

from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.submission import OverloadedError
from yupana_server.ledger.writer import Writer
from yupana_server.runtime.errors import CallError

WRITERS_MAX = 200
"""How many books are written at a time; each holds a connection of its own."""

IDLE_S = 60.0
"""After how long without work a writer is let go."""

ROWS_MAX = 10_000


class Books:
    """Finds books and keeps a writer for each that is being written."""

    def __init__(self, reader: JournalReader, url: str):
        self._reader = reader
        self._url = url
        self._rows: dict[str, BookRow] = {}
        self._writers: dict[str, Writer] = {}
        self._used_at: dict[str, float] = {}

    @property
    def database_trouble(self) -> bool:
        """Whether some writer cannot reach the database."""
        return any(writer.database_trouble for writer in self._writers.values())

    @property
    def newest_seq(self) -> int:
        """The highest seq that any book has reached here."""
        return max((writer.seq for writer in self._writers.values()), default=0)

    async def row(self, book_id: str) -> BookRow:
        """Return the book as it was when it was first looked up: number and id never change.

        Raises:
            CallError: BOOK_NOT_FOUND.
        """
        row = self._rows.get(book_id)
        return row if row is not None else await self.fresh_row(book_id)

    async def fresh_row(self, book_id: str) -> BookRow:
        """Return the book as it is now.

        Raises:
            CallError: BOOK_NOT_FOUND.
        """
        row = await self._reader.book(book_id)
        if row is None:
            raise CallError(
                "BOOK_NOT_FOUND",
                f"there is no book {book_id}: create it first",
                metadata={"book": book_id},
            )
        if len(self._rows) >= ROWS_MAX:
            self._rows.clear()
        self._rows[book_id] = row
        return row

    def forget(self, book_id: str) -> None:
        """Have the book looked up again the next time."""
        self._rows.pop(book_id, None)

    async def writer(self, book_id: str) -> Writer:
        """Return the book's writer.

        Raises:
            CallError: BOOK_NOT_FOUND.
            OverloadedError: Too many books are being written.
        """
        row = await self.row(book_id)
        writer = self._writers.get(book_id)
        if writer is None:
            if len(self._writers) >= WRITERS_MAX:
                raise OverloadedError(0)
            writer = Writer(row, self._reader, self._url)
            self._writers[book_id] = writer
        self._used_at[book_id] = time.monotonic()
        return writer

    async def let_go_of_idle(self) -> None:
        """Close the writers that had no work for a while."""
        now = time.monotonic()
        for book_id, writer in list(self._writers.items()):
            if writer.idle and now - self._used_at[book_id] > IDLE_S:
                del self._writers[book_id]
                await writer.drain()

    async def drain(self) -> None:
        """Finish what was submitted and close."""
        await asyncio.gather(*(writer.drain() for writer in self._writers.values()))
