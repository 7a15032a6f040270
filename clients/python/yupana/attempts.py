"""What is known of a call whose attempts have not been answered."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc

from yupana.errors import (
    BookNotFound,
    CallError,
    DeadlineExceeded,
    InternalError,
    MalformedRequest,
    OutcomeUnknown,
    Unavailable,
)
from yupana.reasons import Reason
from yupana.statuses import may_be_recorded, was_answered

if TYPE_CHECKING:
    from yupana.servers import Server

# What stays true of a call even if an earlier attempt of it may have been recorded.
_CONCLUSIVE = (BookNotFound, DeadlineExceeded, InternalError, MalformedRequest, OutcomeUnknown)


class NotAnsweredError(Exception):
    """A call was given up; its `Attempts` tell what that means."""


class Attempts:
    """The attempts of one call: enough to say at any moment what may have become of it."""

    __slots__ = (
        "began_at_s",
        "connecting",
        "error",
        "key",
        "number",
        "server",
        "unsure",
        "writes",
    )

    def __init__(self, server: Server, key: str, *, writes: bool, unsure: bool = False) -> None:
        self.key = key
        """The book that the call is about."""
        self.writes = writes
        self.unsure = unsure
        """An earlier attempt may have been recorded."""
        self.number = 0
        self.begin(server)

    def begin(self, server: Server) -> None:
        """Note that another attempt begins."""
        self.server = server
        self.number += 1
        self.began_at_s = time.monotonic()
        self.connecting = False
        """The attempt under way waits for a connection: nothing of it was sent."""
        self.error: CallError | None = None
        """Why the last attempt failed; None while one is under way."""

    def fail(self, error: CallError) -> None:
        """Note that the attempt under way failed."""
        self.error = error
        self.unsure = self.unsure or (self.writes and may_be_recorded(error))

    def final(self, timeout_s: float) -> CallError:
        """Return what to raise if there are no more attempts.

        Never a plain failure when something may have been recorded, and never a doubt when nothing
        was sent. Each call makes a new exception.
        """
        if self.error is not None:
            return self._failed(self.error, timeout_s)
        silence = f"no answer from {self.server.address} within {timeout_s:g} s"
        if not self.connecting:
            return _late(silence, connected=self.server.connected)
        message = f"{silence}: it cannot be reached"
        if self.unsure:
            return DeadlineExceeded(message, grpc.StatusCode.DEADLINE_EXCEEDED)
        return Unavailable(message, grpc.StatusCode.UNAVAILABLE)

    def _failed(self, error: CallError, timeout_s: float) -> CallError:
        address = self.server.address
        if self.unsure and not isinstance(error, _CONCLUSIVE):
            details = replace(error.details, reason=Reason.OUTCOME_UNKNOWN)
            advice = "unknown whether this was recorded: send it again with the same ids"
            message = f"{advice} ({address}: {error.message})"
            return OutcomeUnknown(message, error.code, details)
        if was_answered(error):
            return type(error)(error.message, error.code, error.details)
        if isinstance(error, DeadlineExceeded):
            silence = f"no answer from {address} within {timeout_s:g} s"
            return _late(silence, connected=self.server.connected)
        return type(error)(f"{address}: {error.message}", error.code, error.details)


def _late(silence: str, *, connected: bool) -> CallError:
    why = "it may be slow" if connected else "it cannot be reached"
    return DeadlineExceeded(f"{silence}: {why}", grpc.StatusCode.DEADLINE_EXCEEDED)
