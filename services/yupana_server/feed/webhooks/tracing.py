"""Carries the trace of the call that had an entry recorded on to the endpoint's owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from yupana_server.runtime import telemetry

_tracer = trace.get_tracer("yupana.webhooks")
_propagator = TraceContextTextMapPropagator()


@contextmanager
def attempt_span(book_id: str, event_id: str, trace_id: bytes | None) -> Iterator[trace.Span]:
    """Begin the span of an attempt, in the trace of the call that had the entry recorded."""
    with _tracer.start_as_current_span(
        "webhook deliver",
        _caller(event_id, trace_id),
        trace.SpanKind.CLIENT,
        {"yupana.book": book_id, "yupana.event": event_id},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def note_attempt(span: trace.Span, status: int | None, error: str) -> None:
    """Note what came of it."""
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if error:
        span.set_attribute("error.type", error)
        span.set_status(trace.StatusCode.ERROR, error)


def headers_of(span: trace.Span) -> dict[str, str]:
    """Return the W3C headers that continue the trace; none without one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(span))
    return carrier


def _caller(event_id: str, trace_id: bytes | None) -> Context:
    """Return the trace to be in.

    The journal keeps its id alone. So the caller's span is one that nobody has seen, the same for
    all attempts; and whether it is recorded is decided as for a trace that begins here, which by
    the usual sampler, a share of all trace ids, is what was decided where it began.
    """
    if trace_id is None:
        return Context()
    number = int.from_bytes(trace_id, "big")
    flags = trace.TraceFlags.SAMPLED if _is_sampled(number) else trace.TraceFlags.DEFAULT
    span_id = int.from_bytes(sha256(event_id.encode()).digest()[:8], "big") or 1
    caller = trace.SpanContext(number, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
    return trace.set_span_in_context(trace.NonRecordingSpan(caller), Context())


def _is_sampled(trace_id: int) -> bool:
    if not telemetry.configured():
        return False
    decision = _sampler().should_sample(None, trace_id, "webhook deliver").decision
    return decision is Decision.RECORD_AND_SAMPLE


@cache
def _sampler() -> Sampler:
    return telemetry.sampler()
