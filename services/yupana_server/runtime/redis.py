"""The connection to Redis, or Valkey, which is never the truth and may be away at any moment."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import redis.asyncio as redis
import structlog
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

ANSWER_TIMEOUT_S = 0.25
"""Redis answers within a millisecond, or it is not worth waiting for."""

AWAY_S = 0.5
"""How long it is left alone after it did not answer, so that not every call waits for it."""

log = structlog.get_logger("yupana.redis")


class RedisAwayError(Exception):
    """Redis did not answer, or is left alone because it did not; do without."""


class Redis:
    """Connections to one Redis that give up at once and leave it alone for a moment then."""

    def __init__(
        self, url: str, *, connections_max: int, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ):
        """Connects when it is first used; `connections_max` calls may wait for it at a time."""
        self._pool = redis.BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=answer_timeout_s,
            socket_timeout=answer_timeout_s,
            socket_connect_timeout=answer_timeout_s,
            retry=Retry(NoBackoff(), 0),  # Who calls goes on without it.
        )
        self._client = redis.Redis(connection_pool=self._pool)
        # Connections out of the pool that `call` keeps, some of all so that others have theirs.
        self._spare: list[AbstractConnection] = []
        self._spare_max = connections_max // 2
        self._away_until = 0.0
        self._trouble = False

    @property
    def away(self) -> bool:
        """Whether it is left alone at this moment."""
        return time.monotonic() < self._away_until

    @property
    def trouble(self) -> bool:
        """Whether it did not answer the last time."""
        return self._trouble

    @asynccontextmanager
    async def use(self) -> AsyncIterator[redis.Redis]:
        """Lend the client for commands that belong together.

        Raises:
            RedisAwayError: It cannot be reached, or refused the command; that it ran is possible.
        """
        with self._giving_up():
            yield self._client

    async def call(self, *command: str | int | bytes) -> Any:
        """Send one command and return its answer, texts as bytes.

        The client would take a connection out of the pool, count, and put it back, and would wrap
        it all in what retries: 150 us a command instead of 100.

        Raises:
            RedisAwayError: It cannot be reached, or refused the command; that it ran is possible.
            NoScriptError: It does not have the script.
        """
        with self._giving_up():
            connection = await self._connection()
            try:
                if connection.is_connected and await connection.can_read():
                    await connection.disconnect()  # Redis has closed it; it is opened anew below.
                await connection.send_command(*command)
                return await connection.read_response()
            finally:  # One that failed has been closed, and will be opened anew.
                if len(self._spare) < self._spare_max:
                    self._spare.append(connection)
                else:
                    await self._pool.release(connection)

    async def _connection(self) -> AbstractConnection:
        if self._spare:
            return self._spare.pop()
        return await self._pool.get_connection()  # type: ignore[no-untyped-call, no-any-return]

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        if self.away:
            raise RedisAwayError("Redis did not answer a moment ago")
        try:
            yield
        except NoScriptError:
            raise
        except (RedisError, OSError, asyncio.IncompleteReadError) as error:
            self._away_until = time.monotonic() + AWAY_S
            if not self._trouble:
                log.warning("redis_unavailable", error=str(error).partition("\n")[0])
            self._trouble = True
            raise RedisAwayError(str(error)) from error
        else:
            if self._trouble:
                log.info("redis_back")
            self._trouble = False

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._pool.disconnect()
