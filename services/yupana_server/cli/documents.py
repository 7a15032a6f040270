"""What the commands print as JSON.

Names are those of the import's files and of the contract; amounts are decimal strings in the
smallest unit, because many JSON readers round large numbers.
"""

from datetime import datetime
from typing import TypeAlias

from yupana import (
    Account,
    Asset,
    AssetSum,
    Balances,
    Book,
    Hold,
    Outcome,
    StatementLine,
    Transfer,
    WindowUsage,
)

Document: TypeAlias = dict[str, object]


def book_json(book: Book) -> Document:
    """Return a book for JSON."""
    return {
        "id": book.id,
        "create_time": _time(book.created_at),
        "epoch": book.epoch,
        "position": book.position,
    }


def asset_json(asset: Asset) -> Document:
    """Return an asset for JSON."""
    return {"id": asset.id, "scale": asset.scale, "create_time": _time(asset.created_at)}


def account_json(account: Account) -> Document:
    """Return an account for JSON."""
    return {
        "id": account.id,
        "asset": account.asset,
        "normal_side": account.normal_side.value,
        "min_balance": _amount(account.min_balance),
        "max_balance": _amount(account.max_balance),
        "windows": [_window_json(usage) for usage in account.windows],
        "balance": str(account.balance),
        "available": str(account.available),
        "debits_posted": str(account.debits_posted),
        "credits_posted": str(account.credits_posted),
        "debits_pending": str(account.debits_pending),
        "credits_pending": str(account.credits_pending),
        "debits_frozen": account.debits_frozen,
        "credits_frozen": account.credits_frozen,
        "closed": account.closed,
        "code": account.code,
        "labels": dict(account.labels),
        "create_time": _time(account.created_at),
        "last_position": account.last_position,
    }


def outcome_json(outcome: Outcome) -> Document:
    """Return what became of a command for JSON."""
    return {
        "id": outcome.id,
        "outcome": outcome.kind.value.rpartition("_")[2],
        "amount": _amount(outcome.amount),
        "remaining": _amount(outcome.remaining),
        "expire_time": _time(outcome.expires_at),
        "reversed_amount": _amount(outcome.reversed_amount),
        "leg_amounts": [str(amount) for amount in outcome.leg_amounts],
        "holds": [{"hold": each.hold, "amount": str(each.amount)} for each in outcome.holds],
        "below_min_balance": outcome.below_min_balance,
        "above_max_balance": outcome.above_max_balance,
        "windows_exceeded": list(outcome.windows_exceeded),
        "reason": outcome.reason,
        "message": outcome.message or None,
        "facts": dict(outcome.facts),
        "replayed": outcome.replayed,
        "position": outcome.position or None,
        "record_time": _time(outcome.recorded_at),
    }


def transfer_json(transfer: Transfer) -> Document:
    """Return a transfer for JSON."""
    chain = transfer.chain
    return {
        "id": transfer.id,
        "kind": transfer.kind.value,
        "debit": transfer.debit,
        "credit": transfer.credit,
        "amount": _amount(transfer.amount),
        "asset": transfer.asset,
        "effective_time": _time(transfer.effective_at),
        "labels": dict(transfer.labels),
        "code": transfer.code,
        "description": transfer.description,
        "reference": transfer.reference,
        "hold": transfer.hold or None,
        "group": transfer.group or None,
        "reverses": transfer.reverses or None,
        "reversed_amount": _amount(transfer.reversed_amount),
        "payment": transfer.payment or None,
        "rate": transfer.rate or None,
        "chain": chain
        and {"first_id": chain.first_id, "place": chain.place, "length": chain.length},
        "outcome": outcome_json(transfer.outcome),
        "debit_balances": transfer.debit_balances and balances_json(transfer.debit_balances),
        "credit_balances": transfer.credit_balances and balances_json(transfer.credit_balances),
    }


def hold_json(hold: Hold) -> Document:
    """Return a hold for JSON."""
    return {
        "id": hold.id,
        "debit": hold.debit,
        "credit": hold.credit,
        "asset": hold.asset,
        "captured_amount": str(hold.captured_amount),
        "remaining_amount": str(hold.remaining_amount),
        "expire_time": _time(hold.expires_at),
        "state": hold.state.value,
        "group": hold.group or None,
        "create_time": _time(hold.created_at),
        "last_position": hold.last_position,
    }


def line_json(line: StatementLine) -> Document:
    """Return a line of a statement for JSON."""
    return {
        "transfer": transfer_json(line.transfer),
        "change": str(line.change),
        "balances": balances_json(line.balances),
    }


def sum_json(found: AssetSum) -> Document:
    """Return the sum of accounts for JSON."""
    return {
        "asset": found.asset,
        "accounts": found.accounts,
        "balances": balances_json(found.balances),
    }


def balances_json(balances: Balances) -> Document:
    """Return the totals of an account, or of several, for JSON."""
    return {
        "debits_posted": str(balances.debits_posted),
        "credits_posted": str(balances.credits_posted),
        "debits_pending": str(balances.debits_pending),
        "credits_pending": str(balances.credits_pending),
        "balance": str(balances.balance),
        "available": str(balances.available),
    }


def _window_json(usage: WindowUsage) -> Document:
    limit = usage.limit
    return {
        "side": limit.side.value,
        "measure": limit.measure.value,
        "length_s": int(limit.length.total_seconds()),
        "max": str(limit.max),
        "used": str(usage.used),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
