"""`yupana.ledger.v1.LedgerService`."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import Any

import grpc.aio
from opentelemetry import trace
from opentelemetry.context import get_current

from yupana.ledger.v1 import account_pb2, ledger_service_pb2, ledger_service_pb2_grpc, transfer_pb2
from yupana_server.book.bounds import ACCOUNTS_PER_READ_MAX
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.account_filters import read_account_filter
from yupana_server.ledger.books import Books
from yupana_server.ledger.execute_stream import ExecuteStream
from yupana_server.ledger.execution import Executor
from yupana_server.ledger.moments import Moment, read_as_of
from yupana_server.ledger.reads import Reading
from yupana_server.ledger.submission import NotAnsweredError
from yupana_server.ledger.transfer_filters import read_transfer_filter
from yupana_server.messages.checks import RequestCheck, page_size, read_request
from yupana_server.runtime.deadlines import current_deadline, current_stream_deadline
from yupana_server.runtime.errors import account_not_found

Context = grpc.aio.ServicerContext[Any, Any]


class LedgerServicer(ledger_service_pb2_grpc.LedgerServiceServicer):
    """Decides and records commands, and reads what was recorded."""

    def __init__(self, books: Books, reader: JournalReader, reading: Reading):
        self._reading = reading
        self._executor = Executor(books, reader)
        self._streams: set[ExecuteStream] = set()

    async def Execute(
        self, request: ledger_service_pb2.ExecuteRequest, context: Context
    ) -> ledger_service_pb2.ExecuteResponse:
        """Decide and record commands."""
        return await self.execute(request)

    async def execute(
        self, request: ledger_service_pb2.ExecuteRequest
    ) -> ledger_service_pb2.ExecuteResponse:
        """Decide and record commands within the deadline and the span of the call under way."""
        span = trace.get_current_span()
        self._executor.check_room(request, current_deadline())
        execution = await self._executor.prepare(request, current_deadline(), span)
        try:
            writer = await self._executor.writer(execution)
            answer = await writer.submit(execution.submission)
        except NotAnsweredError as error:
            raise self._executor.error(execution, error) from error
        return execution.response(answer)

    async def ExecuteStream(
        self,
        request_iterator: AsyncIterable[ledger_service_pb2.ExecuteStreamRequest],
        context: Context,
    ) -> AsyncGenerator[ledger_service_pb2.ExecuteResponse, None]:
        """Decide and record commands, request after request."""
        stream = ExecuteStream(
            self._executor,
            request_iterator,
            current_stream_deadline(),
            get_current(),
        )
        self._streams.add(stream)
        try:
            async with aclosing(stream.answers()) as answers:
                async for answer in answers:
                    yield answer
        finally:
            self._streams.discard(stream)

    def end_streams(self) -> None:
        """Have all streams answer what was submitted, then end: this server shuts down."""
        for stream in self._streams:
            stream.drain()

    async def BatchGetAccounts(
        self, request: ledger_service_pb2.BatchGetAccountsRequest, context: Context
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Return accounts in one snapshot."""
        check = read_request(request)
        _check_accounts(list(request.accounts), check)
        moment = read_as_of(request, check)
        if moment is not None and request.include_open_holds:
            check.add("include_open_holds", "not together with as_of: holds are shown as they are")
        check.done()
        if request.include_open_holds:
            return await self._reading.serve(
                request, lambda reads, book: reads.accounts.with_holds(book, request.accounts)
            )
        return await self._read_accounts(request, request.accounts, moment)

    async def GetAccount(
        self, request: ledger_service_pb2.GetAccountRequest, context: Context
    ) -> account_pb2.Account:
        """Return an account."""
        check = read_request(request)
        check.check_id("account", request.account)
        moment = read_as_of(request, check)
        check.done()
        found = await self._read_accounts(request, [request.account], moment)
        if not found.accounts:
            raise account_not_found(request.book, request.account)
        return found.accounts[0]

    async def _read_accounts(
        self,
        request: ledger_service_pb2.BatchGetAccountsRequest | ledger_service_pb2.GetAccountRequest,
        accounts: Sequence[str],
        moment: Moment | None,
    ) -> ledger_service_pb2.BatchGetAccountsResponse:
        """Read accounts as they are, from the view if that will do, or as they were."""
        if moment is not None:
            return await self._reading.serve(
                request, lambda reads, book: reads.accounts.as_of(book, accounts, moment)
            )
        nearby = await self._reading.primary.accounts.nearby(request, accounts)
        if nearby is not None:
            return nearby
        return await self._reading.serve(
            request, lambda reads, book: reads.accounts.now(book, accounts)
        )

    async def ListAccounts(
        self, request: ledger_service_pb2.ListAccountsRequest, context: Context
    ) -> ledger_service_pb2.ListAccountsResponse:
        """List accounts by id."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        wanted = read_account_filter(request, check)
        check.done()
        return await self._reading.serve(
            request,
            lambda reads, book: reads.accounts.page(
                book, wanted, size=size, token=request.page_token
            ),
        )

    async def GetTransfer(
        self, request: ledger_service_pb2.GetTransferRequest, context: Context
    ) -> transfer_pb2.Transfer:
        """Return a transfer."""
        check = read_request(request)
        check.check_target("id", request.id)
        check.done()
        return await self._reading.serve(
            request, lambda reads, book: reads.transfers.one(book, request.id)
        )

    async def ListTransfers(
        self, request: ledger_service_pb2.ListTransfersRequest, context: Context
    ) -> ledger_service_pb2.ListTransfersResponse:
        """List transfers, the newest first."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        wanted = read_transfer_filter(request, check)
        check.done()
        return await self._reading.serve(
            request,
            lambda reads, book: reads.transfers.page(
                book, wanted, size=size, token=request.page_token
            ),
        )


def _check_accounts(accounts: list[str], check: RequestCheck) -> None:
    if not 1 <= len(accounts) <= ACCOUNTS_PER_READ_MAX:
        check.add("accounts", f"{len(accounts)} accounts: 1 to {ACCOUNTS_PER_READ_MAX} allowed")
    seen: set[str] = set()
    for index, account in enumerate(accounts[:ACCOUNTS_PER_READ_MAX]):
        check.check_id(f"accounts[{index}]", account)
        if account in seen:
            check.add(f"accounts[{index}]", f"{account} is asked for twice")
        seen.add(account)
