"""The `worker` process: audits the journals of all books."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import structlog

from yupana_server.journal.audits import AuditStore
from yupana_server.journal.connect import WORKER_APPLICATION
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.pool import closing_on_failure
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.schema import newest_revision
from yupana_server.journal.view_rows import ViewJournal
from yupana_server.runtime import telemetry
from yupana_server.runtime.admin import add_admin, dump_on_signal
from yupana_server.runtime.config import ConfigError, WorkerConfig
from yupana_server.runtime.metrics import set_up_metrics, watch_event_loop
from yupana_server.runtime.redis import Redis
from yupana_server.runtime.server import Server, until_signal
from yupana_server.runtime.tasks import end_tasks
from yupana_server.worker.auditor import Auditor
from yupana_server.worker.book_audit import BookAudits
from yupana_server.worker.metrics import report_audit
from yupana_server.worker.share import Share
from yupana_server.worker.view_audit import ViewAudit

REPORT_EVERY_S = 1.0

CONNECTIONS = 2

POSTGRES_HEALTH = "yupana.postgres"
"""Health name: whether the database answers."""

AUDIT_HEALTH = "yupana.audit"
"""Health name: whether no audit found a difference that nobody acknowledged."""

LAG_HEALTH = "yupana.audit.lag"
"""Health name: whether audits keep up with what is recorded."""

log = structlog.get_logger("yupana.worker")


class WorkerService:
    """A running worker."""

    def __init__(self, config: WorkerConfig):
        self._config = config
        self._reader = JournalReader(
            config.database_url.get_secret_value(),
            connections_max=CONNECTIONS,
            application=WORKER_APPLICATION,
            # What was found and where it stands are lost together, and then found again.
            synchronous_commit="off",
        )
        self._store = AuditStore(self._reader, uuid4().hex)
        share = Share(config.audit_share)
        books = BookAudits(self._reader, self._store, share, facts_max=config.audit_facts)
        self._auditor = Auditor(
            self._store, books, share, poll_s=config.audit_poll_s, again_s=config.audit_again_s
        )
        report_audit(self._auditor)
        self._redis: Redis | None = None
        self._views: ViewAudit | None = None
        if config.redis_url is not None:
            self._redis = Redis(config.redis_url.get_secret_value(), connections_max=1)
            self._views = ViewAudit(
                ViewJournal(self._reader), self._redis, Share(config.audit_share)
            )
        self._server = Server([])
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Begin to work; returns the address. Does not wait for a database that is away.

        Raises:
            ConfigError: The database is there but has not been migrated.
            OSError: The address cannot be bound.
        """
        await self._reader.open()
        await self._check_schema()
        add_admin(self._server.grpc, "worker", newest_revision(), self._config)
        address = await self._server.start(self._config, ())
        self._tasks = [
            asyncio.create_task(watch_event_loop()),
            asyncio.create_task(self._auditor.run()),
            asyncio.create_task(self._report()),
        ]
        if self._views is not None:
            self._tasks.append(asyncio.create_task(self._views.run()))
        log.info("serving", address=address)
        return address

    async def stop(self) -> None:
        """Say that it is going, end what is under way, close all connections."""
        await self._server.drain(
            wait_s=self._config.drain_wait_s, grace_s=self._config.drain_grace_s
        )
        await end_tasks(self._tasks)
        with suppress(UnavailableError):
            await self._store.release()
        if self._redis is not None:
            await self._redis.close()
        await self._reader.close()
        log.info("stopped")

    async def _check_schema(self) -> None:
        with suppress(UnavailableError):
            schema = await self._store.schema()
            if schema < newest_revision():
                raise ConfigError(
                    f"the database has schema {schema}, this release needs {newest_revision()}: "
                    "run `yupana migrate`"
                )

    async def _report(self) -> None:
        auditor = self._auditor
        while True:
            await self._server.report(POSTGRES_HEALTH, good=not auditor.database_trouble)
            await self._server.report(AUDIT_HEALTH, good=auditor.good)
            keeps_up = auditor.lag_max <= self._config.audit_lag_max
            await self._server.report(LAG_HEALTH, good=keeps_up)
            await asyncio.sleep(REPORT_EVERY_S)


async def serve(config: WorkerConfig) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    stop_traces = telemetry.set_up_traces("yupana-worker")
    stop_metrics = set_up_metrics("yupana-worker", config.metrics_listen)
    service = WorkerService(config)
    async with closing_on_failure():
        await service.start()
    dump_on_signal()
    await until_signal()
    await service.stop()
    stop_metrics()
    stop_traces()
