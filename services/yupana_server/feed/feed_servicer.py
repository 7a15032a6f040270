"""`yupana.feed.v1.FeedService`."""

from collections.abc import AsyncGenerator
from typing import Any

import grpc
import grpc.aio

from yupana.feed.v1 import feed_service_pb2
from yupana_server.feed.event_filter import EventFilter, read_filter
from yupana_server.feed.following.cursor import Cursor
from yupana_server.feed.following.encoded import EncodedEvent, first_response, response
from yupana_server.feed.following.follower import Follower
from yupana_server.feed.following.followers import Followers
from yupana_server.feed.following.pages import Pages
from yupana_server.feed.following.responses import Responses
from yupana_server.feed.starts import Start, read_start, seq_before
from yupana_server.feed.subscription import Subscription
from yupana_server.messages.checks import RequestCheck, page_size, read_request

HEARTBEAT_S = 10.0
HEARTBEAT_LEAST_US = 100_000
HEARTBEAT_MOST_US = 60_000_000

CAUGHT_UP = feed_service_pb2.ReadEntriesResponse(caught_up=True).SerializeToString()
"""Put behind other fields it means the same as among them."""

PAGE_BYTES_MAX = 2 * 1024 * 1024
"""A page ends there: clients of gRPC take 4 MB by default. The next one goes on."""

SERVICE = feed_service_pb2.DESCRIPTOR.services_by_name["FeedService"].full_name

Context = grpc.aio.ServicerContext[Any, Any]


class FeedServicer:
    """Tells the events of books, as responses that are serialized already."""

    def __init__(self, followers: Followers, pages: Pages):
        self._followers = followers
        self._pages = pages
        self._responses = Responses()
        self.subscribers = 0
        """How many subscriptions are under way."""

    async def Subscribe(
        self, request: feed_service_pb2.SubscribeRequest, context: Context
    ) -> AsyncGenerator[bytes, None]:
        """Tell the events of a book until the caller ends it."""
        check = read_request(request)
        start = read_start(request, check, otherwise=Start(now=True))
        wanted, heartbeat_s = _read_filter(request, check), _read_heartbeat(request, check)
        check.done()
        self.subscribers += 1
        try:
            async with self._followers.follow(request.book) as follower:
                cursor = await self._cursor(start, follower)
                subscription = Subscription(
                    cursor, wanted, self._responses, heartbeat_s=heartbeat_s
                )
                async for each in subscription.run():
                    yield each
        finally:
            self.subscribers -= 1

    async def ReadEntries(
        self, request: feed_service_pb2.ReadEntriesRequest, context: Context
    ) -> bytes:
        """Return a page of events."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        start = read_start(request, check, otherwise=Start())
        wanted = _read_filter(request, check)
        check.done()
        async with self._followers.follow(request.book) as follower:
            # What was answered before this call began is in the page, if there is room.
            await follower.catch_up()
            cursor = await self._cursor(start, follower)
            return await self._page(cursor, follower, wanted, size)

    async def _page(
        self, cursor: Cursor, follower: Follower, wanted: EventFilter, size: int
    ) -> bytes:
        events: list[EncodedEvent] = []
        while len(events) < size:
            found = await cursor.next(0.0, limit=size - len(events))
            if not found:
                break
            events += found
        told = first_response(events, bytes_max=PAGE_BYTES_MAX)
        last = told[-1].seq if told else cursor.seq
        page = response(wanted.pick(told), cursor.position_at(last))
        return page + CAUGHT_UP if last >= follower.ring.last.seq else page

    async def _cursor(self, start: Start, follower: Follower) -> Cursor:
        seq = await seq_before(start, follower, self._followers.journals.reader)
        return Cursor(self._followers, follower, self._pages, seq=seq)


def _read_filter(
    request: feed_service_pb2.SubscribeRequest | feed_service_pb2.ReadEntriesRequest,
    check: RequestCheck,
) -> EventFilter:
    return read_filter(request.filter, check.inside("filter"))


def _read_heartbeat(request: feed_service_pb2.SubscribeRequest, check: RequestCheck) -> float:
    if not request.HasField("heartbeat"):
        return HEARTBEAT_S
    least, most = HEARTBEAT_LEAST_US, HEARTBEAT_MOST_US
    return check.read_duration("heartbeat", request.heartbeat, least, most) / 1e6


def add_feed(servicer: FeedServicer, server: grpc.aio.Server) -> None:
    """Serve FeedService; its generated registration would serialize responses once more."""
    requests = feed_service_pb2
    handlers: dict[str, Any] = {
        "Subscribe": grpc.unary_stream_rpc_method_handler(
            servicer.Subscribe,
            request_deserializer=requests.SubscribeRequest.FromString,
            response_serializer=bytes,
        ),
        "ReadEntries": grpc.unary_unary_rpc_method_handler(
            servicer.ReadEntries,
            request_deserializer=requests.ReadEntriesRequest.FromString,
            response_serializer=bytes,
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
