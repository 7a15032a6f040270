"""Views driven directly, so that a test says when something is folded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from support.databases import Database
from yupana_server.feed.view_folder import ViewFolder
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.runtime.redis import Redis
from yupana_server.view.store import ViewStore

ANSWER_TIMEOUT_S = 5.0
"""On a busy machine Redis may take longer than servers wait; here nothing goes on without it."""


class View(NamedTuple):
    """What views are folded and read with."""

    redis: Redis
    store: ViewStore
    journal: ViewJournal
    folder: ViewFolder

    async def catch_up(self) -> None:
        """Fold all that is in the journals."""
        while await self.folder.poll():
            pass

    def another_folder(self) -> ViewFolder:
        """Return what another feed would fold with."""
        return ViewFolder(self.journal, self.store, poll_s=0.02)


@asynccontextmanager
async def view_of(database: Database, redis_url: str, **options: float) -> AsyncIterator[View]:
    """A view that is folded when the test says so; `options` are those of the store."""
    reader = JournalReader(database.feed_url, connections_max=4, application=FEED_APPLICATION)
    await reader.open()
    redis = Redis(redis_url, connections_max=4, answer_timeout_s=ANSWER_TIMEOUT_S)
    store, journal = ViewStore(redis, **options), ViewJournal(reader)
    try:
        yield View(redis, store, journal, ViewFolder(journal, store, poll_s=0.02))
    finally:
        await redis.close()
        await reader.close()
