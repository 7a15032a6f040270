"""The newest events of a book, in memory, as many as there is room for."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from yupana_server.feed.following.encoded import EncodedEvent
from yupana_server.journal.rows import Link

BYTES_MAX = 32 * 1024 * 1024
"""What the events of one book take at most, whatever their number."""

READ_MAX = 1_000
"""How many events are handed out at a time."""


class Ring:
    """Events that follow one another without a gap; the oldest make room for new ones."""

    def __init__(self, base: Link, *, events_max: int, bytes_max: int = BYTES_MAX):
        """`base` is the entry that the first event will follow."""
        self.base = base
        """The entry before the first event that is here."""
        self._events: list[EncodedEvent] = []
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._size_bytes = 0

    @property
    def last(self) -> Link:
        """The newest entry."""
        return self._events[-1].link if self._events else self.base

    def append(self, events: Sequence[EncodedEvent]) -> None:
        """Add the events that follow the last one."""
        self._events += events
        self._size_bytes += sum(len(event.payload) for event in events)
        if len(self._events) > self._events_max or self._size_bytes > self._bytes_max:
            self._make_room()

    def after(self, seq: int) -> Sequence[EncodedEvent] | None:
        """Return the events that follow an entry, READ_MAX at most; None when they have gone.

        Of what lies beyond the last entry nothing is known yet, so nothing is returned.
        """
        first = seq - self.base.seq
        return None if first < 0 else self._events[first : first + READ_MAX]

    def hash_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry that is here, else None."""
        place = seq - self.base.seq
        if place == 0:
            return self.base.hash
        return self._events[place - 1].hash if 0 < place <= len(self._events) else None

    def _make_room(self) -> None:
        """Drop a quarter more than must be, so that it does not happen for every event."""
        sizes = list(accumulate(len(event.payload) for event in self._events))
        over_bytes = self._size_bytes - self._bytes_max * 3 // 4
        over_events = len(self._events) - self._events_max * 3 // 4
        by_size = bisect_left(sizes, over_bytes) + 1 if over_bytes > 0 else 0
        count = min(len(self._events), max(by_size, over_events))
        self.base = self._events[count - 1].link
        self._size_bytes -= sizes[count - 1]
        del self._events[:count]
