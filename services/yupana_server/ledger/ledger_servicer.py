"""`yupana.ledger.v1.LedgerService`."""

from typing import Any

import grpc.aio
from opentelemetry import trace

from yupana.ledger.v1 import ledger_service_pb2, ledger_service_pb2_grpc, transfer_pb2
from yupana_server.book.bounds import ACCOUNTS_PER_READ_MAX
from yupana_server.book.commands import Malformed
from yupana_server.journal.points import BookRow
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger import present
from yupana_server.ledger.account_filters import read_account_filter
from yupana_server.ledger.account_reads import AccountReads
from yupana_server.ledger.books import Books
from yupana_server.ledger.checks import RequestCheck, book_to_read, page_size, read_request
from yupana_server.ledger.moments import read_as_of
from yupana_server.ledger.parse import Parsed, parse_commands
from yupana_server.ledger.submission import (
    Answer,
    BookGoneError,
    ClockSkewError,
    DrainingError,
    NotAnsweredError,
    OutcomeUnknownError,
    OverloadedError,
    Submission,
)
from yupana_server.ledger.tokens import encode_position
from yupana_server.ledger.transfer_filters import read_transfer_filter
from yupana_server.ledger.transfer_reads import TransferReads
from yupana_server.runtime.deadlines import current_deadline
from yupana_server.runtime.errors import CallError, malformed

Context = grpc.aio.ServicerContext[Any, Any]


class LedgerServicer(ledger_service_pb2_grpc.LedgerServiceServicer):
    """Decides and records commands, and reads what was recorded."""

    def __init__(self, books: Books, reader: JournalReader):
        self._books = books
        self._reader = reader
        self._accounts = AccountReads(reader)
        self._transfers = TransferReads(reader)

    async def Execute(
        self, request: ledger_service_pb2.ExecuteRequest, context: Context
    ) -> ledger_service_pb2.ExecuteResponse:
        """Decide and record commands."""
        parsed = parse_commands(request)
        book = await self._books.row(request.book)
        if parsed.violations:
            await self._refuse_unless_known(book, parsed)
        deadline = current_deadline()
        submission = Submission(
            parsed.units,
            deadline.at,
            validate_only=request.validate_only,
            span_context=trace.get_current_span().get_span_context(),
            weight=parsed.weight,
            checked_seq=-1 if parsed.violations else 0,
        )
        deadline.ran_out = lambda: _ran_out(submission)
        answer = await self._submit(book, submission)
        recorded = not request.validate_only
        return ledger_service_pb2.ExecuteResponse(
            outcomes=[present.outcome(book.id, o, recorded=recorded) for o in answer.outcomes],
            position=encode_position(book.id, answer.epoch, answer.seq),
        )

    async def _refuse_unless_known(self, book: BookRow, parsed: Parsed) -> None:
        """Refuse a malformed request; but a known id has its outcome, whatever came with it."""
        ids = [c.id for unit in parsed.units for c in unit if isinstance(c, Malformed)]
        known = (await self._reader.outcomes(book.number, ids)).facts
        unknown = [
            v for id_ in dict.fromkeys(ids) if known[id_] is None for v in parsed.violations[id_]
        ]
        if unknown:
            raise malformed(unknown)

    async def _submit(self, book: BookRow, submission: Submission) -> Answer:
        try:
            writer = await self._books.writer(book.id)
            return await writer.submit(submission)
        except NotAnsweredError as error:
            if isinstance(error, BookGoneError):
                self._books.forget(book.id)
            raise _call_error(error, book.id) from error

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
        book = await book_to_read(self._books, request)
        if moment is None and not request.include_open_holds:
            return await self._accounts.now(book, request.accounts)
        if moment is None:
            return await self._accounts.with_holds(book, request.accounts)
        return await self._accounts.as_of(book, request.accounts, moment)

    async def ListAccounts(
        self, request: ledger_service_pb2.ListAccountsRequest, context: Context
    ) -> ledger_service_pb2.ListAccountsResponse:
        """List accounts by id."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        wanted = read_account_filter(request, check)
        check.done()
        book = await book_to_read(self._books, request)
        return await self._accounts.page(book, wanted, size=size, token=request.page_token)

    async def GetTransfer(
        self, request: ledger_service_pb2.GetTransferRequest, context: Context
    ) -> transfer_pb2.Transfer:
        """Return a transfer."""
        check = read_request(request)
        check.check_target("id", request.id)
        check.done()
        return await self._transfers.one(await book_to_read(self._books, request), request.id)

    async def ListTransfers(
        self, request: ledger_service_pb2.ListTransfersRequest, context: Context
    ) -> ledger_service_pb2.ListTransfersResponse:
        """List transfers, the newest first."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        wanted = read_transfer_filter(request, check)
        check.done()
        book = await book_to_read(self._books, request)
        return await self._transfers.page(book, wanted, size=size, token=request.page_token)


def _check_accounts(accounts: list[str], check: RequestCheck) -> None:
    if not 1 <= len(accounts) <= ACCOUNTS_PER_READ_MAX:
        check.add("accounts", f"{len(accounts)} accounts: 1 to {ACCOUNTS_PER_READ_MAX} allowed")
    seen: set[str] = set()
    for index, account in enumerate(accounts[:ACCOUNTS_PER_READ_MAX]):
        check.check_id(f"accounts[{index}]", account)
        if account in seen:
            check.add(f"accounts[{index}]", f"{account} is asked for twice")
        seen.add(account)


def _ran_out(submission: Submission) -> CallError:
    if submission.unknown:
        return _outcome_unknown()
    state = "decided, but not known to be recorded" if submission.decided else "not decided"
    return CallError(
        "DEADLINE_EXCEEDED",
        f"the call ran out of time, {state}: send it again with the same ids",
    )


def _outcome_unknown() -> CallError:
    return CallError(
        "OUTCOME_UNKNOWN",
        "the commit may or may not have happened: send it again with the same ids",
    )


def _call_error(error: NotAnsweredError, book_id: str) -> CallError:
    if isinstance(error, OverloadedError):
        return CallError(
            "OVERLOADED",
            "too much is waiting already: try again later with the same ids",
            metadata={"queued_commands": str(error.queued_commands)},
        )
    if isinstance(error, ClockSkewError):
        return CallError(
            "CLOCK_SKEW",
            f"the clocks differ by {error.skew_ms} ms: try another server, or later",
            metadata={"skew_ms": str(error.skew_ms)},
        )
    if isinstance(error, OutcomeUnknownError):
        return _outcome_unknown()
    if isinstance(error, DrainingError):
        return CallError("DRAINING", "this server is shutting down: another one takes over")
    if isinstance(error, BookGoneError):
        return CallError(
            "BOOK_NOT_FOUND", f"there is no book {book_id}", metadata={"book": book_id}
        )
    return CallError("INTERNAL", "the service failed; its operators can see why")
