"""Spans and a metric of calls, for applications that have opentelemetry-api installed.

Without it, or without an SDK that the application sets up, nothing is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from yupana.telemetry import recorded as _here
except ImportError:
    from yupana.telemetry import silent as _here  # type: ignore[no-redef]

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yupana.attempts import Attempts
    from yupana.commands import Command
    from yupana.methods import Method, Request, Response
    from yupana.telemetry.spans import CallerSpan, CallSpan, Carried


def call_span(
    method: Method[Request, Response], attempts: Attempts, cargo: Carried
) -> AbstractContextManager[CallSpan]:
    """Begin the span of a call with all its attempts; it measures the call as well."""
    return _here.call_span(method, attempts, cargo)


def caller_span(book: str, command: Command) -> AbstractContextManager[CallerSpan]:
    """Begin the span of a caller whose command travels with those of others."""
    return _here.caller_span(book, command)
