"""The spans of calls that are served, by OpenTelemetry's conventions for RPC.

Our own, because the interceptor of opentelemetry-instrumentation-grpc 0.66 writes attributes that
the conventions have replaced, and records nothing of a call's outcome. Without an exporter nothing
is recorded, but the caller's trace still reaches the log and the journal.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import grpc.aio
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract

from yupana_server.runtime.errors import CallError

SERVER_ERRORS = {
    "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"
}  # fmt: skip
"""Codes that the conventions count as the server's fault; the others are no errors of its spans."""

TRACE_HEADERS = {"traceparent", "baggage"}

Metadata = Iterable[tuple[str, str | bytes]] | None

_tracer = trace.get_tracer("yupana.runtime")
_NO_SPAN = nullcontext(trace.INVALID_SPAN)


def are_recorded() -> bool:
    """Tell whether spans may go anywhere: whether there is somebody to record them."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def caller_context(metadata: Metadata) -> Context:
    """Return the trace that the caller is in; none when it sent no W3C headers."""
    if not _in_a_trace(metadata):
        return Context()
    carrier = {key: value for key, value in metadata or () if isinstance(value, str)}
    return extract(carrier, Context())


def _in_a_trace(metadata: Metadata) -> bool:
    return not TRACE_HEADERS.isdisjoint(dict(metadata or ()))


def call_span(
    method: str, context: grpc.aio.ServicerContext[Any, Any], request: Any, *, recorded: bool
) -> AbstractContextManager[trace.Span]:
    """Begin the span of a call; the handler is in it.

    Where spans are not `recorded` and the caller is in no trace, there is none.
    """
    metadata = context.invocation_metadata()
    if recorded or _in_a_trace(metadata):
        return _call_span(method, context, request, caller_context(metadata))
    return _NO_SPAN


@contextmanager
def _call_span(
    method: str, context: grpc.aio.ServicerContext[Any, Any], request: Any, caller: Context
) -> Iterator[trace.Span]:
    span = begin_span(method, caller)
    if span.is_recording():
        span.set_attribute("network.peer.address", _address(context.peer()))
        note_request(span, request)
    token = contexts.attach(trace.set_span_in_context(span, caller))
    try:
        yield span
    finally:
        span.end()
        contexts.detach(token)


@contextmanager
def stream_span(context: grpc.aio.ServicerContext[Any, Any]) -> Iterator[trace.Span]:
    """Have the handler be in its caller's span.

    A stream lasts for minutes: it has no span, but each of its requests makes one of its own.
    """
    caller = caller_context(context.invocation_metadata())
    token = contexts.attach(caller)
    try:
        yield trace.INVALID_SPAN
    finally:
        contexts.detach(token)


def begin_span(method: str, caller: Context, what: str = "") -> trace.Span:
    """Begin the span of a call, or of `what` in it; `method` is its path on the wire."""
    name = method.removeprefix("/")
    attributes = {"rpc.system.name": "grpc", "rpc.method": name}
    return _tracer.start_span(f"{name} {what}".rstrip(), caller, trace.SpanKind.SERVER, attributes)


def note_request(span: trace.Span, request: Any) -> None:
    """Note what a request is about."""
    if span.is_recording() and (book := book_of(request)) is not None:
        span.set_attribute("yupana.book", book)


def note_status(span: trace.Span, code: str, error: CallError | None = None) -> None:
    """Note how a call ended: an error of the span only where it is the server's fault."""
    if not span.is_recording():
        return
    span.set_attribute("rpc.response.status_code", code)
    if error is not None:
        span.set_attribute("yupana.reason", error.reason)
    if code in SERVER_ERRORS:
        span.set_attribute("error.type", code)
        # Not the message: it may name accounts.
        span.set_status(trace.StatusCode.ERROR, None if error is None else error.reason)


BOOK_LENGTH_MAX = 128


def book_of(request: Any) -> str | None:
    """Return the book that a request names, unless that cannot be an id and may be anything."""
    book = getattr(request, "book", None)
    if isinstance(book, str) and 0 < len(book) <= BOOK_LENGTH_MAX:
        return book if book.isascii() and book.isprintable() else None
    return None


def _address(peer: str) -> str:
    """Return the address alone, of a peer such as ipv4:10.0.0.7:51234."""
    return peer.partition(":")[2].rpartition(":")[0]
