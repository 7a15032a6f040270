"""Requests on their way in: gRPC itself waits for them without a bound, whoever sends them."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from yupana_server.runtime.errors import CallError, Violation, malformed

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

CALLS_MAX = 16_384
"""Calls there may be at all, those among them that send no request or take no answer: such a call
costs about 14 kB. How many are worked on is bounded more tightly, by `Admission`."""

UNWATCHED_MAX = 256
"""So many unary calls wait for their request as gRPC does it, which is fast and ends with the
connection at the latest. While there are as many, further ones get a bound in time."""

METADATA_BYTES_MAX = 16_384
"""gRPC has a bound of its own, which only sees headers that come in one frame."""

METADATA_ENTRY_BYTES = 32
"""What HTTP/2 counts for each header beside its name and value."""


class Arrivals:
    """Counts calls from their first header until nothing of them is left here."""

    def __init__(self, *, timeout_s: float):
        """`timeout_s` is how long a request may take to come when there are many."""
        self._timeout_s = timeout_s
        self._calls = 0
        self._waiting = 0

    def enter(self) -> None:
        """Count the call that the current task serves, for as long as that lasts.

        Raises:
            CallError: OVERLOADED.
        """
        self._calls += 1
        _when_over(self._leave)
        if self._calls > CALLS_MAX:
            raise CallError(
                "OVERLOADED",
                f"{CALLS_MAX} calls are open already: try again later",
                metadata={"calls_open": str(CALLS_MAX)},
            )

    def _leave(self, _: object) -> None:
        self._calls -= 1

    def begin(self, *, watched: bool) -> Arrival:
        """Note that the call of the current task waits for its request.

        `watched` gives it a bound in time however few there are.
        """
        self._waiting += 1
        return Arrival(self, watched=watched or self._waiting > UNWATCHED_MAX)

    def end(self) -> None:
        """Note that a call waits no more."""
        self._waiting -= 1

    async def request(self, requests: AsyncIterable[Any]) -> Any:
        """Wait for the only request of a watched call.

        Raises:
            CallError: MALFORMED_REQUEST or DEADLINE_EXCEEDED.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                async for request in readable(requests):
                    return request
        except TimeoutError:
            raise CallError(
                "DEADLINE_EXCEEDED", f"the request has not arrived within {self._timeout_s:g} s"
            ) from None
        raise unreadable()


class Arrival:
    """A call that waits for its request. Ends when that has come, or with the call's task."""

    __slots__ = ("_arrivals", "_over", "watched")

    def __init__(self, arrivals: Arrivals, *, watched: bool):
        self._arrivals = arrivals
        self._over = False
        self.watched = watched
        """Whether the request has to come within a time."""
        _when_over(self.end)

    def end(self, _: object = None) -> None:
        """Stop waiting, if that has not happened yet."""
        if not self._over:
            self._over = True
            self._arrivals.end()

    def reading(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        """Return what reads the request, and ends the wait for it."""

        def read(data: bytes) -> Any:
            self.end()
            return deserialize(data)

        return read


class Unreadable:
    """Stands for a request that is no message; gRPC itself would answer UNKNOWN."""


def lenient(deserialize: Any) -> Callable[[bytes], Any]:
    """Return what reads requests, those that are no messages as `Unreadable`."""

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return Unreadable()

    return read


async def readable(requests: AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Yield requests until one is no message.

    Raises:
        CallError: MALFORMED_REQUEST.
    """
    async for request in requests:
        if isinstance(request, Unreadable):
            raise unreadable()
        yield request


def unreadable() -> CallError:
    """Return the error of a request that is no message."""
    return malformed([Violation("request", "the bytes are not this method's message")])


def check_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
    """Refuse a call whose metadata is too large to be kept while it is served.

    Raises:
        CallError: MALFORMED_REQUEST.
    """
    size = sum(len(key) + len(value) + METADATA_ENTRY_BYTES for key, value in metadata or ())
    if size > METADATA_BYTES_MAX:
        rule = f"{size} bytes: at most {METADATA_BYTES_MAX} allowed"
        raise malformed([Violation("metadata", rule)])


def _when_over(callback: Callable[[object], None]) -> None:
    task = asyncio.current_task()
    if task is not None:
        task.add_done_callback(callback)
