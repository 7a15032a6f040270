"""One subscriber's stream of responses."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from yupana_server.feed import measures
from yupana_server.feed.event_filter import EventFilter
from yupana_server.feed.following.cursor import Cursor
from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.feed.following.responses import Responses


class Subscription:
    """Tells the events that a cursor goes by and a filter picks."""

    def __init__(
        self, cursor: Cursor, wanted: EventFilter, responses: Responses, *, heartbeat_s: float
    ):
        self._cursor = cursor
        self._wanted = wanted
        self._responses = responses
        self._heartbeat_s = heartbeat_s
        self._heartbeat_at = 0.0

    async def run(self) -> AsyncIterator[bytes]:
        """Yield serialized responses without end; the first one at once.

        Raises:
            CallError: EPOCH_CHANGED, BOOK_NOT_FOUND or DRAINING.
        """
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() >= self._heartbeat_at:
                yield self._responses.heartbeat(self._cursor.position)
                self._heartbeat_at = loop.time() + self._heartbeat_s
            events = await self._cursor.next(self._heartbeat_at - loop.time())
            picked = self._wanted.pick(events)
            for response in self._tell(picked):
                yield response
                self._heartbeat_at = loop.time() + self._heartbeat_s
            if events and not self._cursor.live:
                # Others have their turn while this one reads what is long past.
                await asyncio.sleep(0)

    def _tell(self, events: Sequence[EncodedEvent]) -> Sequence[bytes]:
        """Return the responses that tell these events, all but the last with a place within."""
        if not events:
            return ()
        measures.note_sent(len(events), events[-1].recorded_at if self._cursor.live else None)
        return self._responses.of(self._cursor, events, shared=self._wanted.everything)
