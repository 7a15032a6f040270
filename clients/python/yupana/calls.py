"""Calls that go to the right server and are tried again where that can help.

All retries happen here, at one level with one budget. gRPC's own `retryPolicy` is left out on
purpose. Measured with grpcio 1.85.1: it sends again after 50 ms where the server's RetryInfo asked
for 400 ms; it takes 0.8 s to give up a server that refuses connections, which takes 2 ms without;
and such refusals use up its throttle. Worst, it hides a lost connection behind the refusal that
follows, so that a commit that may have happened would be reported as never sent.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from yupana.errors import (
    BookNotFound,
    CallError,
    DeadlineExceeded,
    MalformedRequest,
    OutcomeUnknown,
    ProjectionBehind,
    Unavailable,
)
from yupana.reasons import Reason
from yupana.retries import RetryBudget, is_retryable, pause_s
from yupana.servers import NotConnectedError
from yupana.statuses import call_error, may_be_recorded, was_answered

if TYPE_CHECKING:
    from yupana.methods import Method, Request, Response
    from yupana.servers import Server, Servers

# A server that says so is well itself: one commit is in doubt, one read has to wait.
_SERVER_IS_WELL = (OutcomeUnknown, ProjectionBehind)

# What stays true of a call even if an earlier attempt of it may have been recorded.
_CONCLUSIVE = (BookNotFound, DeadlineExceeded, MalformedRequest, OutcomeUnknown)


class Calls:
    """Sends calls. Each has a deadline, which bounds all its attempts and waits together."""

    def __init__(self, servers: Servers, *, write_timeout_s: float, read_timeout_s: float) -> None:
        self._servers = servers
        self._write_timeout_s = write_timeout_s
        self._read_timeout_s = read_timeout_s
        self._budget = RetryBudget()

    async def send(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        key: str,
        timeout_s: float | None = None,
    ) -> Response:
        """Return the answer; raise a `CallError` when none came in time or trying again is no use.

        Args:
            method: What to call.
            request: Sent as it is, with the same ids, at every attempt.
            key: The book that it is about: the same key prefers the same server.
            timeout_s: For all attempts together. None: the default for writes or reads.
        """
        if timeout_s is None:
            timeout_s = self._write_timeout_s if method.writes else self._read_timeout_s
        deadline_s = time.monotonic() + timeout_s
        # A single server is waited for while it restarts; of several, another one takes over.
        wait_for_ready = len(self._servers) == 1
        server, _ = self._servers.choose(key, time.monotonic())
        unsure = False
        for attempt in itertools.count(1):
            sent_at_s = time.monotonic()
            try:
                response = await server.call(
                    method,
                    request,
                    timeout_s=deadline_s - sent_at_s,
                    wait_for_ready=wait_for_ready,
                )
            except NotConnectedError as not_connected:
                raise _unreached(server, unsure=unsure, timeout_s=timeout_s) from not_connected
            except grpc.aio.AioRpcError as rpc_error:
                error = call_error(rpc_error)
                unsure = unsure or (method.writes and may_be_recorded(error))
                self._note(server, error, sent_at_s)
                following, wait_s = self._following(server, error, key, attempt)
                in_time = time.monotonic() + wait_s < deadline_s
                if not (is_retryable(error) and in_time and self._affords(server, error)):
                    raise _final(error, server, unsure=unsure, timeout_s=timeout_s) from rpc_error
            else:
                server.health.succeed(sent_at_s)
                self._budget.earn()
                return response
            await asyncio.sleep(wait_s)
            server = following
        raise AssertionError("unreachable: attempts are counted without an end")

    def _note(self, server: Server, error: CallError, sent_at_s: float) -> None:
        """Set a server aside that cannot be reached or says it cannot decide."""
        if error.code is grpc.StatusCode.UNAVAILABLE and not isinstance(error, _SERVER_IS_WELL):
            server.health.fail(time.monotonic(), error.retry_after_s)
        elif was_answered(error):
            server.health.succeed(sent_at_s)

    def _following(
        self, server: Server, error: CallError, key: str, attempt: int
    ) -> tuple[Server, float]:
        """Return where to try next and after how long: at once when another server is well."""
        following, wait_s = self._servers.choose(key, time.monotonic())
        if following is server:
            wait_s = max(wait_s, error.retry_after_s or 0.0)
        if following is server or wait_s:
            wait_s = max(wait_s, pause_s(attempt, random.random()))  # noqa: S311 - only jitter
        return following, wait_s

    def _affords(self, server: Server, error: CallError) -> bool:
        """Whether the budget allows to try again.

        Free when the connection is gone or was never there: what was under way is gone with it, so
        that nothing multiplies, and new connections are backed off by gRPC.
        """
        return not (was_answered(error) or server.connected) or self._budget.spend()


def _unreached(server: Server, *, unsure: bool, timeout_s: float) -> CallError:
    """Return what to raise when the last attempt was never sent, for want of a connection."""
    message = f"no answer from {server.address} within {timeout_s:g} s: it cannot be reached"
    if unsure:
        return DeadlineExceeded(message, grpc.StatusCode.DEADLINE_EXCEEDED)
    return Unavailable(message, grpc.StatusCode.UNAVAILABLE)


def _final(error: CallError, server: Server, *, unsure: bool, timeout_s: float) -> CallError:
    """Return what to raise: never a plain failure when something may have been recorded."""
    if unsure and not isinstance(error, _CONCLUSIVE):
        details = replace(error.details, reason=Reason.OUTCOME_UNKNOWN)
        advice = "unknown whether this was recorded: send it again with the same ids"
        message = f"{advice} ({server.address}: {error.message})"
        return OutcomeUnknown(message, error.code, details)
    if was_answered(error):
        return error
    if isinstance(error, DeadlineExceeded):
        why = "it may be slow" if server.connected else "it cannot be reached"
        message = f"no answer from {server.address} within {timeout_s:g} s: {why}"
        return DeadlineExceeded(message, error.code, error.details)
    return type(error)(f"{server.address}: {error.message}", error.code, error.details)
