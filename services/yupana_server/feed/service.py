"""The `feed` process: follows the journals of all books."""

import asyncio
from contextlib import suppress

import structlog

from yupana_server.authorization.access import Access
from yupana_server.feed.feed_servicer import SERVICE
from yupana_server.feed.projector import Projector
from yupana_server.feed.telling import Telling
from yupana_server.feed.view_service import ViewService
from yupana_server.feed.webhooks.service import Webhooks
from yupana_server.feed.webhooks.webhook_servicer import SERVICE as WEBHOOKS
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.pool import closing_on_failure
from yupana_server.journal.projections import ProjectionStore
from yupana_server.journal.schema import newest_revision
from yupana_server.runtime import telemetry
from yupana_server.runtime.admin import add_admin, dump_on_signal
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.config import ConfigError, FeedConfig
from yupana_server.runtime.errors import database_unavailable
from yupana_server.runtime.garbage import set_up_collector
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.metrics import Gauge, observe, set_up_metrics, watch_event_loop
from yupana_server.runtime.server import Server, until_signal
from yupana_server.runtime.tasks import end_tasks

REPORT_EVERY_S = 1.0

LAG = Gauge(
    "yupana.projection.lag",
    "{entry}",
    "Entries that the projection lacks which is furthest behind, of all books.",
)
OPEN_HOLDS = Gauge("yupana.holds.open", "{hold}", "Open holds of all books, as counted last.")
COUNT_EVERY_S = 30.0

POSTGRES_HEALTH = "yupana.postgres"
"""Health name: whether the database answers."""

PROJECTIONS_HEALTH = "yupana.projections"
"""Health name: whether all projections are close enough for strong reads."""

log = structlog.get_logger("yupana.feed")


class FeedService:
    """A running feed."""

    def __init__(self, config: FeedConfig):
        self._config = config
        self._store = ProjectionStore(
            config.database_url.get_secret_value(), connections_max=config.feed_connections
        )
        self._projector = Projector(
            self._store, jobs_max=config.feed_connections - 1, poll_s=config.feed_poll_s
        )
        self._telling = Telling(config)
        self._webhooks = Webhooks(config)
        self._view: ViewService | None = None
        if config.redis_url is not None:
            self._view = ViewService(config, config.redis_url.get_secret_value())
        self._access = Access(config)
        self._admission = Admission(config.rpcs_max)
        self._server = Server(
            [
                CallInterceptor(
                    default_deadline_s=config.default_deadline_s,
                    admission=self._admission,
                    expected={UnavailableError: database_unavailable},
                    take_timeout_s=config.feed_take_timeout_s,
                ),
                *self._access.interceptors,
            ]
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._open_holds = 0

    async def start(self) -> str:
        """Begin to follow; returns the address. Does not wait for a database that is away.

        Raises:
            ConfigError: The database is there but has not been migrated.
            OSError: The address cannot be bound.
        """
        await self._store.open()
        await self._check_schema()
        await self._access.start()
        add_admin(self._server.grpc, "feed", newest_revision(), self._config)
        await self._telling.start(self._server.grpc)
        await self._webhooks.start(self._server.grpc)
        if self._view is not None:
            await self._view.start()
        address = await self._server.start(self._config, [SERVICE, WEBHOOKS])
        observe(LAG, lambda: {(): self._projector.lag_max})
        observe(OPEN_HOLDS, lambda: {(): self._open_holds})
        self._tasks = [
            asyncio.create_task(watch_event_loop()),
            asyncio.create_task(self._count()),
            asyncio.create_task(self._projector.run()),
            asyncio.create_task(self._report()),
        ]
        log.info("serving", address=address)
        return address

    async def stop(self) -> None:
        """Say that it is going, end what is under way, close all connections."""
        await self._server.drain(
            wait_s=self._config.drain_wait_s,
            grace_s=self._config.drain_grace_s,
            end_calls=self._end_calls,
        )
        await end_tasks(self._tasks)
        await self._webhooks.stop()
        await self._telling.stop()
        await self._projector.drain()
        if self._view is not None:
            await self._view.stop()
        await self._access.stop()
        await self._store.close()
        log.info("stopped")

    async def _end_calls(self) -> None:
        self._admission.close()
        self._telling.end()
        await self._admission.idle()

    async def _check_schema(self) -> None:
        with suppress(UnavailableError):
            schema = await self._store.schema()
            if schema < newest_revision():
                raise ConfigError(
                    f"the database has schema {schema}, this release needs {newest_revision()}: "
                    "run `yupana migrate`"
                )

    async def _report(self) -> None:
        while True:
            await self._server.report(POSTGRES_HEALTH, good=not self._projector.database_trouble)
            await self._server.report(PROJECTIONS_HEALTH, good=not self._projector.behind)
            await asyncio.sleep(REPORT_EVERY_S)

    async def _count(self) -> None:
        while True:
            with suppress(UnavailableError):
                self._open_holds = await self._store.open_holds()
            await asyncio.sleep(COUNT_EVERY_S)


async def serve(config: FeedConfig) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    stop_traces = telemetry.set_up_traces("yupana-feed")
    stop_metrics = set_up_metrics("yupana-feed", config.metrics_listen)
    service = FeedService(config)
    async with closing_on_failure():
        await service.start()
    set_up_collector()
    dump_on_signal()
    await until_signal()
    await service.stop()
    stop_metrics()
    stop_traces()
