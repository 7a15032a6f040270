"""What the feed tells of a book."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from yupana import convert
from yupana.book.handle import BookHandle
from yupana.book.webhooks import WebhookClient
from yupana.convert.times import optional_timestamp
from yupana.events import Event, EventPage
from yupana.feed.v1 import feed_service_pb2 as feed
from yupana.methods import READ_ENTRIES
from yupana.subscription import HEARTBEAT_S, Subscription

if TYPE_CHECKING:
    from datetime import datetime

    from yupana.calls import Calls
    from yupana.events import EventFilter


class FeedReads(BookHandle):
    """What happened in the book, from the feed's servers."""

    def subscribe(
        self,
        *,
        position: str | None = None,
        since: datetime | None = None,
        from_beginning: bool = False,
        wanted: EventFilter | None = None,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> Subscription:
        """Return what yields every event of the book, those that come included, for ever.

        Begins now, unless it is told where. It goes on by itself after lost connections and
        restarted servers; to go on after your own end, store the position of what you worked off.

        Args:
            position: After the entry at this position, of an event or any other answer.
            since: With the first entry recorded at this time or later.
            from_beginning: With the book's first entry.
            wanted: Which events. None: all.
            heartbeat_s: How often the server says that it is there, 0.1 to 60.
        """
        _at_most_one(position, since, from_beginning or None)
        request = feed.SubscribeRequest(
            book=self.id,
            position=position,
            from_time=optional_timestamp(since),
            from_beginning=from_beginning or None,
            filter=None if wanted is None else wanted.to_message(),
            heartbeat=convert.duration(timedelta(seconds=heartbeat_s)),
        )
        return Subscription(self._feed(), request)

    async def read_entries(
        self,
        *,
        position: str | None = None,
        since: datetime | None = None,
        wanted: EventFilter | None = None,
        page_size: int = 1_000,
        timeout_s: float | None = None,
    ) -> EventPage:
        """Return a page of the book's events, from the first one unless told where, for polling.

        Args:
            position: After the entry at this position, as the page before says.
            since: With the first entry recorded at this time or later.
            wanted: Which events. None: all. Then a page may be empty and yet not be the last.
            page_size: How many entries to look at, at most 1,000.
            timeout_s: For the call.
        """
        _at_most_one(position, since)
        request = feed.ReadEntriesRequest(
            book=self.id,
            position=position,
            from_time=optional_timestamp(since),
            filter=None if wanted is None else wanted.to_message(),
            page_size=page_size,
        )
        answer = await self._feed().send(READ_ENTRIES, request, key=self.id, timeout_s=timeout_s)
        return EventPage([Event(each) for each in answer.events], answer.position, answer.caught_up)

    @property
    def webhooks(self) -> WebhookClient:
        """Manages where the events are posted to, by the feed's servers. Makes no call."""
        return WebhookClient(self._feed(), self.id)

    def _feed(self) -> Calls:
        if self._feed_calls is None:
            raise ValueError(
                "the addresses of the feed are not known: Yupana(..., feed=['127.0.0.1:7448'])"
            )
        return self._feed_calls


def _at_most_one(*starts: object) -> None:
    if sum(start is not None for start in starts) > 1:
        raise ValueError("position, since and from_beginning exclude each other: give one of them")
