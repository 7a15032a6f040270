"""`yupana.ledger.v1.HistoryService`."""

from collections.abc import Awaitable
from typing import Any

import grpc.aio

from yupana.ledger.v1 import (
    history_service_pb2,
    history_service_pb2_grpc,
    hold_pb2,
    outcome_pb2,
)
from yupana_server.book.bounds import ID_PATTERN
from yupana_server.journal.points import BookRow
from yupana_server.journal.prefixes import SEGMENTS_MAX, prefix_sums
from yupana_server.journal.reads import JournalReader
from yupana_server.ledger.reads import Reading, Reads
from yupana_server.ledger.statement_reads import StatementFilter
from yupana_server.messages import present
from yupana_server.messages.checks import RequestCheck, page_size, read_request
from yupana_server.messages.present_accounts import fill_balances
from yupana_server.messages.tokens import encode_position
from yupana_server.runtime.errors import CallError

Context = grpc.aio.ServicerContext[Any, Any]


class HistoryServicer(history_service_pb2_grpc.HistoryServiceServicer):
    """Reads a book's history: statements, holds, sums, outcomes."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def GetOutcome(
        self, request: history_service_pb2.GetOutcomeRequest, context: Context
    ) -> outcome_pb2.Outcome:
        """Return the recorded outcome of a command."""
        check = read_request(request)
        check.check_target("id", request.id)
        check.done()
        return await self._reading.serve(
            request, lambda reads, book: _outcome(reads.reader, book, request.id)
        )

    async def GetHold(
        self, request: history_service_pb2.GetHoldRequest, context: Context
    ) -> hold_pb2.Hold:
        """Return a hold."""
        check = read_request(request)
        check.check_id("hold", request.hold)
        check.done()
        return await self._reading.serve(
            request, lambda reads, book: reads.holds.one(book, request.hold)
        )

    async def ListHolds(
        self, request: history_service_pb2.ListHoldsRequest, context: Context
    ) -> history_service_pb2.ListHoldsResponse:
        """List open or expired holds."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        check.check_optional_id("account", request.account)
        expired = request.state == hold_pb2.HOLD_STATE_EXPIRED
        if not expired and request.state not in (
            hold_pb2.HOLD_STATE_UNSPECIFIED,
            hold_pb2.HOLD_STATE_OPEN,
        ):
            check.add("state", f"{request.state} is neither OPEN nor EXPIRED")
        check.done()

        def read(reads: Reads, book: BookRow) -> Awaitable[history_service_pb2.ListHoldsResponse]:
            list_holds = reads.holds.expired if expired else reads.holds.open
            return list_holds(book, account=request.account, size=size, token=request.page_token)

        return await self._reading.serve(request, read)

    async def GetStatement(
        self, request: history_service_pb2.GetStatementRequest, context: Context
    ) -> history_service_pb2.GetStatementResponse:
        """Return a page of an account's statement."""
        check = read_request(request)
        size = page_size(request.page_size, check)
        check.check_id("account", request.account)
        check.check_enum("order", request)
        wanted = StatementFilter(
            account=request.account,
            by_effect=request.order == history_service_pb2.STATEMENT_ORDER_EFFECTIVE_TIME,
            from_at=check.read_time("from_time", request),
            to_at=check.read_time("to_time", request),
        )
        check.done()
        return await self._reading.serve(
            request,
            lambda reads, book: reads.statements.page(
                book, wanted, size=size, token=request.page_token
            ),
        )

    async def SumBalances(
        self, request: history_service_pb2.SumBalancesRequest, context: Context
    ) -> history_service_pb2.SumBalancesResponse:
        """Return the sums of all accounts under a prefix."""
        check = read_request(request)
        _check_segments(request.prefix, check)
        check.done()
        return await self._reading.serve(
            request, lambda reads, book: _sums(reads.reader, book, request.prefix)
        )


async def _outcome(reader: JournalReader, book: BookRow, id_: str) -> outcome_pb2.Outcome:
    entry = (await reader.outcomes(book.number, [id_])).facts[id_]
    if entry is None:
        raise CallError(
            "COMMAND_NOT_FOUND",
            f"no command {id_} is recorded in the book {book.id}",
            metadata={"book": book.id, "id": id_},
        )
    return present.recorded_outcome(book.id, entry)


async def _sums(
    reader: JournalReader, book: BookRow, prefix: str
) -> history_service_pb2.SumBalancesResponse:
    found = await prefix_sums(reader, book.number, prefix)
    response = history_service_pb2.SumBalancesResponse(
        position=encode_position(book.id, book.epoch, found.seq)
    )
    for each in found.sums:
        message = response.sums.add(asset=each.asset, accounts=each.accounts)
        fill_balances(message.balances, each.totals)
    return response


def _check_segments(prefix: str, check: RequestCheck) -> None:
    if not prefix:
        return
    if ID_PATTERN.fullmatch(prefix) is None:
        check.add("prefix", "no account's id begins like this")
    elif prefix.endswith(":"):
        check.add("prefix", "must be whole segments without the colon that follows: `users:42`")
    elif prefix.count(":") >= SEGMENTS_MAX:
        check.add("prefix", f"has {prefix.count(':') + 1} segments: at most {SEGMENTS_MAX} allowed")
