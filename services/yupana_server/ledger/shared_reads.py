"""Strong reads of accounts: concurrent ones share a statement.

A read must see every answer given before it began, so it may share only a statement that begins
after it arrived. While one statement runs, those that arrive gather for the next.
"""

import asyncio
import contextvars
from collections.abc import Sequence

from yupana_server.book.state import Account
from yupana_server.journal.points import Loaded
from yupana_server.journal.reads import JournalReader

ACCOUNTS_PER_STATEMENT_MAX = 5_000


class _Round:
    """Reads that will share a statement."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.result: asyncio.Future[Loaded[Account]] = asyncio.get_running_loop().create_future()


class SharedReads:
    """Reads accounts of all books."""

    def __init__(self, reader: JournalReader):
        self._reader = reader
        self._gathering: dict[int, list[_Round]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def accounts(self, book: int, accounts: Sequence[str]) -> Loaded[Account]:
        """Return the accounts and perhaps others, all of one snapshot that begins after this call.

        Raises:
            UnavailableError: The database cannot answer.
        """
        rounds = self._gathering.setdefault(book, [])
        if not rounds or len(rounds[-1].accounts) + len(accounts) > ACCOUNTS_PER_STATEMENT_MAX:
            rounds.append(_Round())
        mine = rounds[-1]
        mine.accounts.update(accounts)
        if book not in self._tasks:
            self._tasks[book] = asyncio.create_task(self._run(book), context=contextvars.Context())
        return await asyncio.shield(mine.result)

    async def _run(self, book: int) -> None:
        try:
            while rounds := self._gathering.get(book):
                await self._read(book, rounds.pop(0))
        finally:
            del self._gathering[book]
            del self._tasks[book]

    async def _read(self, book: int, now: _Round) -> None:
        try:
            now.result.set_result(await self._reader.accounts(book, sorted(now.accounts)))
        except Exception as error:
            now.result.set_exception(error)
            now.result.exception()  # Whoever waited may have gone away; that is no defect.
