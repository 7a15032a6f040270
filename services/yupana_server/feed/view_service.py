"""The part of the feed that keeps the Redis view: its connections, its task, its gauge."""

import asyncio

from yupana_server.feed import view_measures
from yupana_server.feed.view_folder import ViewFolder
from yupana_server.feed.wake_ups import listen
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.runtime.config import FeedConfig
from yupana_server.runtime.metrics import observe
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.tasks import end_tasks
from yupana_server.view.store import ViewStore

BOOKS_AT_A_TIME = 2
"""How many views are folded at the same moment; each needs a connection to either side."""


class ViewService:
    """Keeps the views of all books, where there is a Redis."""

    def __init__(self, config: FeedConfig, redis_url: str):
        self._reader = JournalReader(
            config.database_url.get_secret_value(),
            connections_max=BOOKS_AT_A_TIME,
            application=FEED_APPLICATION,
        )
        self._redis = Redis(redis_url, connections_max=BOOKS_AT_A_TIME)
        self.folder = ViewFolder(
            ViewJournal(self._reader),
            ViewStore(self._redis),
            poll_s=config.feed_poll_s,
            jobs_max=BOOKS_AT_A_TIME,
        )
        self._listening = Redis(redis_url, connections_max=1)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to follow; does not wait for a database or a Redis that is away."""
        await self._reader.open()
        view_measures.begin()
        observe(view_measures.BEHIND, lambda: {(): self.folder.behind_max})
        self._tasks = [
            asyncio.create_task(self.folder.run()),
            asyncio.create_task(listen(self.folder.wake, self._listening)),
        ]

    async def stop(self) -> None:
        """End what is under way and close all connections; another feed goes on from there."""
        await end_tasks(self._tasks)
        await self._listening.close()
        await self._redis.close()
        await self._reader.close()
