"""`yupana.ledger.v1.BookService`."""

from typing import Any

import grpc.aio

from yupana.ledger.v1 import book_pb2, book_service_pb2, book_service_pb2_grpc
from yupana_server.journal.pages import JournalPages
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.books import Books
from yupana_server.ledger.reads import Reading
from yupana_server.messages import present
from yupana_server.messages.checks import page_size, read_request
from yupana_server.messages.tokens import PageScope, encode_position

Context = grpc.aio.ServicerContext[Any, Any]


class BookServicer(book_service_pb2_grpc.BookServiceServicer):
    """Creates and finds books."""

    def __init__(self, books: Books, reader: JournalReader, reading: Reading):
        self._books = books
        self._reading = reading
        self._reader = reader
        self._pages = JournalPages(reader)

    async def CreateBook(
        self, request: book_service_pb2.CreateBookRequest, context: Context
    ) -> book_pb2.Book:
        """Create a book, or return the one that is there."""
        read_request(request).done()
        await self._reader.create_book(request.book)
        return present.book(await self._books.fresh_row(request.book))

    async def GetBook(
        self, request: book_service_pb2.GetBookRequest, context: Context
    ) -> book_pb2.Book:
        """Return a book."""
        read_request(request).done()
        return present.book(await self._books.fresh_row(request.book))

    async def ListBooks(
        self, request: book_service_pb2.ListBooksRequest, context: Context
    ) -> book_service_pb2.ListBooksResponse:
        """List books by id."""
        found = read_request(request, book=False)
        size = page_size(request.page_size, found)
        found.done()
        scope = PageScope("books", None)
        rows = await self._pages.books(after=scope.read_id(request.page_token), limit=size + 1)
        response = book_service_pb2.ListBooksResponse(books=map(present.book, rows[:size]))
        if len(rows) > size:
            response.next_page_token = scope.write(rows[size - 1].id)
        return response

    async def ListAssets(
        self, request: book_service_pb2.ListAssetsRequest, context: Context
    ) -> book_service_pb2.ListAssetsResponse:
        """List a book's assets by id."""
        found = read_request(request)
        size = page_size(request.page_size, found)
        found.done()
        return await self._reading.serve(
            request,
            lambda reads, book: _assets(reads.pages, book, size=size, token=request.page_token),
        )


async def _assets(
    pages: JournalPages, book: BookRow, *, size: int, token: str
) -> book_service_pb2.ListAssetsResponse:
    scope = PageScope("assets", book)
    page = await pages.assets(book.number, after=scope.read_id(token), limit=size + 1)
    response = book_service_pb2.ListAssetsResponse(
        assets=map(present.asset, page.items[:size]),
        position=encode_position(book.id, book.epoch, page.seq),
    )
    if len(page.items) > size:
        response.next_page_token = scope.write(page.items[size - 1].id)
    return response
