"""Strong reads of accounts: concurrent ones share a statement.

A read must see every answer given before it began, so it may share only a statement that begins
after it arrived. While one statement runs, those that arrive gather for the next.

Where this server writes the book, the statement asks only how far the journal has got: when memory
has got there too, and knows the accounts, it answers. With 100 accounts a read that is a hundredth
of the work for Postgres.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from yupana_server.book.state import Account
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.points import BookRow, Loaded
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books
from yupana_server.ledger.shared_results import Shared
from yupana_server.ledger.writer import Writer

ReadAccounts: TypeAlias = Callable[[BookRow, Sequence[str]], Awaitable[Loaded[Account]]]
"""Reads accounts as they are, and perhaps others, in one snapshot."""

ACCOUNTS_PER_STATEMENT_MAX = 5_000

CATCH_UP_TIMEOUT_S = 0.05
"""How long a read waits for a write that may be what memory lacks, before it reads the journal."""

LOOKS_MAX = 2
"""How often a read begins anew because the journal is not what this server knows of it."""


class _Round:
    """Reads that will share a statement."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.loaded: Shared[Loaded[Account]] = Shared()


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
        return await mine.loaded.wait()

    async def _run(self, book: BookRow) -> None:
        try:
            while rounds := self._gathering.get(book.number):
                await self._answer(book, rounds.pop(0))
        finally:
            del self._gathering[book.number]
            del self._tasks[book.number]

    async def _answer(self, book: BookRow, now: _Round) -> None:
        try:
            now.loaded.tell(await self._read(book, now.accounts))
        except Exception as error:
            now.loaded.fail(error)

    async def _read(self, book: BookRow, accounts: set[str]) -> Loaded[Account]:
        writer = self._books.writer_at_work(book)
        if writer is None:
            return await self._from_journal(book, accounts)
        for _ in range(LOOKS_MAX):
            loaded = await self._beside(writer, book, accounts)
            if loaded is not None:
                return loaded
            # R9: a new epoch begins before anybody is told of what is there instead.
            await writer.look_again()
        raise UnavailableError("the journal lost its tail")

    async def _beside(
        self, writer: Writer, book: BookRow, accounts: set[str]
    ) -> Loaded[Account] | None:
        """R1: return the accounts, None when the journal is not what the writer knows of it."""
        known = writer.link
        newest = await self._reader.newest(book.number, known_seq=known.seq)
        if newest.epoch == 0:
            return await self._from_journal(book, accounts)
        if known.seq and newest.known_hash != known.hash:
            return None
        loaded = await self._remembered(writer, accounts, newest.seq)
        if loaded is None:
            loaded = await self._from_journal(book, accounts)
        return loaded if loaded.seq >= newest.seq else None

    async def _from_journal(self, book: BookRow, accounts: set[str]) -> Loaded[Account]:
        loaded = await self._reader.accounts(book.number, sorted(accounts))
        if loaded.epoch == 0:  # Has the book gone, as after a restore to a time before it?
            loaded = loaded._replace(epoch=(await self._books.fresh_row(book.id)).epoch)
        return loaded

    async def _remembered(
        self, writer: Writer, accounts: set[str], seq: int
    ) -> Loaded[Account] | None:
        """Return the accounts from memory, None when it does not know them or is behind."""
        if writer.remembered(accounts) is None:
            return None
        await writer.catch_up(seq, timeout_s=CATCH_UP_TIMEOUT_S)
        found = writer.remembered(accounts)
        return found if found is not None and found.seq >= seq else None
