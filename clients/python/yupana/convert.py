"""Between the values of this package and the messages of the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from yupana.commands import Command, CreateTransfer, NormalSide, OpenAccount
from yupana.ledger.v1 import account_pb2, command_pb2, error_reason_pb2
from yupana.ledger.v1.consistency_pb2 import Consistency
from yupana.ledger.v1.ledger_service_pb2 import ExecuteRequest
from yupana.outcomes import Outcome, OutcomeKind
from yupana.reasons import PROTO_PREFIX, Reason
from yupana.records import Account, Asset, Book, Chain, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yupana.ledger.v1 import book_pb2, outcome_pb2, transfer_pb2

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_FACTS: Mapping[str, str] = {}
_SIDES = {
    NormalSide.CREDIT: account_pb2.NORMAL_SIDE_CREDIT,
    NormalSide.DEBIT: account_pb2.NORMAL_SIDE_DEBIT,
}
_KINDS = {kind.value: kind for kind in OutcomeKind}


def execute_request(
    book: str, commands: Iterable[Command], *, validate_only: bool = False
) -> ExecuteRequest:
    """Return the request that carries the commands.

    Each one is built in place, because messages passed to a constructor are copied: 0.8 ms instead
    of 2.0 ms for 1,000 transfers.
    """
    request = ExecuteRequest(book=book, validate_only=validate_only)
    add = request.commands.add
    for command in commands:
        message = add(id=command.id)
        if command.linked:
            message.linked = True
        if isinstance(command, CreateTransfer):
            _fill_transfer(message.create_transfer, command)
        elif isinstance(command, OpenAccount):
            message.open_account.CopyFrom(_open_account(command))
        else:
            opening = command_pb2.OpenAsset(asset=command.asset, scale=command.scale)
            message.open_asset.CopyFrom(opening)
    return request


def _fill_transfer(message: command_pb2.CreateTransfer, transfer: CreateTransfer) -> None:
    message.debit_account = transfer.debit
    message.credit_account = transfer.credit
    message.amount = str(transfer.amount)
    if transfer.asset:
        message.asset = transfer.asset
    if transfer.effective_at is not None:
        message.effective_time.CopyFrom(timestamp(transfer.effective_at))
    if transfer.labels:
        message.labels.update(transfer.labels)


def _open_account(command: OpenAccount) -> command_pb2.OpenAccount:
    return command_pb2.OpenAccount(
        account=command.account,
        asset=command.asset,
        normal_side=_SIDES[command.normal_side],
        min_balance=_optional_text(command.min_balance),
        max_balance=_optional_text(command.max_balance),
    )


def consistency(*, at_least: str | None, eventual: bool) -> Consistency | None:
    """Return how fresh a read must be; None, the default, means that it sees every answer."""
    if at_least is not None and eventual:
        raise ValueError("a read is either at_least a position or eventual: give one of them")
    if at_least is not None:
        return Consistency(at_least=at_least)
    return Consistency(eventual=True) if eventual else None


def outcome(message: outcome_pb2.Outcome) -> Outcome:
    """Return what became of a command."""
    result = message.WhichOneof("result")
    kind = OutcomeKind.UNKNOWN if result is None else _KINDS[result]
    amount = None
    why: outcome_pb2.Rejection | outcome_pb2.Refusal | None = None
    if kind is OutcomeKind.TRANSFER_POSTED:
        amount = int(message.transfer_posted.amount)
    elif kind is OutcomeKind.REJECTED:
        why = message.rejected
    elif kind is OutcomeKind.REFUSED:
        why = message.refused
    return Outcome(
        message.id,
        kind,
        amount,
        _reason(why.reason) if why else None,
        dict(why.facts) if why else _NO_FACTS,
        why.message if why else "",
        message.replayed,
        message.position,
        moment(message.record_time) if message.HasField("record_time") else None,
    )


def book(message: book_pb2.Book) -> Book:
    """Return a book."""
    return Book(message.id, moment(message.create_time), message.epoch, message.position)


def asset(message: book_pb2.Asset) -> Asset:
    """Return an asset."""
    return Asset(message.id, message.scale, moment(message.create_time))


def account(message: account_pb2.Account) -> Account:
    """Return an account with its totals as whole numbers."""
    totals = message.balances
    debit = message.normal_side == account_pb2.NORMAL_SIDE_DEBIT
    return Account(
        id=message.id,
        asset=message.asset,
        normal_side=NormalSide.DEBIT if debit else NormalSide.CREDIT,
        min_balance=int(message.min_balance) if message.HasField("min_balance") else None,
        max_balance=int(message.max_balance) if message.HasField("max_balance") else None,
        debits_posted=int(totals.debits_posted),
        credits_posted=int(totals.credits_posted),
        debits_pending=int(totals.debits_pending),
        credits_pending=int(totals.credits_pending),
        balance=int(totals.balance),
        available=int(totals.available),
        created_at=moment(message.create_time),
        last_position=message.last_position,
    )


def transfer(message: transfer_pb2.Transfer) -> Transfer:
    """Return a transfer with its outcome."""
    chain = message.chain if message.HasField("chain") else None
    return Transfer(
        id=message.id,
        debit=message.debit_account,
        credit=message.credit_account,
        amount=int(message.amount),
        asset=message.asset,
        effective_at=moment(message.effective_time),
        labels=dict(message.labels),
        chain=Chain(chain.first_id, chain.place, chain.length) if chain else None,
        outcome=outcome(message.outcome),
    )


def moment(message: Timestamp) -> datetime:
    """Return the time in UTC; what is finer than a microsecond is cut off."""
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def timestamp(at: datetime) -> Timestamp:
    """Return the message for an aware time, exact to the microsecond."""
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} names no time zone: give an aware datetime")
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def _reason(number: int) -> Reason:
    known = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(number)
    return Reason(known.name.removeprefix(PROTO_PREFIX) if known else str(number))


def _optional_text(number: int | None) -> str | None:
    return None if number is None else str(number)
