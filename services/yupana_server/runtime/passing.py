"""Calls that came to one of several processes, and belong to another one: their book is there.

They are passed on as the bytes that they are. Whatever goes wrong on the way, they are served where
they came: that is slower, and never wrong, as with several servers on one book. Streams are served
where they come in any case.
"""

from __future__ import annotations  # grpc.RpcMethodHandler is generic for type checkers only

from collections import Counter
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import grpc.aio

from yupana.routing import rendezvous
from yupana_server.runtime.admission import Admission
from yupana_server.runtime.arrivals import lenient
from yupana_server.runtime.call_spans import BOOK_LENGTH_MAX
from yupana_server.runtime.metrics import Gauge
from yupana_server.runtime.passed_on import (
    CHANNEL_OPTIONS,
    AwayError,
    ask,
    is_passed_on,
)
from yupana_server.runtime.peeking import first_field
from yupana_server.runtime.server import STREAMS_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from yupana_server.runtime.place import Place

    Context = grpc.aio.ServicerContext[Any, Any]
    Serve = Callable[[Any, Context], Awaitable[Any]]

PASSED_ON = Gauge(
    "yupana.rpc.passed_on",
    "{call}",
    "Calls for a book that belongs to another process, and whether that one answered.",
    ("yupana.owner",),
)

NONE_PASSED_ON: Mapping[tuple[str, ...], int] = {("there",): 0, ("away",): 0}

OWNERS_REMEMBERED_MAX = 16_384


class Foreign(NamedTuple):
    """Stands for a request that belongs to another process."""

    owner: int
    data: bytes


class Passing:
    """Passes calls on."""

    def __init__(self, place: Place, *, calls_max: int, default_deadline_s: float):
        """`calls_max` is how many are passed on at a time; those beyond are served here.

        What comes without a deadline is served here, too, when there is no answer in the default.
        """
        self._place = place
        self._channels = {
            index: grpc.aio.insecure_channel(place.address_of(index), CHANNEL_OPTIONS)
            for index in range(place.count)
            if index != place.index
        }
        # gRPC has calls beyond the streams of a connection wait, and tells nobody.
        self._admission = Admission(min(calls_max, STREAMS_MAX // 2))
        self._default_deadline_s = default_deadline_s
        self._owner = lru_cache(OWNERS_REMEMBERED_MAX)(partial(owner_of, count=place.count))
        self.counts: Counter[tuple[str, ...]] = Counter(NONE_PASSED_ON)

    def owns(self, book: str) -> bool:
        """Tell whether a book belongs to this process."""
        return self._owner_of(book.encode()) == self._place.index

    def close(self) -> None:
        """Pass on no more calls."""
        self._admission.close()

    async def idle(self) -> None:
        """Wait until what was passed on is answered."""
        await self._admission.idle()

    async def stop(self) -> None:
        """Close all connections."""
        for channel in self._channels.values():
            await channel.close()

    def unary(self, method: str, serve: Serve, read: Any, write: Any) -> tuple[Serve, Any, Any]:
        """Return what serves the calls of a method, and reads and writes its messages.

        `serve` serves what belongs here.
        """
        asked: dict[int, Any] = {
            index: each.unary_unary(method) for index, each in self._channels.items()
        }

        async def call(request: Any, context: Context) -> Any:
            if not isinstance(request, Foreign):
                return await serve(request, context)
            if self._may_pass_on(context, request.owner):
                try:
                    with self._noted():
                        return await ask(
                            asked[request.owner],
                            request.data,
                            context,
                            default_deadline_s=self._default_deadline_s,
                        )
                except AwayError:
                    pass
            return await serve(lenient(read)(request.data), context)

        return call, partial(self._read, read), partial(_write, write)

    def _read(self, read: Any, data: bytes) -> Any:
        """Read a request that belongs here; those that do not are left as they are."""
        request, book = None, first_field(data)
        if book is None:
            # The edge, which translates REST, puts the book last.
            request = read(data)
            book = getattr(request, "book", "").encode()
        owner = self._owner_of(book)
        if owner != self._place.index:
            return Foreign(owner, data)
        return read(data) if request is None else request

    def _owner_of(self, book: bytes) -> int:
        """Return the place of a book; what cannot be one is refused here, and not remembered."""
        return self._owner(book) if 0 < len(book) <= BOOK_LENGTH_MAX else self._place.index

    def _may_pass_on(self, context: Context, owner: int) -> bool:
        return (
            owner != self._place.index
            and self._admission.refusal() is None
            and not is_passed_on(context)
        )

    @contextmanager
    def _noted(self) -> Iterator[None]:
        with self._admission.admitted():
            try:
                yield
            except AwayError:
                self.counts["away",] += 1
                raise
            self.counts["there",] += 1


def owner_of(book: bytes, *, count: int) -> int:
    """Return the place of the process, of so many, that a book belongs to."""
    return int(rendezvous(book.decode(errors="replace"), map(str, range(count)))[0])


def _write(write: Any, response: Any) -> bytes:
    """Write a response; what another process wrote is left as it is."""
    return response if isinstance(response, bytes) else write(response)
