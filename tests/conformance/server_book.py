"""A book of a real server, over gRPC, with nothing but the generated stubs."""

import time
from collections.abc import Iterator, Sequence

import grpc

from conformance.messages import message_of, micros_text, result_of_message
from conformance.pure_book import frozen
from conformance.results import Result
from conformance.runner import Facts, Unit
from yupana.ledger.v1.account_pb2 import Account, NormalSide
from yupana.ledger.v1.book_service_pb2 import CreateBookRequest
from yupana.ledger.v1.book_service_pb2_grpc import BookServiceStub
from yupana.ledger.v1.history_service_pb2 import GetHoldRequest
from yupana.ledger.v1.history_service_pb2_grpc import HistoryServiceStub
from yupana.ledger.v1.hold_pb2 import HoldState
from yupana.ledger.v1.ledger_service_pb2 import (
    BatchGetAccountsRequest,
    ExecuteRequest,
    ExecuteResponse,
    ExecuteStreamRequest,
)
from yupana.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from yupana_server.book.bounds import COMMANDS_PER_REQUEST_MAX, GROUP_HOLDS_MAX
from yupana_server.book.commands import CreatePayment, ResolveGroup, WellFormed
from yupana_server.messages.tokens import decode_position

TIMEOUT_S = 20.0


class ServerBook:
    """A new book behind a channel, whose clock is the server's own."""

    def __init__(self, channel: grpc.Channel, book_id: str):
        self._ledger = LedgerServiceStub(channel)  # type: ignore[no-untyped-call]
        self._history = HistoryServiceStub(channel)  # type: ignore[no-untyped-call]
        self._id = book_id
        books = BookServiceStub(channel)  # type: ignore[no-untyped-call]
        books.CreateBook(CreateBookRequest(book=book_id), timeout=TIMEOUT_S)

    def begin(self) -> int:
        return time.time_ns() // 1000

    def set_clock(self, at: int) -> None:
        raise NotImplementedError("nobody sets the clock of a server")

    def send(self, units: Sequence[Unit]) -> list[Result]:
        return [result for part in _requests(units) for result in self._execute(part)]

    def _execute(self, units: Sequence[Unit]) -> list[Result]:
        messages = [message_of(command, self._id) for unit in units for command in unit]
        request = ExecuteRequest(book=self._id, commands=messages)
        answer = self._ask(request)
        assert [outcome.id for outcome in answer.outcomes] == [each.id for each in messages]
        return [result_of_message(outcome) for outcome in answer.outcomes]

    def _ask(self, request: ExecuteRequest) -> ExecuteResponse:
        answer: ExecuteResponse = self._ledger.Execute(request, timeout=TIMEOUT_S)
        return answer

    def account(self, account_id: str) -> Facts | None:
        account = self._account(account_id)
        if account is None:
            return None
        totals = account.balances
        return {
            "debits_posted": totals.debits_posted,
            "credits_posted": totals.credits_posted,
            "debits_pending": totals.debits_pending,
            "credits_pending": totals.credits_pending,
            "balance": totals.balance,
            "available": totals.available,
            "asset": account.asset,
            "side": NormalSide.Name(account.normal_side).removeprefix("NORMAL_SIDE_").lower(),
            "floor": account.min_balance if account.HasField("min_balance") else "none",
            "ceiling": account.max_balance if account.HasField("max_balance") else "none",
            "used": ",".join(window.used for window in account.windows),
            "frozen": frozen(account.debits_frozen, account.credits_frozen),
            "closed": "yes" if account.closed else "no",
            "code": account.code or "none",
        }

    def _account(self, account_id: str) -> Account | None:
        request = BatchGetAccountsRequest(book=self._id, accounts=[account_id])
        answer = self._ledger.BatchGetAccounts(request, timeout=TIMEOUT_S)
        assert len(answer.accounts) + len(answer.missing) == 1
        return answer.accounts[0] if answer.accounts else None

    def hold(self, hold_id: str) -> Facts | None:
        request = GetHoldRequest(book=self._id, hold=hold_id)
        try:
            hold = self._history.GetHold(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise
        return {
            "state": HoldState.Name(hold.state).removeprefix("HOLD_STATE_").lower(),
            "debit": hold.debit_account,
            "credit": hold.credit_account,
            "captured": hold.captured_amount,
            "remaining": hold.remaining_amount,
            "expires": micros_text(hold.expire_time) if hold.HasField("expire_time") else "never",
        }

    def last_position(self, account_id: str) -> tuple[int, int]:
        account = self._account(account_id)
        assert account is not None
        return decode_position(self._id, account.last_position)


class StreamBook(ServerBook):
    """The same, with every request sent over a stream."""

    def _ask(self, request: ExecuteRequest) -> ExecuteResponse:
        requests = iter([ExecuteStreamRequest(request=request)])
        [answer] = self._ledger.ExecuteStream(requests, timeout=TIMEOUT_S)
        assert isinstance(answer, ExecuteResponse)
        return answer


def _requests(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Cut units into requests that are not too large."""
    part: list[Unit] = []
    weight = 0
    for unit in units:
        heavy = sum(_weight(command) for command in unit)
        if part and weight + heavy > COMMANDS_PER_REQUEST_MAX:
            yield part
            part, weight = [], 0
        part.append(unit)
        weight += heavy
    if part:
        yield part


def _weight(command: WellFormed) -> int:
    """Return as how many commands this one counts."""
    if isinstance(command, ResolveGroup):
        return GROUP_HOLDS_MAX
    return 1 + len(command.legs) if isinstance(command, CreatePayment) else 1
