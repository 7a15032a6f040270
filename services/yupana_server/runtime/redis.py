"""The connection to Redis, or Valkey, which is never the truth and may be away at any moment."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import redis.asyncio as redis
import structlog
from redis.asyncio.connection import AbstractConnection, RedisSSLContext
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from yupana_server.runtime.config import ConfigError
from yupana_server.runtime.tasks import heeding_cancellation

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
        """Connects when it is first used; `connections_max` bounds those of `use` and of `call`.

        Raises:
            ConfigError: The URL's parameters, or the certificates in them, cannot be used.
        """
        try:
            self._pool = redis.BlockingConnectionPool.from_url(
                url,
                max_connections=connections_max,
                timeout=answer_timeout_s,
                socket_timeout=answer_timeout_s,
                socket_connect_timeout=answer_timeout_s,
                retry=Retry(NoBackoff(), 0),  # Who calls goes on without it.
            )
        except ValueError as error:
            raise ConfigError(f"YUPANA_REDIS_URL=***: {error}") from error
        if issubclass(self._pool.connection_class, redis.SSLConnection):
            self._pool.connection_class = _TlsConnection
        _check(self._pool)
        self._answer_timeout_s = answer_timeout_s
        self._client = redis.Redis(connection_pool=self._pool)
        # Of `call`, which has connections of its own.
        self._places = asyncio.Semaphore(connections_max)
        self._connections: list[AbstractConnection] = []
        self._idle: list[AbstractConnection] = []
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

        The client would count, would wrap it all in what retries, and would send in a task of its
        own to bound the time: 62 us of CPU time a command instead of 38.

        Raises:
            RedisAwayError: It cannot be reached, or refused the command; that it ran is possible.
            NoScriptError: It does not have the script.
        """
        with self._giving_up():
            async with asyncio.timeout(self._answer_timeout_s):
                await self._places.acquire()  # Those who came first go first.
            try:
                self._leave_alone()  # As those may have found out meanwhile who came first.
                return await self._ask(command)
            finally:
                self._places.release()

    async def _ask(self, command: Sequence[str | int | bytes]) -> Any:
        connection = self._idle.pop() if self._idle else self._connection()
        try:
            if connection.is_connected and await connection.can_read():
                await connection.disconnect()  # Redis has closed it; it is opened anew below.
            if not connection.is_connected:
                async with asyncio.timeout(2 * self._answer_timeout_s):
                    await connection.connect()  # type: ignore[no-untyped-call]
            async with asyncio.timeout(self._answer_timeout_s):
                await connection.send_command(*command)
                return await connection.read_response()
        finally:  # One that failed has been closed, and will be opened anew.
            self._idle.append(connection)

    def _connection(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        connection.socket_timeout = None  # `call` bounds the time.
        self._connections.append(connection)
        return connection

    def _leave_alone(self) -> None:
        if self.away:
            raise RedisAwayError("Redis did not answer a moment ago")

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        self._leave_alone()
        try:
            with heeding_cancellation():
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
        for connection in self._connections:
            await connection.disconnect(nowait=True)
        await self._client.aclose()
        await self._pool.disconnect()


class _TlsConnection(redis.SSLConnection):
    """Reads certificates anew whenever it connects, as their files may have changed."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        self.ssl_context.context = _tls(self.ssl_context)
        return super()._connection_arguments()


def _tls(given: RedisSSLContext) -> ssl.SSLContext:
    """Return what redis-py would make, but trust none besides the authority that is given.

    It reads the system's authorities as well, which takes 26 ms instead of 3.
    """
    context = ssl.create_default_context(
        cafile=given.ca_certs, capath=given.ca_path, cadata=given.ca_data
    )
    context.check_hostname = given.check_hostname
    context.verify_mode = given.cert_reqs
    for flag in given.include_verify_flags or ():
        context.verify_flags |= flag
    for flag in given.exclude_verify_flags or ():
        context.verify_flags &= ~flag
    if given.certfile:
        context.load_cert_chain(given.certfile, given.keyfile, given.password)
    if given.min_version is not None:
        context.minimum_version = given.min_version
    if given.ciphers is not None:
        context.set_ciphers(given.ciphers)
    return context


def _check(pool: redis.ConnectionPool) -> None:
    try:
        connection = pool.connection_class(**pool.connection_kwargs)
    except (RedisError, TypeError, ValueError) as error:
        raise ConfigError(f"YUPANA_REDIS_URL=***: {error}") from error
    if not isinstance(connection, redis.SSLConnection):
        return
    try:
        _tls(connection.ssl_context)
    except (OSError, TypeError, ValueError) as error:  # An ssl.SSLError is an OSError.
        found = connection.certfile, connection.keyfile, connection.ca_certs
        names = ", ".join(name for name in found if name)
        raise ConfigError(
            f"YUPANA_REDIS_URL=***: its certificates cannot be used ({error}): {names}"
        ) from error
