"""Responses that are put together once for all who are told the same."""

from collections import OrderedDict
from collections.abc import Sequence

from yupana_server.feed.following.cursor import Cursor
from yupana_server.feed.following.encoded import EncodedEvent, first_response, response

SHARED_MAX = 64
"""How many are kept for others: 16 MB."""


class Responses:
    """Puts events together as responses; those without a filter go the same way and share them."""

    def __init__(self) -> None:
        self._shared: OrderedDict[tuple[str, bytes, bytes], Sequence[bytes]] = OrderedDict()

    def heartbeat(self, position: str) -> bytes:
        """Return a response that has nothing but a position."""
        return response((), position)

    def of(
        self, cursor: Cursor, events: Sequence[EncodedEvent], *, shared: bool
    ) -> Sequence[bytes]:
        """Return what tells these events, of which the cursor has handed out the last."""
        if not shared:
            return _split(cursor, events)
        # By their hashes, which no other events have, in no other history.
        key = (cursor.position, events[0].hash, events[-1].hash)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = _split(cursor, events)
            if len(self._shared) > SHARED_MAX:
                self._shared.popitem(last=False)
        return found


def _split(cursor: Cursor, events: Sequence[EncodedEvent]) -> Sequence[bytes]:
    responses, rest = [], events
    while rest:
        first = first_response(rest)
        rest = rest[len(first) :]
        position = cursor.position_at(first[-1].seq) if rest else cursor.position
        responses.append(response(first, position))
    return responses
