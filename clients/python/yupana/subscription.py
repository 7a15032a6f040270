"""A subscription that goes on by itself whatever ends a stream of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from yupana.attempts import NotAnsweredError
from yupana.errors import Unavailable
from yupana.events import Event
from yupana.feed.v1.feed_service_pb2 import SubscribeResponse
from yupana.methods import SUBSCRIBE
from yupana.retries import LONGEST_PAUSE_S, is_retryable
from yupana.statuses import call_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from yupana.attempts import Attempts
    from yupana.calls import Calls
    from yupana.errors import CallError
    from yupana.feed.v1.feed_service_pb2 import SubscribeRequest

HEARTBEAT_S = 10.0
"""How often the server says that it is there."""

SILENCE_HEARTBEATS = 3
"""After so many that did not come the stream is given up, and begun anew."""

CONNECT_TIMEOUT_S = 5.0


class Subscription:
    """The events of a book, in order, none missed and none twice, for ever.

    Iterate over it, or over `batches()`. Streams that end are gone on with from where they were;
    what cannot be gone on with is raised, `EpochChanged` above all: the book's history was cut, and
    what was told after its `last_common_position` may not have happened.
    """

    def __init__(self, calls: Calls, request: SubscribeRequest) -> None:
        self._calls = calls
        self._request = request
        self._silence_s = SILENCE_HEARTBEATS * request.heartbeat.ToTimedelta().total_seconds()

    @property
    def position(self) -> str:
        """Where to go on: after the batch or the heartbeat that came last; empty before that.

        Who iterates over single events takes the `position` of the one that was worked off.
        """
        return self._request.position

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Yield the events one by one."""
        async with aclosing(self.batches()) as batches:
            async for events in batches:
                for event in events:
                    yield event

    async def batches(self) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events as they come, many at a time: the way to read millions."""
        attempts = self._attempts()
        while True:
            try:
                async with aclosing(self._stream(attempts)) as responses:
                    async for response in responses:
                        self._request.position = response.position
                        if response.events:
                            yield [Event(each) for each in response.events]
                error: CallError = Unavailable("the stream ended", grpc.StatusCode.UNAVAILABLE)
            except grpc.aio.AioRpcError as rpc_error:
                error = call_error(rpc_error)
            except (NotAnsweredError, TimeoutError):
                error = Unavailable("the feed is silent", grpc.StatusCode.UNAVAILABLE)
            attempts = await self._try_again(attempts, error)

    async def _stream(self, attempts: Attempts) -> AsyncGenerator[SubscribeResponse, None]:
        connected = await self._calls.connect(attempts, time.monotonic() + CONNECT_TIMEOUT_S)
        call = attempts.server.responses(SUBSCRIBE, self._request, wait_for_ready=connected)
        try:
            while True:
                async with asyncio.timeout(max(self._silence_s, CONNECT_TIMEOUT_S)):
                    response = await call.read()
                if not isinstance(response, SubscribeResponse):
                    return
                attempts.number = 1
                self._calls.answered(attempts)
                yield response
        finally:
            call.cancel()

    async def _try_again(self, attempts: Attempts, error: CallError) -> Attempts:
        """Pause, and return the next attempts; raise what trying again does not help."""
        try:
            await self._calls.try_again(attempts, error, lambda _: True)
        except NotAnsweredError:
            if not is_retryable(error):
                raise error from error.__cause__
            # The budget of retries is used up: a stream is worth a try a second all the same.
            await asyncio.sleep(LONGEST_PAUSE_S)
            return self._attempts()
        return attempts

    def _attempts(self) -> Attempts:
        return self._calls.attempts(self._request.book, writes=False)
