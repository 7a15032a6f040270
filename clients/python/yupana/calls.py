"""Calls that go to the right server and are tried again where that can help.

All retries happen here, at one level with one budget. gRPC's own `retryPolicy` is left out on
purpose. Measured with grpcio 1.85.1: it sends again after 50 ms where the server's RetryInfo asked
for 400 ms; it takes 0.8 s to give up a server that refuses connections, which takes 2 ms without;
and such refusals use up its throttle. Worst, it hides a lost connection behind the refusal that
follows, so that a commit that may have happened would be reported as never sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Generic, Protocol
from weakref import WeakValueDictionary

import grpc
import grpc.aio

from yupana.attempts import Attempts, NotAnsweredError
from yupana.errors import CallError, OutcomeUnknown, ProjectionBehind
from yupana.gatherer import Gatherer
from yupana.methods import Request, Request_co
from yupana.reasons import Reason
from yupana.retries import RetryBudget, is_retryable, pause_s
from yupana.servers import NotConnectedError
from yupana.statuses import call_error, was_answered
from yupana.telemetry import call_span
from yupana.telemetry.spans import Carried

if TYPE_CHECKING:
    from collections.abc import Callable

    from yupana.methods import Method, Response
    from yupana.servers import Server, Servers
    from yupana.telemetry.spans import Metadata

# Servers do not begin with a call that has less than 20 ms left.
ATTEMPT_S = 0.05

# A server that says so is well itself: one commit is in doubt, one read has to wait.
_SERVER_IS_WELL = (OutcomeUnknown, ProjectionBehind)


class Cargo(Carried, Protocol[Request_co]):
    """What a call carries, for one caller or for many."""

    @property
    def deadline_s(self) -> float:
        """Until when somebody waits for the answer, by `time.monotonic`."""

    def request(self) -> Request_co:
        """Return what to send now, with the same ids at every attempt."""

    def waits(self, until_s: float) -> bool:
        """Whether anybody still waits then; called before a pause."""


class Calls:
    """Sends calls. Each has a deadline, which bounds all its attempts and waits together."""

    def __init__(self, servers: Servers, *, write_timeout_s: float, read_timeout_s: float) -> None:
        self.write_timeout_s = write_timeout_s
        self._servers = servers
        self._read_timeout_s = read_timeout_s
        self._budget = RetryBudget()
        # Handles on the same book share one; it lives as long as a handle or a call of it does.
        self._gatherers: WeakValueDictionary[str, Gatherer] = WeakValueDictionary()

    def gatherer(self, book: str) -> Gatherer:
        """Return what sends the single commands of a book."""
        gatherer = self._gatherers.get(book)
        if gatherer is None:
            gatherer = self._gatherers[book] = Gatherer(self, book)
        return gatherer

    async def close(self) -> None:
        """Close the connections; calls under way are cancelled."""
        await asyncio.gather(*(gatherer.close() for gatherer in list(self._gatherers.values())))
        await self._servers.close()

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
            timeout_s = self.write_timeout_s if method.writes else self._read_timeout_s
        attempts = self.attempts(key, writes=method.writes)
        cargo = _OneCall(request, time.monotonic() + timeout_s)
        try:
            return await self.carry(method, cargo, attempts)
        except NotAnsweredError as error:
            raise attempts.final(timeout_s) from error.__cause__

    def attempts(self, key: str, *, writes: bool, unsure: bool = False) -> Attempts:
        """Return the attempts of a call that is about to be made."""
        server, _ = self._servers.choose(key, time.monotonic())
        return Attempts(server, key, writes=writes, unsure=unsure)

    async def carry(
        self, method: Method[Request, Response], cargo: Cargo[Request], attempts: Attempts
    ) -> Response:
        """Return the answer, and keep `attempts` up to date on the way.

        Raises:
            NotAnsweredError: None came in time, or trying again is no use.
        """
        with call_span(method, attempts, cargo) as span:
            while True:
                try:
                    response = await self._attempt(method, cargo, attempts, span.metadata)
                except grpc.aio.AioRpcError as rpc_error:
                    error = call_error(rpc_error)
                    span.failed(error)
                    await self.try_again(attempts, error, cargo.waits)
                else:
                    self.answered(attempts)
                    return response

    async def connect(self, attempts: Attempts, deadline_s: float) -> bool:
        """Wait for a connection if that is all there is to do; return whether it was waited for.

        A single server is waited for while it restarts; of several, another one takes over.

        Raises:
            NotAnsweredError: There was none in time.
        """
        if len(self._servers) > 1:
            return False
        attempts.connecting = True
        try:
            await attempts.server.connect(deadline_s - time.monotonic())
        except NotConnectedError as not_connected:
            raise NotAnsweredError from not_connected
        attempts.connecting = False
        return True

    async def try_again(
        self, attempts: Attempts, error: CallError, waits: Callable[[float], bool]
    ) -> None:
        """Pause after an attempt that failed, and begin another one.

        Args:
            attempts: Those of the call.
            error: Why it failed.
            waits: Whether somebody still waits at a time, by `time.monotonic`.

        Raises:
            NotAnsweredError: There is no time left for it, or it is no use.
        """
        server = attempts.server
        attempts.fail(error)
        self._note(server, error, attempts.began_at_s)
        following, wait_s = self._following(attempts, error)
        # An attempt for which there is no time would only hide why the one before it failed.
        in_time = is_retryable(error) and waits(time.monotonic() + wait_s + ATTEMPT_S)
        if not (in_time and self._affords(server, error)):
            raise NotAnsweredError from error.__cause__
        await asyncio.sleep(wait_s)
        attempts.begin(following)

    def answered(self, attempts: Attempts) -> None:
        """Note that an answer came."""
        attempts.server.health.succeed(attempts.began_at_s)
        self._budget.earn()

    async def _attempt(
        self,
        method: Method[Request, Response],
        cargo: Cargo[Request],
        attempts: Attempts,
        metadata: Metadata | None,
    ) -> Response:
        connected = await self.connect(attempts, cargo.deadline_s)
        # Taken from the cargo only now: who went away while there was no connection is not sent.
        request = cargo.request()
        timeout_s = cargo.deadline_s - time.monotonic()
        return await attempts.server.call(
            method,
            request,
            timeout_s=timeout_s,
            wait_for_ready=connected,
            context=cargo.context,
            metadata=metadata,
        )

    def _note(self, server: Server, error: CallError, sent_at_s: float) -> None:
        """Set a server aside that cannot be reached or says it cannot decide."""
        if error.code is grpc.StatusCode.UNAVAILABLE and not isinstance(error, _SERVER_IS_WELL):
            server.health.fail(time.monotonic(), error.retry_after_s)
        elif was_answered(error):
            server.health.succeed(sent_at_s)

    def _following(self, attempts: Attempts, error: CallError) -> tuple[Server, float]:
        """Return where to try next and after how long: at once when another server is well."""
        server = attempts.server
        following, wait_s = self._servers.choose(attempts.key, time.monotonic())
        if following is server:
            wait_s = max(wait_s, error.retry_after_s or 0.0)
        if following is server or wait_s:
            wait_s = max(wait_s, pause_s(attempts.number, random.random()))  # noqa: S311 - only jitter
        return following, wait_s

    def _affords(self, server: Server, error: CallError) -> bool:
        """Whether the budget allows to try again.

        Free when the connection is gone or was never there: what was under way is gone with it, so
        that nothing multiplies, and new connections are backed off by gRPC. Free too when the
        server ends and did nothing for the call.
        """
        gone = error.reason is Reason.DRAINING or not (was_answered(error) or server.connected)
        return gone or self._budget.spend()


class _OneCall(Generic[Request]):
    """The cargo of a call with one caller, who waits all the time."""

    __slots__ = ("_request", "deadline_s")

    context = None
    callers = ()

    def __init__(self, request: Request, deadline_s: float) -> None:
        self._request = request
        self.deadline_s = deadline_s

    def request(self) -> Request:
        return self._request

    def waits(self, until_s: float) -> bool:
        return until_s < self.deadline_s
