"""Has holds expire whose accounts nobody touches.

Whoever decides on an account expires its due holds first, so a late sweep changes no decision: it
only gives back, and tells, what would otherwise wait for the next command. Several servers may
sweep; a hold that another one expired first is passed over.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence

import structlog

from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.hold_lists import DueHold, HoldLists
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.batch import EXPIRIES_MAX
from yupana_server.ledger.books import Books
from yupana_server.ledger.submission import NotAnsweredError, Submission
from yupana_server.runtime.errors import CallError

SWEEP_EVERY_S = 1.0
"""On average; spread, so that servers that started together do not sweep together."""

DUE_MAX = 10_000
"""How many due holds one sweep looks at. The next one goes on from there, so that holds which
cannot expire for some reason do not keep others waiting."""

BOOKS_AT_A_TIME = 8
SUBMIT_TIMEOUT_S = 10.0

log = structlog.get_logger("yupana.sweeper")


class Sweeper:
    """Looks for due holds over all books, now and then."""

    def __init__(
        self, books: Books, reader: JournalReader, *, owns: Callable[[str], bool] | None = None
    ):
        """`owns` tells whether a book is this process's to sweep; without it all are."""
        self._books = books
        self._owns = owns
        self._lists = HoldLists(reader)
        self._places = asyncio.Semaphore(BOOKS_AT_A_TIME)
        self._after = 0

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311
            try:
                await self.sweep()
            except UnavailableError:
                pass  # The service watches the database and tells.
            except Exception:
                log.exception("sweep_failed")

    async def sweep(self) -> None:
        """Have what is due expire."""
        due = await self._lists.due(after=self._after, limit=DUE_MAX)
        self._after = due[-1].expires_at if len(due) == DUE_MAX else 0
        by_book: defaultdict[str, list[DueHold]] = defaultdict(list)
        for hold in due:
            if hold.waits and len(by_book[hold.book_id]) < EXPIRIES_MAX:
                by_book[hold.book_id].append(hold)
        mine = [book for book in by_book if self._owns is None or self._owns(book)]
        await asyncio.gather(*(self._expire(book, by_book[book]) for book in mine))

    async def _expire(self, book_id: str, due: Sequence[DueHold]) -> None:
        async with self._places:
            deadline = asyncio.get_running_loop().time() + SUBMIT_TIMEOUT_S
            holds = [each.hold for each in due]
            try:
                writer = await self._books.writer(book_id)
                async with asyncio.timeout_at(deadline):
                    await writer.submit(Submission((), deadline, holds=holds))
                log.info("holds_swept", book=book_id, count=len(holds))
            except (NotAnsweredError, CallError, TimeoutError) as error:
                log.warning("sweep_refused", book=book_id, error=type(error).__name__)
