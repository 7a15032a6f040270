"""Pools of connections to the primary that give up in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from weakref import WeakSet

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from yupana_server.journal.bounded import BoundedConnection, SilentError
from yupana_server.journal.errors import UnavailableError
from yupana_server.journal.spans import database_span
from yupana_server.runtime.tasks import heeding_cancellation

WAITING_MAX = 1_000
"""How many reads may wait for a connection; the next one is refused at once."""

TIMEOUT_S = 3.0
RECONNECT_TIMEOUT_S = 2.0

_UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # A standby, or a primary that is being moved.
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    PoolTimeout,
    TooManyRequests,
)


_open: WeakSet["Pool"] = WeakSet()


@asynccontextmanager
async def closing_on_failure() -> AsyncIterator[None]:
    """Close all pools when the `with` block fails, which begins a process.

    A pool whose connections are on their way may take no notice of being cancelled, and the process
    would never end.
    """
    try:
        yield
    except BaseException:
        for pool in list(_open):
            await pool.close()
        raise


class PoolUse(NamedTuple):
    """How a pool of connections is used."""

    size: int
    idle: int
    waiting: int
    """Requests that wait for a connection."""
    size_max: int


class Pool:
    """Connections in autocommit mode. Raises UnavailableError when the database cannot answer."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        connections_max: int,
        answer_timeout_s: float,
        settings: Mapping[str, Any],
    ):
        """`settings` are parameters of a connection, `answer_timeout_s` bounds its statements."""
        self._answer_timeout_s = answer_timeout_s
        self._drained_at_s = 0.0
        self._returning: set[asyncio.Task[None]] = set()
        self._pool = AsyncConnectionPool(
            url,
            connection_class=BoundedConnection,
            min_size=1,
            max_size=connections_max,
            max_waiting=WAITING_MAX,
            # Gives up early and begins anew with the next call, so that statements go on as soon as
            # the database is back: by default the pauses between tries would grow to minutes.
            timeout=TIMEOUT_S,
            reconnect_timeout=RECONNECT_TIMEOUT_S,
            kwargs={"autocommit": True, **settings},
            configure=self._configure,
            open=False,
            name=name,
        )

    async def open(self, *, wait_s: float | None = None) -> None:
        """Begin to fill the pool; waits for the database only with `wait_s`.

        Raises:
            UnavailableError: It could not be reached within `wait_s`.
        """
        _open.add(self)
        try:
            await self._pool.open(wait=wait_s is not None, timeout=wait_s or 0.0)
        except PoolTimeout as error:
            raise UnavailableError("the database cannot be reached") from error

    async def close(self) -> None:
        """Close all connections."""
        _open.discard(self)
        await self._pool.close()

    def use(self) -> PoolUse:
        """Tell how the connections are used at this moment."""
        stats = self._pool.get_stats()
        return PoolUse(
            stats["pool_size"],
            stats["pool_available"],
            stats.get("requests_waiting", 0),
            stats["pool_max"],
        )

    @asynccontextmanager
    async def connection(self, operation: str, table: str) -> AsyncIterator[BoundedConnection]:
        """Lend a connection for as long as the `with` block runs, in a span of this name.

        Raises:
            UnavailableError: There is none, or the database does not take the statement.
        """
        began_at_s = time.monotonic()
        try:
            with database_span(operation, table):
                connection: BoundedConnection | None = None
                try:
                    with heeding_cancellation():
                        connection = await self._pool.getconn()
                    async with connection:
                        yield connection
                finally:
                    if connection is not None:
                        await self._put_back(connection)
        except _UNAVAILABLE as error:
            if isinstance(error, SilentError) and began_at_s > self._drained_at_s:
                # What made one connection go silent did so to others that were open then.
                self._drained_at_s = time.monotonic()
                await self._pool.drain()
            raise UnavailableError(str(error)) from error

    async def _put_back(self, connection: BoundedConnection) -> None:
        """Return a connection in a task of its own: the pool loses it when that is cancelled."""
        task = asyncio.create_task(self._pool.putconn(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        await asyncio.shield(task)

    async def _configure(self, connection: BoundedConnection) -> None:
        connection.answer_timeout_s = self._answer_timeout_s
