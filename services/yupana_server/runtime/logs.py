"""Logs: one line an event, a constant name, the data in fields, the trace id on every line."""

import contextlib
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from yupana_server.runtime.console import console_renderer, for_people

LINES_PER_SECOND_MAX = 50
"""How many lines of a kind leave in a second. A line takes 12 us of CPU and whoever reads it has to
keep up, one that is left out 4 us; refusing a call takes 300 us."""

Form = Literal["json", "console"]


def set_up_logs(level: str, form: Form, process: str = "") -> None:
    """Write logs to stderr; `process` is what this one is called there."""
    structlog.configure(
        processors=_for_machines(process) if form == "json" else _for_people(process),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=StderrLogger,
    )
    # Libraries that log by themselves repeat what our own lines say.
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Keep out what gRPC logs, with a stack trace, of callers that go away or send nonsense.

    It would show bytes that a caller sent, or the text of an error that was meant for the caller.
    """
    return not record.getMessage().startswith(
        ("ExecuteBatchError raised in core", "Invalid encoding on")
    )


def _for_machines(process: str) -> list[Processor]:
    return [
        LineLimit(exempt="debug"),  # Who asks for debug wants everything.
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name(process),
        _add_trace,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _for_people(process: str) -> list[Processor]:
    return [
        LineLimit(),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
        _name(process),
        _add_trace,
        for_people,
        console_renderer(),
    ]


class StderrLogger:
    """Writes lines to what is stderr at that moment, and never fails.

    Whoever reads the lines may have gone away, and a disk may be full: then lines are lost, which
    must not keep a book from being written.
    """

    def __init__(self, *_names: object):
        """Structlog passes the names that a logger was asked for by."""

    def msg(self, line: str) -> None:
        """Write a line at once, whole."""
        with contextlib.suppress(OSError, ValueError):  # A closed file is a ValueError.
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


class LineLimit:
    """Bounds how many lines of a kind leave in a second.

    A kind is an event, with the code of a call. The next line of the kind tells how many were left
    out; how many calls there were is for metrics to tell.
    """

    def __init__(self, *, exempt: str = "", clock: Callable[[], float] = time.monotonic):
        """`exempt` is a level that has no bound."""
        self._exempt = exempt
        self._clock = clock
        self._ends_at = 0.0
        self._lines: Counter[tuple[object, object]] = Counter()
        self._left_out: Counter[tuple[object, object]] = Counter()

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Let a line pass, or drop it."""
        if method == self._exempt:
            return event
        now = self._clock()
        if now >= self._ends_at:
            self._lines.clear()
            self._ends_at = now + 1.0
        kind = event.get("event"), event.get("code")
        self._lines[kind] += 1
        if self._lines[kind] > LINES_PER_SECOND_MAX:
            self._left_out[kind] += 1
            raise structlog.DropEvent
        if left_out := self._left_out.pop(kind, 0):
            event["left_out"] = left_out
        return event


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _name(process: str) -> Processor:
    """Return what says which process a line is of."""

    def name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if process:
            event["process"] = process
        return event

    return name
