"""Reads accounts: as they are, with their open holds, and as they were."""

from collections.abc import Sequence
from typing import Any

from yupana.ledger.v1 import ledger_service_pb2
from yupana_server.book.state import Account
from yupana_server.journal.account_lists import AccountLists, AccountSpan
from yupana_server.journal.hold_lists import HoldLists
from yupana_server.journal.pages import Page
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.account_filters import AccountFilter
from yupana_server.ledger.books import Books
from yupana_server.ledger.moments import Moment, accounts_at
from yupana_server.ledger.shared_reads import ReadAccounts
from yupana_server.ledger.view_reads import ViewReads
from yupana_server.messages import present
from yupana_server.messages.present_accounts import write_accounts
from yupana_server.messages.tokens import PageScope, Position, decode_position, encode_position

OPEN_HOLDS_MAX = 10_000
"""How many open holds one answer shows."""


class AccountReads:
    """Reads accounts of all books and writes them as messages."""

    def __init__(
        self,
        reader: JournalReader,
        books: Books,
        read_accounts: ReadAccounts,
        view: ViewReads | None = None,
    ):
        """`read_accounts` reads them as they are."""
        self._reader = reader
        self._books = books
        self._view = view
        self._clock = books.clock
        self._read_accounts = read_accounts
        self._holds = HoldLists(reader)
        self._lists = AccountLists(reader)

    async def now(
        self, book: BookRow, accounts: Sequence[str]
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts as they are."""
        loaded = await self._read_accounts(book, accounts)
        book = book._replace(epoch=loaded.epoch)
        return await self._response(book, accounts, loaded.facts, loaded.seq)

    async def nearby(
        self,
        request: ledger_service_pb2.BatchGetAccountsRequest | ledger_service_pb2.GetAccountRequest,
        accounts: Sequence[str],
    ) -> ledger_service_pb2.BatchGetAccountsResponse | None:
        """Return the accounts from the view, if they need not be strong and it has got there.

        Raises:
            CallError: BOOK_NOT_FOUND or INVALID_POSITION.
        """
        level = request.consistency.WhichOneof("level")
        if self._view is None or level not in ("at_least", "eventual"):
            return None
        book, least = await self._books.row(request.book), Position(0, 0)
        if level == "at_least":
            least = decode_position(book.id, request.consistency.at_least)
            if least.epoch != book.epoch:
                return None  # R9: only a fresh look at the book tells which of them is wrong.
        loaded = await self._view.accounts(book, accounts, least_seq=least.seq)
        if loaded is None:
            return None
        return await self._response(book, accounts, loaded.facts, loaded.seq)

    async def with_holds(
        self, book: BookRow, accounts: Sequence[str]
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts and their open holds, all as of one entry."""
        page = await self._holds.open_of(book.number, accounts, after=0, limit=OPEN_HOLDS_MAX)
        loaded = await self._reader.accounts_as_of(book.number, accounts, seq=page.seq)
        response = await self._response(book, accounts, loaded.facts, page.seq)
        response.open_holds.extend(present.hold(book, row) for row in page.rows if not row.due)
        response.more_open_holds = page.next_seq is not None
        return response

    async def as_of(
        self, book: BookRow, accounts: Sequence[str], moment: Moment
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return the accounts as they were.

        Raises:
            CallError: INVALID_POSITION or EPOCH_CHANGED.
            ProjectionBehindError: The sums by effective time have fallen too far behind.
        """
        seq, facts = await accounts_at(self._reader, book, accounts, moment)
        return await self._response(book, accounts, facts, seq)

    async def page(
        self, book: BookRow, wanted: AccountFilter, *, size: int, token: str
    ) -> ledger_service_pb2.ListAccountsResponse:
        """Return a page of a list of accounts.

        Raises:
            CallError: INVALID_PAGE_TOKEN or EPOCH_CHANGED.
            ProjectionBehindError: The tags have fallen too far behind.
        """
        scope = PageScope(f"accounts {wanted!r}", book)
        page = await self._list(
            book.number, wanted, AccountSpan(wanted.prefix, scope.read_id(token), size + 1)
        )
        accounts = page.items[:size]
        response = ledger_service_pb2.ListAccountsResponse(
            position=encode_position(book.id, book.epoch, page.seq)
        )
        await self._write(response, book, accounts)
        if len(page.items) > size:
            response.next_page_token = scope.write(accounts[-1].facts.id)
        return response

    async def _list(self, book: int, wanted: AccountFilter, span: AccountSpan) -> Page[Account]:
        if wanted.code:
            return await self._lists.with_code(book, span, wanted.code)
        if wanted.label is not None:
            key, value = wanted.label
            return await self._lists.with_label(book, span, key=key, value=value)
        return await self._lists.by_id(book, span)

    async def _response(
        self, book: BookRow, asked: Sequence[str], found: dict[str, Account | None], seq: int
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        response = ledger_service_pb2.BatchGetAccountsResponse(
            position=encode_position(book.id, book.epoch, seq)
        )
        accounts: list[Account] = []
        for id_ in asked:
            account = found[id_]
            if account is None:
                response.missing.append(id_)
            else:
                accounts.append(account)
        await self._write(response, book, accounts)
        return response

    async def _write(self, response: Any, book: BookRow, accounts: Sequence[Account]) -> None:
        """Write accounts into a response, with their labels."""
        seqs = [account.facts.opened_seq for account in accounts if account.facts.has_words]
        words = await self._reader.words(book.number, seqs) if seqs else {}
        write_accounts(response, book, accounts, words, at=self._clock())
