"""Tells feeds that something was recorded, so that they need not wait until they look again."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from yupana_server.runtime.announcements import CHANNEL, write_books
from yupana_server.runtime.redis import AWAY_S, Redis, RedisAwayError

PAUSE_S = 0.002
"""How long it rests after an announcement: what commits meanwhile is announced together."""

Announce: TypeAlias = Callable[[str], None]


def nobody(_: str) -> None:
    """Announce to nobody: there is no Redis."""


class Announcer:
    """Announces books after commits. No commit waits for it, and none fails with it."""

    def __init__(self, redis: Redis):
        self._redis = redis
        self._books: set[str] = set()
        self._noted = asyncio.Event()

    def note(self, book: str) -> None:
        """Have it announced that something was recorded in a book."""
        self._books.add(book)
        self._noted.set()

    async def run(self) -> None:
        """Announce what is noted until cancelled, again and again until Redis takes it."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            books, self._books = self._books, set()
            try:
                async with self._redis.use() as client:
                    await client.publish(CHANNEL, write_books(books))
            except RedisAwayError:  # Feeds look by themselves meanwhile.
                await asyncio.sleep(AWAY_S)
                self._books |= books
                self._noted.set()
            await asyncio.sleep(PAUSE_S)
