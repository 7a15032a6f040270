"""Records nothing: opentelemetry-api is not installed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from yupana.attempts import Attempts
    from yupana.commands import Command
    from yupana.errors import CallError
    from yupana.methods import Method, Request, Response
    from yupana.outcomes import Outcome
    from yupana.telemetry.spans import CallerSpan, CallSpan, Carried


class _Silence:
    metadata = None

    def failed(self, error: CallError) -> None:
        pass

    def answered(self, outcome: Outcome) -> None:
        pass


_SILENCE = nullcontext(_Silence())


def call_span(
    method: Method[Request, Response],  # noqa: ARG001
    attempts: Attempts,  # noqa: ARG001
    cargo: Carried,  # noqa: ARG001
) -> AbstractContextManager[CallSpan]:
    """Record nothing."""
    return _SILENCE


def caller_span(book: str, command: Command) -> AbstractContextManager[CallerSpan]:  # noqa: ARG001
    """Record nothing."""
    return _SILENCE
