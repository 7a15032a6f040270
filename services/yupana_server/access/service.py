"""The `access` process: wires keys to a server."""

import asyncio
from contextlib import suppress

import structlog

from yupana.access.v1 import access_service_pb2_grpc
from yupana_server.access.access_servicer import SERVICE, AccessServicer
from yupana_server.access.edge_check import EdgeCheck
from yupana_server.authorization.access import Access
from yupana_server.journal import upkeep
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.key_store import KeyStore
from yupana_server.journal.keys import KeyReader
from yupana_server.journal.pool import closing_on_failure
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.schema import newest_revision
from yupana_server.runtime import telemetry
from yupana_server.runtime.admin import add_admin, dump_on_signal
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.config import AccessConfig, ConfigError
from yupana_server.runtime.errors import database_unavailable
from yupana_server.runtime.garbage import set_up_collector
from yupana_server.runtime.interceptors import CallInterceptor
from yupana_server.runtime.metrics import set_up_metrics, watch_event_loop
from yupana_server.runtime.server import Server, until_signal
from yupana_server.runtime.tasks import end_tasks

CONNECTIONS = 2
REPORT_EVERY_S = 1.0

POSTGRES_HEALTH = "yupana.postgres"
"""Health name: whether the database answers."""

log = structlog.get_logger("yupana.access")


class AccessProcess:
    """A running access."""

    def __init__(self, config: AccessConfig):
        self._config = config
        self._reader = JournalReader(
            config.database_url.get_secret_value(), connections_max=CONNECTIONS
        )
        self._access = Access(config)
        self._admission = Admission(config.rpcs_max)
        self._server = Server(
            [
                CallInterceptor(
                    default_deadline_s=config.default_deadline_s,
                    admission=self._admission,
                    expected={UnavailableError: database_unavailable},
                ),
                *self._access.interceptors,
            ]
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Begin to serve; returns the address. Does not wait for a database that is away.

        Raises:
            ConfigError: The database is there but has not been migrated.
            OSError: The address cannot be bound.
        """
        await self._reader.open()
        await self._access.start()
        good = await self._look(first=True)
        servicer = AccessServicer(
            KeyReader(self._reader), KeyStore(self._reader), self._config.hash_keys[0]
        )
        access_service_pb2_grpc.add_AccessServiceServicer_to_server(servicer, self._server.grpc)
        EdgeCheck(self._access.gate).add_to(self._server.grpc)
        add_admin(self._server.grpc, "access", newest_revision(), self._config)
        address = await self._server.start(self._config, [SERVICE])
        await self._server.report(POSTGRES_HEALTH, good=good)
        self._tasks = [
            asyncio.create_task(watch_event_loop()),
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
        await self._access.stop()
        await self._reader.close()
        log.info("stopped")

    async def _end_calls(self) -> None:
        self._admission.close()
        await self._admission.idle()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self._server.report(POSTGRES_HEALTH, good=await self._look())

    async def _look(self, *, first: bool = False) -> bool:
        """Tell whether the database answers, and has the schema of this release."""
        with suppress(UnavailableError):
            schema = await upkeep.schema(self._reader)
            if first and schema < newest_revision():
                raise ConfigError(
                    f"the database has schema {schema}, this release needs {newest_revision()}: "
                    "run `yupana migrate`"
                )
            return True
        return False


async def serve(config: AccessConfig) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    stop_traces = telemetry.set_up_traces("yupana-access")
    stop_metrics = set_up_metrics("yupana-access", config.metrics_listen)
    process = AccessProcess(config)
    async with closing_on_failure():
        await process.start()
    set_up_collector()
    dump_on_signal()
    await until_signal()
    await process.stop()
    stop_metrics()
    stop_traces()
