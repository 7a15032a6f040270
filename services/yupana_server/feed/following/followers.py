"""The followers of this process: one for each book that somebody wants to know of."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from yupana_server.feed.following.follower import Follower, Journals, follower_at_tail
from yupana_server.journal.entries import Place
from yupana_server.runtime.admission import draining
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.tasks import end_tasks

LINGER_S = 10.0
"""How long a book is followed after the last one has gone: most come back at once."""


class Followers:
    """Makes followers when they are wanted, and lets go of them some time later."""

    def __init__(self, journals: Journals, *, events_max: int):
        """`events_max` is how many events of each book are kept in memory."""
        self.journals = journals
        self._events_max = events_max
        self._followers: dict[str, Follower] = {}
        self._wanted: dict[str, int] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    @property
    def count(self) -> int:
        """How many books are followed."""
        return len(self._followers)

    @property
    def closed(self) -> bool:
        """Whether everybody has been told to go elsewhere."""
        return self._closed

    @asynccontextmanager
    async def follow(self, book_id: str) -> AsyncIterator[Follower]:
        """Lend the follower of a book for as long as the `with` block runs.

        Raises:
            CallError: BOOK_NOT_FOUND.
            UnavailableError: The database cannot answer.
        """
        self._wanted[book_id] = self._wanted.get(book_id, 0) + 1
        try:
            yield await self._follower(book_id)
        finally:
            self._wanted[book_id] -= 1
            if not self._wanted[book_id]:
                asyncio.get_running_loop().call_later(LINGER_S, self._let_go, book_id)

    def places(self) -> list[Place]:
        """How far the books have been read that are followed."""
        return [follower.place for follower in self._followers.values()]

    def wake(self, books: Iterable[str]) -> int:
        """Have the followers of these books look; returns how many there are."""
        found = [self._followers[book] for book in books if book in self._followers]
        for follower in found:
            follower.wake()
        return len(found)

    def wake_all(self) -> None:
        """Have all followers look."""
        self.wake(list(self._followers))

    def wake_numbers(self, numbers: set[int]) -> int:
        """Have the followers of the books with these numbers look; returns how many there are."""
        return self.wake(
            [book for book, each in self._followers.items() if each.book.number in numbers]
        )

    def end(self) -> None:
        """Tell everybody to go elsewhere: this process ends."""
        self._closed = True
        for follower in self._followers.values():
            follower.tell()

    async def close(self) -> None:
        """Let go of all followers."""
        await end_tasks(self._tasks.values())

    async def _follower(self, book_id: str) -> Follower:
        async with self._making.setdefault(book_id, asyncio.Lock()):
            follower = self._followers.get(book_id)
            if follower is None or follower.gone:
                self._drop(book_id)
                follower = self._followers[book_id] = await self._make(book_id)
                self._tasks[book_id] = asyncio.create_task(
                    follower.run(), name=f"follower of {book_id}"
                )
            return follower

    async def _make(self, book_id: str) -> Follower:
        if self._closed:
            raise draining()
        book = await self.journals.reader.book(book_id)
        if book is None:
            raise book_not_found(book_id)
        return await follower_at_tail(book, self.journals, events_max=self._events_max)

    def _let_go(self, book_id: str) -> None:
        if not self._wanted.get(book_id):
            self._drop(book_id)
            self._wanted.pop(book_id, None)
            self._making.pop(book_id, None)

    def _drop(self, book_id: str) -> None:
        self._followers.pop(book_id, None)
        task = self._tasks.pop(book_id, None)
        if task is not None:
            task.cancel()


def book_not_found(book_id: str) -> CallError:
    """Return what is said about a book that there is not."""
    return CallError(
        "BOOK_NOT_FOUND", f"there is no book {book_id}: create it first", metadata={"book": book_id}
    )
