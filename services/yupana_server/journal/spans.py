"""Spans of database calls, by the stable semantic conventions of OpenTelemetry."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from opentelemetry import trace

SQLSTATE_LENGTH = 5

_CLIENT = trace.SpanKind.CLIENT
_tracer = trace.get_tracer("yupana.journal")


class DatabaseCall:
    """How a call goes that a span is made of."""

    failure: str | None = None
    """A SQLSTATE, or what happened before Postgres could say one."""


@contextmanager
def database_span(operation: str, table: str, *, least_s: float = 0.0) -> Iterator[DatabaseCall]:
    """Record a call if what makes it is recorded, and if it takes `least_s` or fails.

    The psycopg instrumentation sees neither COPY nor the append connection's own protocol. No
    statement and no message of Postgres' is recorded: both may quote rows.
    """
    call = DatabaseCall()
    if not trace.get_current_span().is_recording():
        yield call
        return
    began_at_ns, began_ns = time.time_ns(), time.monotonic_ns()
    try:
        yield call
    except Exception as error:
        call.failure = getattr(error, "sqlstate", None) or type(error).__name__
        raise
    finally:
        if call.failure or time.monotonic_ns() - began_ns >= least_s * 1e9:
            _record(operation, table, began_at_ns, call.failure)


def _record(operation: str, table: str, began_at_ns: int, failure: str | None) -> None:
    # Not the current span, which takes as long again: nothing begins in it.
    name, attributes = f"{operation} {table}", _attributes(operation, table)
    span = _tracer.start_span(name, None, _CLIENT, attributes, start_time=began_at_ns)
    if failure:
        span.set_attribute("error.type", failure)
        if len(failure) == SQLSTATE_LENGTH:
            span.set_attribute("db.response.status_code", failure)
        span.set_status(trace.StatusCode.ERROR, failure)
    span.end()


@lru_cache(maxsize=256)
def _attributes(operation: str, table: str) -> Mapping[str, str]:
    return {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.collection.name": table,
    }
