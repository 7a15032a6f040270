"""The deadline of the call that is being served, for everything that works on its behalf."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from yupana_server.runtime.errors import CallError

ANSWER_MARGIN_S = 0.02
"""Held back from the caller's deadline, so that an answer, also a bad one, still gets there."""


def _ran_out() -> CallError:
    return CallError("DEADLINE_EXCEEDED", "the call ran out of time")


@dataclass(slots=True)
class Deadline:
    """Until when a call is served, and what to say when that was not enough."""

    at: float
    """By the event loop's clock."""
    ran_out: Callable[[], CallError] = _ran_out
    """Whoever knows how far the work got replaces this."""


_current: ContextVar[Deadline] = ContextVar("deadline")


def begin_deadline(remaining_s: float) -> Deadline:
    """Start the clock of a call."""
    deadline = Deadline(asyncio.get_running_loop().time() + remaining_s - ANSWER_MARGIN_S)
    _current.set(deadline)
    return deadline


def current_deadline() -> Deadline:
    """Return the deadline of the call that is being served."""
    return _current.get()
