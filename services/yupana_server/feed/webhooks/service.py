"""The part of the feed that delivers webhooks: what it is made of, begin and end."""

import asyncio
import ssl
from datetime import timedelta

import grpc.aio

from yupana.feed.v1 import webhook_service_pb2_grpc
from yupana_server.feed import wake_ups
from yupana_server.feed.webhooks.deliverer import Deliverer
from yupana_server.feed.webhooks.guard import Guard, Lookup
from yupana_server.feed.webhooks.health import Policy
from yupana_server.feed.webhooks.schedule import Schedule
from yupana_server.feed.webhooks.sending import Sender
from yupana_server.feed.webhooks.tools import Tools
from yupana_server.feed.webhooks.webhook_servicer import WebhookServicer
from yupana_server.journal.connect import FEED_APPLICATION
from yupana_server.journal.deliveries import DeliveryStore
from yupana_server.journal.entries import EntryReader
from yupana_server.journal.reads import JournalReader
from yupana_server.runtime.admin import VERSION
from yupana_server.runtime.config import FeedConfig
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.tasks import end_tasks

PROBE_GROWTH = 2.0
PROBE_MAX_S = 3_600.0
MANAGING_CONNECTIONS = 2


class Webhooks:
    """Delivers webhooks, and serves the calls that manage them."""

    def __init__(
        self,
        config: FeedConfig,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        """`lookup` and `tls` are for tests: who resolves names, and whom to trust."""
        self._config = config
        self._guard = Guard(allowed=config.webhook_networks, allow_http=config.webhook_allow_http)
        # What calls ask for must last; what deliveries note may be lost with its cause.
        self._managing = self._reader(MANAGING_CONNECTIONS, synchronous_commit="on")
        self._delivering = self._reader(config.webhook_connections, synchronous_commit="off")
        self._sender = Sender(
            self._guard,
            timeout_s=config.webhook_timeout_s,
            in_flight_max=config.webhook_in_flight_max,
            user_agent=f"Yupana/{VERSION}",
            lookup=lookup,
            tls=tls,
        )
        self._deliverer = Deliverer(
            self._tools(), self._delivering, poll_s=config.feed_poll_s, keep_s=config.webhook_keep_s
        )
        url = config.redis_url
        self._redis = None if url is None else Redis(url.get_secret_value(), connections_max=1)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, server: grpc.aio.Server | None) -> None:
        """Begin to deliver. Does not wait for a database that is away."""
        await self._managing.open()
        await self._delivering.open()
        if server is not None:
            webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server(
                WebhookServicer(self._managing, self._guard), server
            )
        self._tasks = [asyncio.create_task(self._deliverer.run())]
        if self._redis is not None:
            listening = wake_ups.listen(self._deliverer.wake, self._redis)
            self._tasks.append(asyncio.create_task(listening))

    async def stop(self) -> None:
        """End deliveries, those under way within a bounded time, and close all connections."""
        await end_tasks(self._tasks)
        await self._deliverer.close()
        if self._redis is not None:
            await self._redis.close()
        await self._delivering.close()
        await self._managing.close()

    def _reader(self, connections_max: int, *, synchronous_commit: str) -> JournalReader:
        return JournalReader(
            self._config.database_url.get_secret_value(),
            connections_max=connections_max,
            application=FEED_APPLICATION,
            synchronous_commit=synchronous_commit,
        )

    def _tools(self) -> Tools:
        config = self._config
        schedule = Schedule(
            config.webhook_attempts_max, config.webhook_retry_base_s, config.webhook_retry_max_s
        )
        probes = Schedule(
            base_s=config.webhook_probe_s, pause_max_s=PROBE_MAX_S, growth=PROBE_GROWTH
        )
        failing_for = timedelta(seconds=config.webhook_pause_after_s)
        return Tools(
            DeliveryStore(self._delivering),
            EntryReader(self._delivering),
            self._sender,
            schedule,
            Policy(config.webhook_pause_failures, failing_for, probes),
            asyncio.Semaphore(config.webhook_in_flight_max),
        )
