"""The deadline of the call that is being served, for everything that works on its behalf."""

import asyncio
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from yupana_server.runtime.errors import CallError

ANSWER_MARGIN_S = 0.02
"""Held back from the caller's deadline, so that an answer, also a bad one, still gets there."""


def ran_out() -> CallError:
    """Return what ends a call for which there was too little time."""
    return CallError("DEADLINE_EXCEEDED", "the call ran out of time")


@dataclass(slots=True)
class Deadline:
    """Until when a call is served, and what to say when that was not enough."""

    at: float
    """By the event loop's clock."""
    ran_out: Callable[[], CallError] = ran_out
    """Whoever knows how far the work got replaces this."""


@dataclass(frozen=True, slots=True)
class StreamDeadline:
    """Until when a stream is served; each of its messages has a deadline of its own."""

    at: float
    """By the event loop's clock. Infinite when the caller set none."""
    default_s: float
    """How long a message may take that does not say so itself."""

    def of_message(self, timeout_s: float | None) -> Deadline:
        """Start the clock of a message that was just read."""
        timeout_s = self.default_s if timeout_s is None else timeout_s
        return Deadline(min(self.at, asyncio.get_running_loop().time() + timeout_s))


_current: ContextVar[Deadline] = ContextVar("deadline")
_current_stream: ContextVar[StreamDeadline] = ContextVar("stream_deadline")


def begin_deadline(remaining_s: float) -> Deadline:
    """Start the clock of a call."""
    deadline = Deadline(asyncio.get_running_loop().time() + remaining_s - ANSWER_MARGIN_S)
    _current.set(deadline)
    return deadline


def current_deadline() -> Deadline:
    """Return the deadline of the call that is being served."""
    return _current.get()


def begin_stream_deadline(remaining_s: float | None, default_s: float) -> None:
    """Start the clock of a stream."""
    left_s = math.inf if remaining_s is None else remaining_s - ANSWER_MARGIN_S
    _current_stream.set(StreamDeadline(asyncio.get_running_loop().time() + left_s, default_s))


def current_stream_deadline() -> StreamDeadline:
    """Return the deadline of the stream that is being served."""
    return _current_stream.get()
