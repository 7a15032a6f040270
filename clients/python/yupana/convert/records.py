"""What was read from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yupana.convert.enums import HOLD_STATES, NORMAL_SIDES, TRANSFER_KINDS
from yupana.convert.limits import window_usage
from yupana.convert.outcomes import outcome
from yupana.convert.times import moment, optional_moment
from yupana.ledger.v1 import account_pb2
from yupana.records import (
    Account,
    Asset,
    AssetSum,
    Balances,
    Book,
    Chain,
    Hold,
    Snapshot,
    StatementLine,
    StatementPage,
    Transfer,
)

if TYPE_CHECKING:
    from yupana.ledger.v1 import (
        book_pb2,
        history_service_pb2,
        hold_pb2,
        ledger_service_pb2,
        transfer_pb2,
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
    return Account(
        id=message.id,
        asset=message.asset,
        normal_side=NORMAL_SIDES.of(message.normal_side or account_pb2.NORMAL_SIDE_CREDIT),
        min_balance=int(message.min_balance) if message.HasField("min_balance") else None,
        max_balance=int(message.max_balance) if message.HasField("max_balance") else None,
        windows=tuple(map(window_usage, message.windows)),
        debits_posted=int(totals.debits_posted),
        credits_posted=int(totals.credits_posted),
        debits_pending=int(totals.debits_pending),
        credits_pending=int(totals.credits_pending),
        balance=int(totals.balance),
        available=int(totals.available),
        debits_frozen=message.debits_frozen,
        credits_frozen=message.credits_frozen,
        closed=message.closed,
        code=message.code,
        labels=dict(message.labels),
        created_at=moment(message.create_time),
        last_position=message.last_position,
    )


def transfer(message: transfer_pb2.Transfer) -> Transfer:
    """Return a transfer with its outcome."""
    chain = message.chain if message.HasField("chain") else None
    return Transfer(
        id=message.id,
        kind=TRANSFER_KINDS.of(message.kind),
        debit=message.debit_account,
        credit=message.credit_account,
        amount=_optional_number(message.amount),
        asset=message.asset,
        effective_at=moment(message.effective_time),
        labels=dict(message.labels),
        code=message.code,
        description=message.description,
        reference=message.reference,
        chain=Chain(chain.first_id, chain.place, chain.length) if chain else None,
        outcome=outcome(message.outcome),
        hold=message.hold,
        group=message.group,
        reverses=message.reverses,
        payment=message.payment,
        rate=message.rate,
        debit_balances=_optional_balances(message, "debit_balances"),
        credit_balances=_optional_balances(message, "credit_balances"),
        reversed_amount=_optional_number(message.reversed_amount),
    )


def hold(message: hold_pb2.Hold) -> Hold:
    """Return a hold as it stands."""
    return Hold(
        id=message.id,
        debit=message.debit_account,
        credit=message.credit_account,
        asset=message.asset,
        captured_amount=int(message.captured_amount),
        remaining_amount=int(message.remaining_amount),
        expires_at=optional_moment(message, "expire_time"),
        state=HOLD_STATES.of(message.state),
        group=message.group,
        created_at=moment(message.create_time),
        last_position=message.last_position,
    )


def snapshot(message: ledger_service_pb2.BatchGetAccountsResponse) -> Snapshot:
    """Return accounts with their open holds."""
    return Snapshot(
        accounts={each.id: account(each) for each in message.accounts},
        missing=tuple(message.missing),
        open_holds=tuple(map(hold, message.open_holds)),
        more_open_holds=message.more_open_holds,
        position=message.position,
    )


def statement_page(message: history_service_pb2.GetStatementResponse) -> StatementPage:
    """Return a stretch of a statement."""
    return StatementPage(
        opening=_balances(message.opening),
        lines=tuple(
            StatementLine(transfer(line.transfer), int(line.change), _balances(line.balances))
            for line in message.lines
        ),
        closing=_balances(message.closing),
        position=message.position,
    )


def asset_sum(message: history_service_pb2.AssetSum) -> AssetSum:
    """Return the sum of the accounts that hold one asset."""
    return AssetSum(message.asset, message.accounts, _balances(message.balances))


def _balances(message: account_pb2.Balances) -> Balances:
    return Balances(
        debits_posted=int(message.debits_posted),
        credits_posted=int(message.credits_posted),
        debits_pending=int(message.debits_pending),
        credits_pending=int(message.credits_pending),
        balance=int(message.balance),
        available=int(message.available),
    )


def _optional_balances(message: transfer_pb2.Transfer, field: str) -> Balances | None:
    return _balances(getattr(message, field)) if message.HasField(field) else None


def _optional_number(text: str) -> int | None:
    return int(text) if text else None
