"""Requests on their way in: gRPC itself waits for them without a bound, whoever sends them."""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

import asyncio
from contextvars import ContextVar
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

TRANSCODED = "x-envoy-original-path"
"""The header by which Envoy tells services what it translated."""

METADATA_ENTRY_BYTES = 32
"""What HTTP/2 counts for each header beside its name and value."""


class Arrivals:
    """Counts calls from their first header until nothing of them is left here."""

    def __init__(self, *, timeout_s: float):
        """`timeout_s` is how long a request may take to come when there are many."""
        self._timeout_s = timeout_s
        self._calls = 0
        self._waiting = 0

    def enter(self) -> Arrival:
        """Count the call that the current task serves, for as long as that lasts.

        Raises:
            CallError: OVERLOADED.
        """
        arrival = Arrival(self)
        self._calls += 1
        if self._calls > CALLS_MAX:
            raise CallError(
                "OVERLOADED",
                f"{CALLS_MAX} calls are open already: try again later",
                metadata={"calls_open": str(CALLS_MAX)},
            )
        return arrival

    def begin(self) -> bool:
        """Note that a call waits for its request; return whether that has to come within a time."""
        self._waiting += 1
        return self._waiting > UNWATCHED_MAX

    def end(self) -> None:
        """Note that a call waits no more."""
        self._waiting -= 1

    def leave(self) -> None:
        """Count a call no more."""
        self._calls -= 1

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
    """A call that is here. It waits for its request until that has come, or its task ends."""

    __slots__ = ("_arrivals", "_waits")

    def __init__(self, arrivals: Arrivals):
        self._arrivals = arrivals
        self._waits = False
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(self._leave)

    def wait(self) -> bool:
        """Begin to wait for the request; return whether that has to come within a time."""
        _arrival.set(self)
        self._waits = True
        return self._arrivals.begin()

    def end(self) -> None:
        """Stop waiting, if that has not happened yet."""
        if self._waits:
            self._waits = False
            self._arrivals.end()

    def _leave(self, _: object) -> None:
        self.end()
        self._arrivals.leave()


_arrival: ContextVar[Arrival] = ContextVar("arrival")


def arriving(deserialize: Any) -> Callable[[bytes], Any]:
    """Return what reads the request of a call that waits for it, and ends the wait."""

    def read(data: bytes) -> Any:
        _arrival.get().end()
        try:
            return deserialize(data)
        except DecodeError:
            return Unreadable()

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


def check_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> bool:
    """Refuse a call whose metadata is too large to be kept while it is served.

    Returns whether the caller speaks REST, which the edge translates. With the error of a unary
    call gRPC sends an empty message, which the edge would take for the answer; with that of a
    stream it sends none.

    Raises:
        CallError: MALFORMED_REQUEST.
    """
    size, transcoded = 0, False
    for key, value in metadata or ():
        size += len(key) + len(value) + METADATA_ENTRY_BYTES
        if key == TRANSCODED:
            transcoded = True
    if size > METADATA_BYTES_MAX:
        rule = f"{size} bytes: at most {METADATA_BYTES_MAX} allowed"
        raise malformed([Violation("metadata", rule)])
    return transcoded
