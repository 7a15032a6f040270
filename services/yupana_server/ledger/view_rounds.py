"""Reads of the view that concurrent calls share: one script a round, one fill a round."""

import asyncio
import contextvars
from collections.abc import Sequence

from yupana_server.journal.points import BookRow
from yupana_server.ledger.shared_results import Shared
from yupana_server.ledger.view_fills import Fill, ViewFills
from yupana_server.runtime.redis import RedisAwayError
from yupana_server.view.marks import keys_of
from yupana_server.view.store import Seen, ViewStore

ACCOUNTS_PER_ROUND_MAX = 500
"""How many accounts one script reads, during which Redis answers nobody else: below 1 ms."""

GATHER_S = 0.001
GATHER_S_MAX = 0.005
"""How long a round waits for more readers: so long for each that the last one had, at most.

A script costs the ledger 0.2 ms of CPU time, half of what a call does, however many share it. Who
reads alone never waits.
"""

CROWD_S = 0.05
"""How long after a round its readers are expected to come again."""

Answer = tuple[Seen, Fill | None]


class _Round:
    """Reads that will share a script."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.answer: Shared[Answer | None] = Shared()


class ViewRounds:
    """Reads the views of all books. While one script runs, reads gather for the next."""

    def __init__(self, store: ViewStore, fills: ViewFills):
        self._store = store
        self._fills = fills
        self._gathering: dict[int, list[_Round]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._crowds: dict[int, tuple[float, int]] = {}

    async def read(self, book: BookRow, accounts: Sequence[str]) -> Answer | None:
        """Return what the view says of the accounts and perhaps of others, and what fills the rest.

        None when there is no view, or Redis is away.
        """
        rounds = self._gathering.setdefault(book.number, [])
        if not rounds or len(rounds[-1].accounts) + len(accounts) > ACCOUNTS_PER_ROUND_MAX:
            rounds.append(_Round())
        mine = rounds[-1]
        mine.accounts.update(accounts)
        if book.number not in self._tasks:
            self._tasks[book.number] = asyncio.create_task(
                self._run(book), context=contextvars.Context()
            )
        return await mine.answer.wait()

    async def _run(self, book: BookRow) -> None:
        try:
            while rounds := self._gathering.get(book.number):
                await self._gather(book)
                now = rounds.pop(0)
                self._crowds[book.number] = asyncio.get_running_loop().time(), len(now.answer)
                try:
                    now.answer.tell(await self._look(book, tuple(now.accounts)))
                except Exception as error:
                    now.answer.fail(error)
        finally:
            del self._gathering[book.number]
            del self._tasks[book.number]

    async def _gather(self, book: BookRow) -> None:
        """Wait for those who read together with others a moment ago."""
        met_at, readers = self._crowds.get(book.number, (0.0, 1))
        if readers > 1 and asyncio.get_running_loop().time() - met_at < CROWD_S:
            await asyncio.sleep(min(GATHER_S * readers, GATHER_S_MAX))

    async def _look(self, book: BookRow, accounts: Sequence[str]) -> Answer | None:
        try:
            seen = await self._store.read(keys_of(book), accounts)
        except RedisAwayError:
            return None
        if seen is None:
            return None
        return seen, self._fills.begin(book, seen) if seen.leased else None
