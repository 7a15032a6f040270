"""Publishes events to Redis Streams, for those who would rather read there.

A stream's ids are `{epoch}-{seq}`, so Redis itself refuses what is there already and what would
come out of order, whoever sends it. What a stream holds is told by the stream alone: nothing else
is kept of how far it got. One that is gone begins anew, a stretch before the newest event.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from redis.exceptions import ResponseError

from yupana_server.feed import measures
from yupana_server.feed.following.cursor import Cursor
from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.feed.following.follower import Follower
from yupana_server.feed.following.followers import Followers
from yupana_server.feed.following.pages import Pages
from yupana_server.journal.leases import Lease
from yupana_server.runtime.errors import CallError
from yupana_server.runtime.redis import Redis, RedisAwayError

WORK = "streams"
"""What the leases for it are called."""

ADDED_AT_ONCE = 200
"""How many events go to Redis in one message."""

WAIT_S = 60.0
AGAIN_S = 0.5

# Only who finds no stream begins one: had two of them begun it, each with its own first event,
# those in between would be missing.
_BEGIN = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XADD', KEYS[1], ARGV[1], unpack(ARGV, 2))
return 1
"""
_NOT_NEWER = "equal or smaller"

log = structlog.get_logger("yupana.streams")


def stream_key(book: str) -> str:
    """Return where a book's stream is; the braces keep all keys of a book on one node."""
    return f"yupana:{{{book}}}:entries"


class StreamChangedError(Exception):
    """The stream is not what it was left as: it is gone, or somebody else has begun it."""


class Place(NamedTuple):
    """The newest event of a stream."""

    epoch: int
    seq: int


class StreamPublisher:
    """Keeps the streams of those books up to date whose leases this process holds."""

    def __init__(self, followers: Followers, pages: Pages, redis: Redis, *, length: int):
        """`length` is about how many of the newest events a stream keeps."""
        self._followers = followers
        self._pages = pages
        self._redis = redis
        self._length = length

    async def publish(self, lease: Lease) -> None:
        """Publish a book's events for as long as it is this process's to do."""
        book_id = await self._followers.journals.entries.book_id(lease.book)
        if book_id is None:
            return
        async with self._followers.follow(book_id) as follower:
            while True:
                try:
                    await self._go_on(follower)
                except RedisAwayError:
                    await asyncio.sleep(AGAIN_S)
                except StreamChangedError:
                    log.info("stream_changed", book=book_id)
                except CallError as error:
                    if error.reason != "EPOCH_CHANGED":
                        return

    async def _go_on(self, follower: Follower) -> None:
        """Go on after what the stream has, in today's epoch.

        Raises:
            CallError: EPOCH_CHANGED, BOOK_NOT_FOUND or DRAINING.
            RedisAwayError: Redis does not answer.
            StreamChangedError: It has to be begun again.
        """
        stream = _Stream(self._redis, stream_key(follower.book.id), follower.book.epoch)
        place = await stream.newest()
        cursor = Cursor(
            self._followers, follower, self._pages, seq=self._seq_after(place, follower)
        )
        while True:
            if events := await cursor.next(WAIT_S, limit=ADDED_AT_ONCE):
                if place is None:
                    await stream.begin(events[0])
                    place = Place(follower.book.epoch, events[0].seq)
                await stream.add(events, length=self._length)

    def _seq_after(self, place: Place | None, follower: Follower) -> int:
        """Return the event to go on after; without a stream, one that leaves it half full."""
        book = follower.book
        if place is None:
            return max(0, follower.ring.last.seq - self._length // 2)
        if place.epoch == book.epoch:
            return place.seq
        common = book.last_common(place.epoch)
        return min(place.seq, common or 0)


class _Stream:
    """The stream of a book."""

    def __init__(self, redis: Redis, key: str, epoch: int):
        self._redis = redis
        self._key = key
        self._epoch = epoch

    async def newest(self) -> Place | None:
        """Return the newest event; None when there is none."""
        async with self._redis.use() as client:
            found: Any = await client.xrevrange(self._key, count=1)
        if not found:
            return None
        epoch, seq = found[0][0].split(b"-")
        return Place(int(epoch), int(seq))

    async def begin(self, event: EncodedEvent) -> None:
        """Make the stream with its first event."""
        fields = [part for pair in _fields(event).items() for part in pair]
        async with self._redis.use() as client:
            made = await client.eval(_BEGIN, 1, self._key, self._id(event), *fields)
        if not made:
            raise StreamChangedError
        measures.note_published(1)

    async def add(self, events: Sequence[EncodedEvent], *, length: int) -> None:
        """Add events to the stream, those that it has already left out."""
        async with self._redis.use() as client:
            pipeline = client.pipeline(transaction=False)
            for event in events:
                pipeline.xadd(
                    self._key,
                    _fields(event),
                    id=self._id(event),
                    nomkstream=True,
                    maxlen=length,
                    approximate=True,
                )
            answers = await pipeline.execute(raise_on_error=False)
            _raise_trouble(answers)
        measures.note_published(sum(isinstance(answer, bytes) for answer in answers))
        if None in answers:
            raise StreamChangedError

    def _id(self, event: EncodedEvent) -> str:
        # Today's epoch, not the entry's own: so ids only grow, also when a stream begins anew.
        return f"{self._epoch}-{event.seq}"


def _fields(event: EncodedEvent) -> dict[Any, Any]:
    return {"seq": event.seq, "type": event.type, "event": event.payload}


def _raise_trouble(answers: Sequence[object]) -> None:
    """Raise the first error that is no event being there already."""
    for answer in answers:
        if isinstance(answer, Exception) and not (
            isinstance(answer, ResponseError) and _NOT_NEWER in str(answer)
        ):
            raise answer
