"""The books that this server works on."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from yupana_server.journal.epochs import Epochs
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.announcer import Announce, nobody
from yupana_server.ledger.clock import Clock, wall_clock
from yupana_server.ledger.measures import book_label
from yupana_server.ledger.submission import OverloadedError
from yupana_server.ledger.writer import Writer
from yupana_server.messages.checks import check_position, lies_beyond
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.metrics import Gauge, observe

WRITERS_MAX = 64
"""How many books are written at a time; each holds a connection of its own, of which Postgres
allows 100 by default. The one that was idle for longest makes room for the next."""

IDLE_S = 60.0
"""After how long without work a writer is let go."""

ROWS_MAX = 10_000

QUEUED = Gauge("yupana.queue.commands", "{command}", "Commands that wait.", ("yupana.book",))
ACCOUNTS = Gauge("yupana.memory.accounts", "{account}", "Accounts in memory.", ("yupana.book",))
SEQ = Gauge("yupana.journal.seq", "{entry}", "The newest entry known here.", ("yupana.book",))


class Books:
    """Finds books and keeps a writer for each that is being written."""

    def __init__(
        self,
        reader: JournalReader,
        url: str,
        *,
        clock: Clock = wall_clock,
        announce: Announce = nobody,
    ):
        """`announce` is told the id of a book whenever something was recorded in it."""
        self.clock = clock
        self._announce = announce
        self._reader = reader
        self._epochs = Epochs(reader)
        self._url = url
        self._rows: dict[str, BookRow] = {}
        self._writers: dict[str, Writer] = {}
        self._used_at: dict[str, float] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def database_trouble(self) -> bool:
        """Whether some writer cannot reach the database."""
        return any(writer.database_trouble for writer in self._writers.values())

    @property
    def newest_seq(self) -> int:
        """The highest seq that any book has reached here."""
        return max((writer.seq for writer in self._writers.values()), default=0)

    def observe(self) -> None:
        """Have gauges show what waits and what is in memory."""
        for gauge, look in (
            (QUEUED, lambda writer: writer.queued_commands),
            (ACCOUNTS, lambda writer: writer.accounts_count),
            (SEQ, lambda writer: writer.seq),
        ):
            observe(gauge, partial(self._by_book, look))

    def _by_book(self, look: Callable[[Writer], int]) -> dict[tuple[str, ...], int]:
        found: defaultdict[tuple[str, ...], int] = defaultdict(int)
        for book_id, writer in list(self._writers.items()):
            found[(book_label(book_id),)] += look(writer)
        return found

    async def row(self, book_id: str) -> BookRow:
        """Return the book as it was when it was last looked up: number and id never change.

        Raises:
            CallError: BOOK_NOT_FOUND.
        """
        row = self._rows.get(book_id)
        if row is None:
            return await self.fresh_row(book_id)
        writer = self._writers.get(book_id)
        if writer is not None and writer.epoch != row.epoch:
            return await self.fresh_row(book_id)  # R9: the writer knows of another epoch.
        return row

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

    async def to_read(self, request: Any) -> BookRow:
        """Return the book to read, after a look at it if a position or a page token came along.

        Raises:
            CallError: BOOK_NOT_FOUND, INVALID_POSITION or EPOCH_CHANGED.
        """
        # R9: a page token, like a position, must not be of another epoch.
        pages_on = bool(getattr(request, "page_token", ""))
        if request.consistency.WhichOneof("level") != "at_least" and not pages_on:
            return await self.row(request.book)
        book = await self.fresh_row(request.book)
        writer = self.writer_at_work(book)
        if writer is not None and lies_beyond(book, request.consistency):
            # R9: if it was lost, a new epoch begins before anybody is told that it never was.
            await writer.look_again()
            book = await self.fresh_row(request.book)
        check_position(book, request.consistency)
        return book

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
        if writer is not None and writer.book_number != row.number:
            self._let_go(book_id)  # The book was restored or made anew under another number.
            writer = None
        if writer is None:
            self._make_room()
            writer = Writer(row, self._reader, self._url, clock=self.clock, announce=self._announce)
            self._writers[book_id] = writer
        self._used_at[book_id] = time.monotonic()
        return writer

    def known_writer(self, book_id: str) -> Writer | None:
        """Return the writer of the book, as it was known the last time, if there is one."""
        return self._writers.get(book_id)

    def writer_at_work(self, row: BookRow) -> Writer | None:
        """Return the book's writer if there is one already."""
        writer = self._writers.get(row.id)
        return writer if writer is not None and writer.book_number == row.number else None

    def _make_room(self) -> None:
        if len(self._writers) < WRITERS_MAX:
            return
        idle = [book_id for book_id, writer in self._writers.items() if writer.idle]
        if not idle:
            raise OverloadedError(0)
        self._let_go(min(idle, key=lambda book_id: self._used_at[book_id]))

    def _let_go(self, book_id: str) -> None:
        """Close an idle writer. Should its book be wanted meanwhile, it gets another one."""
        writer = self._writers.pop(book_id)
        del self._used_at[book_id]
        closing = asyncio.create_task(writer.drain())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def let_go_of_idle(self) -> None:
        """Close the writers that had no work for a while."""
        now = time.monotonic()
        for book_id, writer in list(self._writers.items()):
            if writer.idle and now - self._used_at[book_id] > IDLE_S:
                self._let_go(book_id)

    async def look_at_histories(self) -> None:
        """R9: notice cuts of books that nobody writes at the moment, here or by another server."""
        newest = {cut.book: cut.epoch for cut in await self._epochs.all()}
        for book_id, row in list(self._rows.items()):
            if newest.get(book_id, row.epoch) != row.epoch:
                self.forget(book_id)
        idle = [w for w in self._writers.values() if w.idle and w.link.seq > 0]
        gone = await self._epochs.gone({w.book_number: w.link for w in idle}) if idle else ()
        for writer in idle:
            if writer.book_number in gone:
                await writer.look_again()

    async def drain(self) -> None:
        """Finish what was submitted and close."""
        await asyncio.gather(*(w.drain() for w in self._writers.values()), *self._closing)
