"""What a feed needs to tell events: connections, followers, and what wakes them."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import grpc.aio

from yupana_server.feed import measures, wake_ups
from yupana_server.feed.feed_servicer import FeedServicer, add_feed
from yupana_server.feed.following.follower import Journals
from yupana_server.feed.following.followers import Followers
from yupana_server.feed.following.pages import Pages
from yupana_server.feed.leases import Leases
from yupana_server.feed.streams import WORK, StreamPublisher
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.replicas import ReplicaReader
from yupana_server.journal.replicated_lines import ReplicatedLines
from yupana_server.runtime.config import FeedConfig
from yupana_server.runtime.metrics import observe
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.tasks import end_tasks

OTHER_CONNECTIONS = 2
"""How many connections are left for other things than pages of what is long past."""

STREAM_CONNECTIONS = 4
STREAM_TIMEOUT_S = 1.0
"""Nobody waits for what goes to streams, and it goes there by the hundred."""


class _Publishing(NamedTuple):
    """What publishes to Redis Streams."""

    leases: Leases
    redis: Redis


class Telling:
    """Tells events to subscribers, and whoever else in this process wants them."""

    def __init__(self, config: FeedConfig):
        self._poll_s = config.feed_poll_s
        self.reader = JournalReader(
            config.database_url.get_secret_value(),
            connections_max=config.feed_read_connections,
            application=FEED_APPLICATION,
        )
        journals = Journals.of(self.reader)
        self.followers = Followers(journals, events_max=config.feed_ring_entries)
        self._replicas = [
            ReplicaReader(
                url,
                connections_max=config.feed_read_connections,
                application=FEED_APPLICATION,
            )
            for url in config.replica_urls
        ]
        self.pages = Pages(
            ReplicatedLines(self.reader, self._replicas),
            at_once=max(1, config.feed_read_connections - OTHER_CONNECTIONS),
        )
        self._servicer = FeedServicer(self.followers, self.pages)
        url = config.redis_url
        self._redis = None if url is None else Redis(url.get_secret_value(), connections_max=1)
        self._publishing = self._streams(config)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, server: grpc.aio.Server) -> None:
        """Serve FeedService and begin to follow what is asked for."""
        for reader in (self.reader, *self._replicas):
            await reader.open()
        add_feed(self._servicer, server)
        measures.begin()
        observe(measures.SUBSCRIBERS, lambda: {(): self._servicer.subscribers})
        observe(measures.FOLLOWED, lambda: {(): self.followers.count})
        self._tasks = [
            asyncio.create_task(wake_ups.poll(self.followers, every_s=self._poll_s)),
        ]
        if self._redis is not None:
            listening = wake_ups.listen(self._wake, self._redis, begun=self.followers.wake_all)
            self._tasks.append(asyncio.create_task(listening))
        if self._publishing is not None:
            self._tasks.append(asyncio.create_task(self._publishing.leases.run()))

    def _streams(self, config: FeedConfig) -> "_Publishing | None":
        if config.redis_url is None or not config.feed_stream_entries:
            return None
        redis = Redis(
            config.redis_url.get_secret_value(),
            connections_max=STREAM_CONNECTIONS,
            answer_timeout_s=STREAM_TIMEOUT_S,
        )
        publisher = StreamPublisher(
            self.followers, self.pages, redis, length=config.feed_stream_entries
        )
        return _Publishing(Leases(self.reader, WORK, publisher.publish), redis)

    def _wake(self, books: Sequence[str]) -> None:
        measures.note_wake_ups("announcement", self.followers.wake(books))

    def end(self) -> None:
        """Have all subscriptions end, so that their callers go on elsewhere."""
        self.followers.end()

    async def stop(self) -> None:
        """End all work and close all connections."""
        await end_tasks(self._tasks)
        if self._publishing is not None:
            await self._publishing.leases.close()
            await self._publishing.redis.close()
        await self.followers.close()
        for reader in (self.reader, *self._replicas):
            await reader.close()
        if self._redis is not None:
            await self._redis.close()
