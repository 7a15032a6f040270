"""The spans of calls that are served, by OpenTelemetry's conventions for RPC.

Our own, because the interceptor of opentelemetry-instrumentation-grpc 0.66 writes attributes that
the conventions have replaced, and records nothing of a call's outcome. Without an exporter nothing
is recorded, but the caller's trace still reaches the log and the journal.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import grpc.aio
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler

from yupana_server.runtime.errors import CallError
from yupana_server.runtime.telemetry import TAKEN

SERVER_ERRORS = {
    "UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"
}  # fmt: skip
"""Codes that the conventions count as the server's fault; the others are no errors of its spans."""

TRACE_HEADERS = {"traceparent", "baggage"}

Metadata = Iterable[tuple[str, str | bytes]] | None

_tracer = trace.get_tracer("yupana.runtime")
_NO_SPAN = nullcontext(trace.INVALID_SPAN)
_key: ContextVar[str | None] = ContextVar("yupana_key", default=None)


def head_sampler() -> Sampler | None:
    """Return what decides which calls without a trace are recorded; None where spans are not."""
    provider = trace.get_tracer_provider()
    return provider.sampler if isinstance(provider, TracerProvider) else None


def caller_context(metadata: Metadata) -> Context:
    """Return the trace that the caller is in; none when it sent no W3C headers."""
    if TRACE_HEADERS.isdisjoint(dict(metadata or ())):
        return Context()
    carrier = {key: value for key, value in metadata or () if isinstance(value, str)}
    return extract(carrier, Context())


def call_span(
    method: str,
    context: grpc.aio.ServicerContext[Any, Any],
    request: Any,
    *,
    sampler: Sampler | None,
) -> AbstractContextManager[trace.Span]:
    """Begin the span of a call; the handler is in it. There may be none: see `begin_span`."""
    caller = caller_context(context.invocation_metadata())
    span = begin_span(method, caller, sampler=sampler)
    if span is trace.INVALID_SPAN:
        return _NO_SPAN
    if span.is_recording():
        span.set_attribute("network.peer.address", _address(context.peer()))
        note_request(span, request)
    return _within(span, caller)


@contextmanager
def _within(span: trace.Span, caller: Context) -> Iterator[trace.Span]:
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


def begin_span(
    method: str, caller: Context, what: str = "", *, sampler: Sampler | None
) -> trace.Span:
    """Begin the span of a call, or of `what` in it; `method` is its path on the wire.

    Outside of a trace of the caller's there is one only where the `sampler` takes it, else
    INVALID_SPAN.
    """
    if not caller:
        if sampler is None or not _takes(sampler, method):
            return trace.INVALID_SPAN
        caller = TAKEN
    name = method.removeprefix("/")
    attributes = {"rpc.system.name": "grpc", "rpc.method": name}
    if (key := current_key()) is not None:  # Of a request of a stream, whose key is known by now.
        attributes["enduser.id"] = key
    return _tracer.start_span(f"{name} {what}".rstrip(), caller, trace.SpanKind.SERVER, attributes)


def _takes(sampler: Sampler, method: str) -> bool:
    """Decide before there is a span: beginning one to drop it takes three times as long."""
    result = sampler.should_sample(None, random.getrandbits(128), method, trace.SpanKind.SERVER)
    return result.decision is Decision.RECORD_AND_SAMPLE


def note_key(key: str) -> None:
    """Note the id of the key by which the call under way is made."""
    _key.set(key)
    trace.get_current_span().set_attribute("enduser.id", key)


def current_key() -> str | None:
    """Return the id of the key by which the call under way is made, once that is known."""
    return _key.get()


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
