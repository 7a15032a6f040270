"""Checks that the requests of all methods share."""

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from yupana.ledger.v1 import consistency_pb2
from yupana_server.journal.points import BookRow
from yupana_server.messages.fields import Violations
from yupana_server.messages.tokens import decode_position, epoch_changed
from yupana_server.runtime.errors import CallError, malformed

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000


class RequestCheck(Violations):
    """Collects what is wrong with a request."""

    def done(self) -> None:
        """Refuse the request if anything is wrong.

        Raises:
            CallError: MALFORMED_REQUEST.
        """
        if self.found:
            raise malformed(self.found)


def read_request(request: Message, *, book: bool = True) -> RequestCheck:
    """Begin to check a request: no unknown fields, and a book's id where there is one."""
    check = RequestCheck("")
    check.check_unknown(request)
    consistency = getattr(request, "consistency", None)
    if consistency is not None and len(UnknownFieldSet(consistency)):
        check.inside("consistency").check_unknown(consistency)
    if book:
        check.check_id("book", request.book)  # type: ignore[attr-defined]
    return check


def page_size(given: int, check: Violations) -> int:
    """Return how many to list: 0 means the default, too many mean the most allowed."""
    if given < 0:
        check.add("page_size", f"{given} is negative: 0 or left out means {PAGE_SIZE_DEFAULT}")
    return min(given or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)


def lies_beyond(book: BookRow, consistency: consistency_pb2.Consistency) -> bool:
    """Tell whether the journal does not reach to the position that a read wants, of its epoch.

    Raises:
        CallError: INVALID_POSITION.
    """
    if consistency.WhichOneof("level") != "at_least":
        return False
    position = decode_position(book.id, consistency.at_least)
    return position.epoch == book.epoch and position.seq > book.seq


def check_position(book: BookRow, consistency: consistency_pb2.Consistency) -> None:
    """Check the position that a read wants to have been reached.

    Every read begins with a look at the primary's journal, which has reached every position that
    was given out; what is left to check is that this one was.

    Raises:
        CallError: INVALID_POSITION or EPOCH_CHANGED.
    """
    if consistency.WhichOneof("level") != "at_least":
        return
    position = decode_position(book.id, consistency.at_least)
    if position.epoch != book.epoch:
        raise epoch_changed("the position", position.epoch, book)
    if position.seq > book.seq:
        raise CallError("INVALID_POSITION", "the book's journal does not reach to this position")
