"""The client: what there is beside the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from yupana import convert
from yupana.book import BookClient
from yupana.calls import Calls
from yupana.keys import KeyClient
from yupana.ledger.v1 import book_service_pb2 as books
from yupana.methods import CREATE_BOOK, GET_BOOK, LIST_BOOKS
from yupana.paging import pages
from yupana.servers import Servers, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

    import grpc
    import grpc.aio

    from yupana.certificates import Certificates
    from yupana.records import Book

WRITE_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 5.0


class Yupana:
    """A client of one ledger, for one event loop. Make one and share it: it keeps connections.

    Of several servers each book has one that it goes to while that one is well. Calls are tried
    again by themselves, with the same ids, until their deadline.

    Args:
        addresses: `host:port` of the servers, written the same in all clients.
        feed: `host:port` of the feed's servers, for `subscribe`, `read_entries` and webhooks.
        access: `host:port` of access, for `keys`.
        key: The token of a key, for servers that ask for one. Use it with TLS: whoever reads the
            line could use it too.
        credentials: For TLS: `Certificates`, which are read again when their files change, or what
            gRPC makes of any. None: plain text.
        interceptors: Of grpc.aio. Not OpenTelemetry's: the client makes its spans by itself.
        write_timeout_s: The deadline of calls that change something, unless the call has its own.
        read_timeout_s: The deadline of reads, unless the call has its own.
    """

    def __init__(
        self,
        *addresses: str,
        feed: Sequence[str] = (),
        access: Sequence[str] = (),
        key: str | None = None,
        credentials: grpc.ChannelCredentials | Certificates | None = None,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
        write_timeout_s: float = WRITE_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        transport = Transport(credentials, interceptors, key)
        timeouts = {"write_timeout_s": write_timeout_s, "read_timeout_s": read_timeout_s}
        self._servers = Servers(addresses, transport)
        self._calls = Calls(self._servers, **timeouts)
        self._feed_servers = Servers(feed, transport) if feed else None
        self._feed = None
        if self._feed_servers is not None:
            self._feed = Calls(self._feed_servers, **timeouts)
        self._access_servers = Servers(access, transport) if access else None
        self._keys = None
        if self._access_servers is not None:
            self._keys = KeyClient(Calls(self._access_servers, **timeouts))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls under way are cancelled."""
        await self._calls.close()
        if self._feed is not None:
            await self._feed.close()
        if self._keys is not None:
            await self._keys.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection to a server at this moment."""
        servers = (self._servers, self._feed_servers, self._access_servers)
        return any(each is not None and each.connected for each in servers)

    @property
    def keys(self) -> KeyClient:
        """Keys and quotas.

        Raises:
            ValueError: The client was made without `access`.
        """
        if self._keys is None:
            raise ValueError("keys are managed by access: Yupana(…, access=['host:7450'])")
        return self._keys

    def book(self, book: str) -> BookClient:
        """Return a handle on a book. Cheap, and no call is made."""
        return BookClient(self._calls, book, feed=self._feed)

    async def create_book(self, book: str, *, timeout_s: float | None = None) -> Book:
        """Create a book. Idempotent: an existing book is returned as it is."""
        request = books.CreateBookRequest(book=book)
        answer = await self._calls.send(CREATE_BOOK, request, key=book, timeout_s=timeout_s)
        return convert.book(answer)

    async def get_book(self, book: str, *, timeout_s: float | None = None) -> Book:
        """Return a book; raise `BookNotFound` when there is none."""
        request = books.GetBookRequest(book=book)
        answer = await self._calls.send(GET_BOOK, request, key=book, timeout_s=timeout_s)
        return convert.book(answer)

    async def list_books(self, *, timeout_s: float | None = None) -> AsyncIterator[Book]:
        """Yield the books in the order of their ids. The time-out is for each page."""
        request = books.ListBooksRequest()
        async for page in pages(self._calls, LIST_BOOKS, request, key="", timeout_s=timeout_s):
            for book in page.books:
                yield convert.book(book)
