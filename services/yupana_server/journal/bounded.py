"""Connections on which no wait for an answer is without end.

A connection can go silent without being closed: a proxy or a host on the way lost its state, or
Postgres hangs. The system notices only what it gets no acknowledgements for.
"""

import time
from typing import Any, Self, TypeVar

import psycopg
import structlog
from psycopg import pq
from psycopg.abc import PQGen

RV = TypeVar("RV")

SAID_AGAIN_AFTER_S = 60.0
"""How often the same reason is said why connections are refused: they are tried all the time."""

REASONS_MAX = 16

_said: dict[str, float] = {}
"""When what was said of refused connections."""

log = structlog.get_logger("yupana.journal")


class SilentError(psycopg.OperationalError):
    """No answer came in time; the connection is closed."""


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when an answer takes longer than `answer_timeout_s`."""

    answer_timeout_s = 10.0
    """Every statement of ours takes far less, and callers wait 15 s by default."""

    @classmethod
    async def connect(cls, conninfo: str = "", **given: Any) -> Self:
        """Connect, and say in the log why that is not possible: who waits is not told."""
        try:
            return await super().connect(conninfo, **given)
        except psycopg.OperationalError as error:
            _say(" ".join(str(error).split()))
            raise

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Have libpq do what `gen` says, for at most `answer_timeout_s` unless told otherwise."""
        timeout = self.answer_timeout_s if timeout is None else timeout
        try:
            return await super().wait(gen, interval, timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != pq.TransactionStatus.ACTIVE:
                raise  # Postgres answered, or the connection is closed already.
            self.pgconn.finish()
            raise SilentError(f"no answer from the database within {timeout:g} s") from error


def _say(reason: str) -> None:
    now = time.monotonic()
    if now - _said.get(reason, -SAID_AGAIN_AFTER_S) < SAID_AGAIN_AFTER_S:
        return
    if len(_said) >= REASONS_MAX:
        _said.clear()
    _said[reason] = now
    log.warning("database_refused", error=reason)
