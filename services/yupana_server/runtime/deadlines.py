"""The deadline of the call that is being served, for everything that works on its behalf."""

import asyncio
from contextvars import ContextVar

ANSWER_MARGIN_S = 0.02
"""Held back from the caller's deadline, so that an answer, also a bad one, still gets there."""

WORK_MARGIN_S = 0.01
"""Held back once more, so that the work itself says how far it got before the call is cut."""

_deadline: ContextVar[float] = ContextVar("deadline")


def begin_deadline(remaining_s: float) -> float:
    """Start the clock of a call; returns when it is cut, by the event loop's clock."""
    cut = asyncio.get_running_loop().time() + remaining_s - ANSWER_MARGIN_S
    _deadline.set(cut - WORK_MARGIN_S)
    return cut


def deadline() -> float:
    """Return until when the work of this call must be done, by the event loop's clock."""
    return _deadline.get()
