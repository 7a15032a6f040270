"""A place in a book's events that moves on: through the journal's pages, then with the follower."""

import asyncio
from collections.abc import Sequence

from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.feed.following.follower import Follower
from yupana_server.feed.following.followers import Followers, book_not_found
from yupana_server.feed.following.pages import Pages
from yupana_server.feed.following.ring import READ_MAX
from yupana_server.journal.errors import UnavailableError
from yupana_server.messages.tokens import encode_position, epoch_changed
from yupana_server.runtime.admission import draining

RETRY_S = 0.2
"""How long to wait for a database that does not answer, or for the follower to see a cut."""


class Cursor:
    """Hands out a book's events, each once and in order."""

    def __init__(self, followers: Followers, follower: Follower, pages: Pages, *, seq: int):
        """Begin after the entry `seq` of the follower's epoch."""
        self._followers = followers
        self._follower = follower
        self._pages = pages
        self._epoch = follower.book.epoch
        self._hash: bytes | None = None
        self.seq = seq
        """The last entry that was handed out."""
        self.live = False
        """Whether it came from the follower's memory."""

    @property
    def position(self) -> str:
        """Where to go on after what was handed out."""
        return self.position_at(self.seq)

    def position_at(self, seq: int) -> str:
        """Where to go on after an entry."""
        return encode_position(self._follower.book.id, self._epoch, seq)

    async def next(self, wait_s: float, *, limit: int = READ_MAX) -> Sequence[EncodedEvent]:
        """Return the next events, or none when there are none within a time.

        At most `limit`, which costs those that were found beyond. While the database does not
        answer, there are none.

        Raises:
            CallError: EPOCH_CHANGED, BOOK_NOT_FOUND or DRAINING.
        """
        until = asyncio.get_running_loop().time() + wait_s
        while True:
            self.check()
            news = self._follower.news
            events = self._remembered()
            self.live = events is not None
            if events is None:
                events = await self._page()
            if events:
                events = events if len(events) <= limit else events[:limit]
                self._hash, self.seq = events[-1].hash, events[-1].seq
                return events
            if not await self._wait(news, until):
                return ()

    def check(self) -> None:
        """Look whether it can go on.

        Raises:
            CallError: EPOCH_CHANGED, BOOK_NOT_FOUND or DRAINING.
        """
        book = self._follower.book
        if self._followers.closed:
            raise draining()
        if self._follower.gone:
            raise book_not_found(book.id)
        if book.epoch != self._epoch:
            raise epoch_changed("the position", self._epoch, book, seq=self.seq)

    def _remembered(self) -> Sequence[EncodedEvent] | None:
        """Return what the follower has in memory; None when it goes on in the journal."""
        ring = self._follower.ring
        known_hash = ring.hash_at(self.seq)
        if self._hash is not None and known_hash not in (None, self._hash):
            self._follower.wake()  # R1: it has not seen yet that the history was cut.
            return ()
        return ring.after(self.seq)

    async def _page(self) -> Sequence[EncodedEvent]:
        try:
            page = await self._pages.after(self._follower, self.seq)
        except UnavailableError:
            return ()
        same = page.intact and self._hash in (None, page.before)
        if not same or page.epoch != self._epoch:
            self._follower.wake()
            return ()
        return page.events

    async def _wait(self, news: asyncio.Event, until: float) -> bool:
        """Wait for news; False when the time is over. What went wrong is tried again soon."""
        loop = asyncio.get_running_loop()
        soon = until if self.live else min(until, loop.time() + RETRY_S)
        try:
            async with asyncio.timeout_at(soon):
                await news.wait()
        except TimeoutError:
            return loop.time() < until
        return True
