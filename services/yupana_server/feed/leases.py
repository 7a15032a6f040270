"""Shares books out over all feeds: each book's work runs in one of them, as a task of its own."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial

import structlog

from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.leases import Lease, LeaseStore
from yupana_server.journal.reads import JournalReader
from yupana_server.runtime.tasks import end_tasks

LEASE_S = 5.0
"""After so long without a word from a feed others take its books over."""

RENEW_EVERY_S = 1.0

GIVE_UP_S = 3.0
"""So long after the last renewal a feed ends its work, before anybody else begins."""

PAUSE_S = 1.0
"""How long a book's work rests that failed."""

log = structlog.get_logger("yupana.leases")

Work = Callable[[Lease], Coroutine[None, None, None]]


class Leases:
    """Runs a piece of work for every book whose lease this process holds.

    The work is a coroutine that never returns. It is cancelled when the lease is lost, given back
    to share with others, or may have run out because the database does not answer.
    """

    def __init__(self, reader: JournalReader, name: str, work: Work):
        """`name` is that of the work, the same in every process that shares it."""
        self._name = name
        self._work = work
        self._store = LeaseStore(reader, work=name, holder=str(uuid.uuid4()), length_s=LEASE_S)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._renewed_at = 0.0

    @property
    def count(self) -> int:
        """How many books are worked for here."""
        return len(self._tasks)

    async def run(self) -> None:
        """Hold a fair share of all books until cancelled; then call `close`."""
        while True:
            try:
                async with asyncio.timeout(self._left_s):
                    await self._turn()
            except (UnavailableError, TimeoutError):
                pass  # Perhaps next time; there is some left.
            except Exception:
                log.exception("leases_failed", work=self._name)
            if self._left_s <= 0:
                self._give_up()
            await asyncio.sleep(RENEW_EVERY_S)

    async def close(self) -> None:
        """End all work and give the leases back, so that others need not wait for them."""
        books = list(self._tasks)
        await self._end(books)
        with suppress(UnavailableError):
            await self._store.release(books)
            await self._store.go()

    @property
    def _left_s(self) -> float:
        """How long the work may still go on without a renewal; a while when there is none."""
        return self._renewed_at + GIVE_UP_S - time.monotonic() if self._tasks else GIVE_UP_S

    async def _turn(self) -> None:
        """Renew what is held, then take or give back until it is a fair share."""
        began_at = time.monotonic()
        shares = await self._store.show_up()
        held = await self._store.renew()
        self._renewed_at = began_at
        await self._end([book for book in self._tasks if book not in held])
        surplus = list(held)[shares.each :]
        if surplus:
            await self._end(surplus)
            await self._store.release(surplus)
        elif len(held) < shares.each:
            held |= await self._store.take(shares.each - len(held))
        for book in set(held).difference(surplus, self._tasks):
            self._begin(held[book])

    def _begin(self, lease: Lease) -> None:
        task = asyncio.create_task(self._go_on(lease), name=f"{self._name} of {lease.book}")
        self._tasks[lease.book] = task
        task.add_done_callback(partial(self._done, lease.book))

    def _done(self, book: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(book) is task:
            del self._tasks[book]

    async def _go_on(self, lease: Lease) -> None:
        """Do the work, again and again if it fails."""
        while True:
            try:
                await self._work(lease)
            except UnavailableError:
                pass  # The database's trouble is told of elsewhere.
            except Exception:
                log.exception("work_failed", work=self._name, book=lease.book)
            await asyncio.sleep(PAUSE_S)

    async def _end(self, books: list[int]) -> None:
        await end_tasks(self._tasks[book] for book in books if book in self._tasks)

    def _give_up(self) -> None:
        """End all work before the leases run out that cannot be renewed."""
        log.warning("leases_lost", work=self._name, books=len(self._tasks))
        for task in self._tasks.values():
            task.cancel()
