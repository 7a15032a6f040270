"""Where to begin to tell events."""

from typing import NamedTuple

from yupana.feed.v1 import feed_service_pb2
from yupana_server.feed.following.follower import Follower
from yupana_server.feed.following.followers import book_not_found
from yupana_server.journal.reads import JournalReader
from yupana_server.messages.fields import Violations
from yupana_server.messages.tokens import decode_position, epoch_changed
from yupana_server.runtime.errors import CallError


class Start(NamedTuple):
    """One of these, or else the book's first entry."""

    position: str | None = None
    at: int | None = None
    """With the first entry that was recorded at this time or later."""
    now: bool = False


def read_start(
    request: feed_service_pb2.SubscribeRequest | feed_service_pb2.ReadEntriesRequest,
    check: Violations,
    *,
    otherwise: Start,
) -> Start:
    """Read where a request wants to begin; `otherwise` when it does not say."""
    kind = request.WhichOneof("start")
    if kind == "position":
        return Start(position=request.position)
    if kind == "from_time":
        return Start(at=check.read_time("from_time", request))
    if kind == "from_beginning" and not getattr(request, "from_beginning", True):
        check.add("from_beginning", "false is not allowed: leave it out")
    return otherwise if kind is None else Start()


async def seq_before(start: Start, follower: Follower, reader: JournalReader) -> int:
    """Return the entry after which to begin, in the epoch of the follower.

    Raises:
        CallError: INVALID_POSITION, EPOCH_CHANGED or BOOK_NOT_FOUND.
        UnavailableError: The database cannot answer.
    """
    if start.now:
        # What the follower has not read yet was recorded in the moment before.
        return follower.ring.last.seq
    if start.at is not None:
        return await reader.seq_at(follower.book.number, start.at - 1)
    return 0 if start.position is None else await _seq_of(start.position, follower, reader)


async def _seq_of(token: str, follower: Follower, reader: JournalReader) -> int:
    book = follower.book
    position = decode_position(book.id, token)
    if position.epoch == book.epoch and position.seq <= follower.ring.last.seq:
        return position.seq
    # The follower may not know yet what the caller does: of new entries, or of a new epoch.
    fresh = await reader.book(book.id)
    if fresh is None:
        raise book_not_found(book.id)
    if position.epoch != fresh.epoch:
        raise epoch_changed("the position", position.epoch, fresh, seq=position.seq)
    if position.seq > fresh.seq:
        raise CallError("INVALID_POSITION", "the book's journal does not reach to this position")
    if book.epoch != fresh.epoch:
        await follower.catch_up()
    return position.seq
