"""Connections on which no wait for an answer is without end.

A connection can go silent without being closed: a proxy or a host on the way lost its state, or
Postgres hangs. The system notices only what it gets no acknowledgements for.
"""

from typing import Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen

RV = TypeVar("RV")


class SilentError(psycopg.OperationalError):
    """No answer came in time; the connection is closed."""


class BoundedConnection(psycopg.AsyncConnection[Any]):
    """A connection that is closed when an answer takes longer than `answer_timeout_s`."""

    answer_timeout_s = 10.0
    """Every statement of ours takes far less, and callers wait 15 s by default."""

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
