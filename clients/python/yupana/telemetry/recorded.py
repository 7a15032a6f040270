"""Spans and a metric by OpenTelemetry's conventions for RPC."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry import context as contexts
from opentelemetry import metrics, trace
from opentelemetry.propagate import inject

from yupana.attempts import NotAnsweredError
from yupana.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextvars import Context
    from types import TracebackType
    from typing import Self

    from yupana.attempts import Attempts
    from yupana.commands import Command
    from yupana.methods import Method, Request, Response
    from yupana.outcomes import Outcome
    from yupana.telemetry.spans import Carried, Metadata

    Attributes: TypeAlias = dict[str, str | int | bool]

LINKS_MAX = 128
"""As many as an SDK keeps, unless it is told otherwise."""

# The semantic conventions' advice, in seconds.
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_tracer = trace.get_tracer("yupana")
_duration = metrics.get_meter("yupana").create_histogram(
    "rpc.client.call.duration",
    unit="s",
    description="How long calls took, with all their attempts.",
    explicit_bucket_boundaries_advisory=_BOUNDS_S,
)


class _CallSpan:
    """The span of a call; never the current one, so that it fits around a generator too."""

    __slots__ = ("_attempts", "_began_s", "_cargo", "_context", "_method", "_span", "metadata")

    def __init__(self, method: str, attempts: Attempts, cargo: Carried) -> None:
        self._method = method
        self._attempts = attempts
        self._cargo = cargo

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        made_in = self._cargo.context
        here = contexts.get_current() if made_in is None else made_in.run(contexts.get_current)
        self._span = self._begin(here, [_span_in(each) for each in self._cargo.callers])
        self._context = trace.set_span_in_context(self._span, here)
        carrier: dict[str, str] = {}
        inject(carrier, self._context)
        self.metadata: Metadata | None = tuple(carrier.items()) or None
        return self

    def _begin(self, here: contexts.Context, callers: Sequence[trace.Span]) -> trace.Span:
        """Begin the span: below the only caller's, or linked with those of several.

        What many share is no part of what one of them is doing. Only where the application's
        sampler leaves it out is it below the first caller that is sampled: better there than lost.
        """
        sampled = [each for each in callers if each.get_span_context().trace_flags.sampled]
        links = [trace.Link(each.get_span_context()) for each in sampled[:LINKS_MAX]]
        attributes: Attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": self._method,
            "yupana.book": self._attempts.key,
        }
        if callers:
            attributes["yupana.callers"] = len(callers)
        span = _tracer.start_span(
            self._method, here, trace.SpanKind.CLIENT, attributes, links=links
        )
        if sampled and not span.is_recording():
            here = trace.set_span_in_context(sampled[0], here)
            span = _tracer.start_span(
                self._method, here, trace.SpanKind.CLIENT, attributes, links=links
            )
        for caller in sampled:
            if caller.is_recording():
                caller.add_link(span.get_span_context())
        return span

    def failed(self, error: CallError) -> None:
        if self._span.is_recording():
            event: Attributes = {
                "rpc.response.status_code": error.code.name,
                "server.address": self._attempts.server.address,
            }
            if error.reason is not None:
                event["yupana.reason"] = error.reason.name
            self._span.add_event("attempt failed", event)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        code, failure = _status(error, self._attempts)
        attributes: Attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": self._method,
            "rpc.response.status_code": code,
            **_server(self._attempts.server.address),
        }
        if failure is not None:
            attributes["error.type"] = failure
        took_s = time.monotonic() - self._began_s
        _duration.record(took_s, attributes, self._context)
        if self._span.is_recording():
            self._span.set_attributes({**attributes, "yupana.attempts": self._attempts.number})
            if failure is not None:
                self._span.set_status(trace.StatusCode.ERROR, failure)
        self._span.end()


class _CallerSpan:
    """The span of a caller whose command travels with others'."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span | None) -> None:
        self._span = span

    def answered(self, outcome: Outcome) -> None:
        if self._span is not None:
            self._span.set_attribute("yupana.outcome", outcome.kind.value)
            self._span.set_attribute("yupana.replayed", outcome.replayed)
            if outcome.reason is not None:
                self._span.set_attribute("yupana.reason", outcome.reason.name)


_NOBODY = _CallerSpan(None)


def call_span(method: Method[Request, Response], attempts: Attempts, cargo: Carried) -> _CallSpan:
    """Begin the span of a call with all its attempts; it measures the call as well."""
    return _CallSpan(method.path.removeprefix("/"), attempts, cargo)


@contextmanager
def caller_span(book: str, command: Command) -> Iterator[_CallerSpan]:
    """Begin the span of a caller whose command travels with those of others.

    Only within a trace that is recorded: for all others, the span of the call they share will do.
    """
    if not trace.get_current_span().is_recording():
        yield _NOBODY
        return
    name = type(command).__name__
    with _tracer.start_as_current_span(
        f"yupana {name}",
        attributes={"yupana.book": book, "yupana.command": name},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield _CallerSpan(span)
        except CallError as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise


def _span_in(context: Context) -> trace.Span:
    return context.run(trace.get_current_span)


def _server(address: str) -> Attributes:
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        return {"server.address": host, "server.port": int(port)}
    return {"server.address": address}


def _status(error: BaseException | None, attempts: Attempts) -> tuple[str, str | None]:
    """Return the code a call ended with, and its type of error: for callers all but OK are."""
    if error is None:
        return "OK", None
    if isinstance(error, NotAnsweredError):
        last = attempts.error
        code = "DEADLINE_EXCEEDED" if last is None else last.code.name
    elif isinstance(error, CallError):
        code = error.code.name
    elif isinstance(error, GeneratorExit):
        return "CANCELLED", None  # Whoever read the answers had enough of them.
    elif isinstance(error, asyncio.CancelledError):
        code = "CANCELLED"
    else:
        return "UNKNOWN", type(error).__name__
    return code, code
