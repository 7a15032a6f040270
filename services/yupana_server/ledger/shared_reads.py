"""Strong reads of accounts: concurrent ones share a statement.

A read must see every answer given before it began, so it may share only a statement that begins
after it arrived. While one statement runs, those that arrive gather for the next.

Where this server writes the book, the statement asks only how far the journal has got: when memory
has got there too, and knows the accounts, it answers. With 100 accounts a read that is a hundredth
of the work for Postgres.
"""

import asyncio
import contextvars
from collections.abc import Sequence

from yupana_server.book.state import Account
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books

ACCOUNTS_PER_STATEMENT_MAX = 5_000

CATCH_UP_TIMEOUT_S = 0.05
"""How long a read waits for a write that may be what memory lacks, before it reads the journal."""


class _Round:
    """Reads that will share a statement."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.result: asyncio.Future[Loaded[Account]] = asyncio.get_running_loop().create_future()


class SharedReads:
    """Reads accounts of all books."""

    def __init__(self, reader: JournalReader, books: Books):
        self._reader = reader
        self._books = books
        self._gathering: dict[int, list[_Round]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def accounts(self, book: BookRow, accounts: Sequence[str]) -> Loaded[Account]:
        """Return the accounts and perhaps others, all of one snapshot that begins after this call.

        Raises:
            UnavailableError: The database cannot answer.
        """
        rounds = self._gathering.setdefault(book.number, [])
        if not rounds or len(rounds[-1].accounts) + len(accounts) > ACCOUNTS_PER_STATEMENT_MAX:
            rounds.append(_Round())
        mine = rounds[-1]
        mine.accounts.update(accounts)
        if book.number not in self._tasks:
            self._tasks[book.number] = asyncio.create_task(
                self._run(book), context=contextvars.Context()
            )
        return await asyncio.shield(mine.result)

    async def _run(self, book: BookRow) -> None:
        try:
            while rounds := self._gathering.get(book.number):
                await self._answer(book, rounds.pop(0))
        finally:
            del self._gathering[book.number]
            del self._tasks[book.number]

    async def _answer(self, book: BookRow, now: _Round) -> None:
        try:
            loaded = await self._remembered(book, now.accounts)
            if loaded is None:
                loaded = await self._reader.accounts(book.number, sorted(now.accounts))
            now.result.set_result(loaded)
        except Exception as error:
            now.result.set_exception(error)
            now.result.exception()  # Whoever waited may have gone away; that is no defect.

    async def _remembered(self, book: BookRow, accounts: set[str]) -> Loaded[Account] | None:
        """Return the accounts from memory, None when it does not know them or is behind."""
        writer = self._books.writer_at_work(book)
        if writer is None or writer.remembered(accounts) is None:
            return None
        before = writer.link
        tail = await self._reader.link(book)
        # R1: the tail was lost, and perhaps written anew, which memory does not know of yet. What
        # it gets to know beyond it, it holds against the chain of hashes.
        if tail.seq < before.seq or (tail.seq == before.seq and tail != before):
            return None
        await writer.catch_up(tail.seq, timeout_s=CATCH_UP_TIMEOUT_S)
        found = writer.remembered(accounts)
        return found if found is not None and found.seq >= tail.seq else None
