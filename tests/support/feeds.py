"""Subscribers as tests need them: they read so far and no further, and know what came."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from yupana.feed.v1 import feed_service_pb2, feed_service_pb2_grpc
from yupana.feed.v1.event_pb2 import Event
from yupana.feed.v1.feed_service_pb2 import SubscribeRequest

TIMEOUT_S = 30.0

# By default a client takes as much as the line carries, here many megabytes, whoever reads it.
LITTLE_ROOM = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536)]


class Subscriber:
    """One stream, read when the test says so."""

    def __init__(self, call: Any):
        self._call = call
        self.events: list[Event] = []
        self.heartbeats = 0
        self.position = ""

    async def read(self) -> None:
        """Read one response."""
        async with asyncio.timeout(TIMEOUT_S):
            response = await self._call.read()
        assert response is not grpc.aio.EOF
        self.position = response.position
        self.heartbeats += not response.events
        self.events += response.events

    async def until(self, fact: Callable[[], bool]) -> None:
        """Read until something is so."""
        while not fact():
            await self.read()

    async def count(self, count: int) -> list[Event]:
        """Read until so many events have come, and return all."""
        await self.until(lambda: len(self.events) >= count)
        return self.events

    async def seq(self, seq: int) -> list[int]:
        """Read until an entry has been told, and return the seqs of all."""
        await self.until(lambda: bool(self.events) and self.events[-1].seq >= seq)
        return self.seqs

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    async def error(self) -> tuple[grpc.StatusCode, ErrorInfo]:
        """Read until it fails, and return how."""
        with_error = None
        while with_error is None:
            try:
                await self.read()
            except grpc.aio.AioRpcError as error:
                with_error = error
        return explained(with_error)

    def cancel(self) -> None:
        self._call.cancel()


Subscribe = Callable[..., Subscriber]


@asynccontextmanager
async def subscribers(address: str) -> AsyncIterator[Subscribe]:
    """Makes subscribers of a feed; keywords are fields of the request."""
    async with grpc.aio.insecure_channel(address, options=LITTLE_ROOM) as channel:
        stub = feed_stub(channel)
        calls = []

        def subscribe(book: str, **fields: Any) -> Subscriber:
            calls.append(stub.Subscribe(SubscribeRequest(book=book, **fields)))
            return Subscriber(calls[-1])

        yield subscribe
        for call in calls:
            call.cancel()


def feed_stub(channel: grpc.aio.Channel) -> Any:
    return feed_service_pb2_grpc.FeedServiceStub(channel)


async def read_entries(address: str, book: str, **fields: Any) -> Any:
    """Read one page."""
    async with grpc.aio.insecure_channel(address) as channel:
        request = feed_service_pb2.ReadEntriesRequest(book=book, **fields)
        return await feed_stub(channel).ReadEntries(request, timeout=TIMEOUT_S)


async def failure(awaited: Awaitable[Any]) -> tuple[grpc.StatusCode, ErrorInfo]:
    """Return how a call fails."""
    try:
        await awaited
    except grpc.aio.AioRpcError as error:
        return explained(error)
    raise AssertionError("it did not fail")


def explained(error: Any) -> tuple[grpc.StatusCode, ErrorInfo]:
    info = ErrorInfo()
    status = rpc_status.from_call(error)
    if status is not None:
        status.details[0].Unpack(info)
    return error.code(), info
