"""Reads transfers: one, and lists of them."""

from yupana.ledger.v1 import ledger_service_pb2, transfer_pb2
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.journal.transfer_lists import Span, TransferLists, TransferPage
from yupana_server.ledger.transfer_filters import TransferFilter
from yupana_server.messages.present_transfers import TRANSFER_KINDS, TransferWriter, fill_transfer
from yupana_server.messages.tokens import PageScope, encode_position
from yupana_server.runtime.errors import CallError


class TransferReads:
    """Reads transfers of all books and writes them as messages."""

    def __init__(self, reader: JournalReader):
        self._reader = reader
        self._lists = TransferLists(reader)

    async def one(self, book: BookRow, id_: str) -> transfer_pb2.Transfer:
        """Return a transfer.

        Raises:
            CallError: TRANSFER_NOT_FOUND.
        """
        found = await self._lists.one(book.number, id_)
        if found is None or found[0].entry.kind not in TRANSFER_KINDS:
            raise CallError(
                "TRANSFER_NOT_FOUND",
                f"no transfer {id_} is recorded in the book {book.id}",
                metadata={"book": book.id, "id": id_},
            )
        row, reversed_amount = found
        message = transfer_pb2.Transfer()
        fill_transfer(message, book.id, row)
        if reversed_amount:
            message.reversed_amount = str(reversed_amount)
        return message

    async def page(
        self, book: BookRow, wanted: TransferFilter, *, size: int, token: str
    ) -> ledger_service_pb2.ListTransfersResponse:
        """Return a page of a list.

        Raises:
            CallError: INVALID_PAGE_TOKEN, EPOCH_CHANGED.
            ProjectionBehindError, PrefixTooWideError: See TransferLists.
        """
        scope = PageScope(f"transfers {wanted!r}", book)
        span = await self._between(book, wanted, Span(scope.read_seq(token), size))
        page = await self._page(book.number, wanted, span)
        response = ledger_service_pb2.ListTransfersResponse(
            position=encode_position(book.id, book.epoch, page.seq)
        )
        response.MergeFromString(TransferWriter(book).page(page.rows))
        if page.next_before is not None:
            response.next_page_token = scope.write(str(page.next_before))
        return response

    async def _between(self, book: BookRow, wanted: TransferFilter, span: Span) -> Span:
        """Narrow the span to what was recorded between the filter's times."""
        if wanted.from_at is not None:
            span = span._replace(after=await self._reader.seq_at(book.number, wanted.from_at - 1))
        if wanted.to_at is not None:
            last = await self._reader.seq_at(book.number, wanted.to_at - 1)
            span = span._replace(before=min(span.before, last + 1))
        return span

    async def _page(self, book: int, wanted: TransferFilter, span: Span) -> TransferPage:
        lists = self._lists
        if wanted.account:
            return await lists.of_account(book, span, account=wanted.account)
        if wanted.prefix:
            return await lists.of_prefix(book, span, prefix=wanted.prefix)
        if wanted.code:
            return await lists.with_code(book, span, code=wanted.code)
        if wanted.label is not None:
            key, value = wanted.label
            return await lists.with_label(book, span, key=key, value=value)
        if wanted.group:
            return await lists.of_group(book, span, group=wanted.group)
        if wanted.hold:
            return await lists.of_hold(book, span, hold=wanted.hold)
        if wanted.reverses:
            return await lists.reversing(book, span, reverses=wanted.reverses)
        if wanted.rejected:
            return await lists.rejected(book, span, reason=wanted.reason)
        return await lists.everything(book, span)
