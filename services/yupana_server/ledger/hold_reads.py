"""Reads holds: one, the open ones, the expired ones."""

from yupana.ledger.v1 import history_service_pb2, hold_pb2
from yupana_server.journal.hold_lists import HoldLists, HoldPage
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.messages import present
from yupana_server.messages.tokens import PageScope, encode_position
from yupana_server.runtime.errors import CallError


class HoldReads:
    """Reads holds of all books and writes them as messages."""

    def __init__(self, reader: JournalReader):
        self._lists = HoldLists(reader)

    async def one(self, book: BookRow, hold: str) -> hold_pb2.Hold:
        """Return a hold as it stands.

        Raises:
            CallError: HOLD_NOT_FOUND.
        """
        row = await self._lists.one(book.number, hold)
        if row is None:
            raise CallError(
                "HOLD_NOT_FOUND",
                f"there is no hold {hold} in the book {book.id}",
                metadata={"book": book.id, "hold": hold},
            )
        return present.hold(book, row)

    async def open(
        self, book: BookRow, *, account: str, size: int, token: str
    ) -> history_service_pb2.ListHoldsResponse:
        """Return a page of open holds, in the order of their creation.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
            ProjectionBehindError: The open holds have fallen too far behind.
        """
        scope = PageScope(f"open holds {account}", book)
        after = scope.read_numbers(token, 1)[0] if token else 0
        if account:
            page = await self._lists.open_of(book.number, [account], after=after, limit=size)
        else:
            page = await self._lists.open(book.number, after=after, limit=size)
        rows = [row for row in page.rows if not row.due]
        return _response(book, page._replace(rows=rows), scope)

    async def expired(
        self, book: BookRow, *, account: str, size: int, token: str
    ) -> history_service_pb2.ListHoldsResponse:
        """Return a page of expired holds, the last expired first.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
        """
        scope = PageScope(f"expired holds {account}", book)
        page = await self._lists.expired(
            book.number, account=account or None, before=scope.read_seq(token), limit=size
        )
        return _response(book, page, scope)


def _response(
    book: BookRow, page: HoldPage, scope: PageScope
) -> history_service_pb2.ListHoldsResponse:
    response = history_service_pb2.ListHoldsResponse(
        holds=[present.hold(book, row) for row in page.rows],
        position=encode_position(book.id, book.epoch, page.seq),
    )
    if page.next_seq is not None:
        response.next_page_token = scope.write(str(page.next_seq))
    return response
